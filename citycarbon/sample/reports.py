"""Government work reports as text: neutral sentences with as many environmental words as the share asks for.

The text is no language: words of two characters from a neutral vocabulary, none of whose characters occurs in the published
word list, so that nothing is counted by chance. No report is longer than 1,500 characters.
"""

from __future__ import annotations

import csv

import numpy as np

from citycarbon.paths import DBT_PROJECT
from citycarbon.sample.dgp import stream
from citycarbon.sample.files import Text
from citycarbon.sample.landing import Drop
from citycarbon.sample.places import YEARS
from citycarbon.sample.published import SENTENCE_WORDS, report_sentences
from citycarbon.sample.world import World

LONGEST = 1500  # characters of a report, title and remark included
SENTENCES = 600  # different sentences
NEUTRAL = """
会议 政府 人民 代表 工作 报告 经济 社会 发展 改革 开放 创新 产业 企业 市场 服务 民生 教育 医疗 就业
收入 城乡 农村 农业 农民 工业 制造 科技 人才 项目 投资 消费 出口 贸易 财政 税收 金融 交通 道路 铁路
机场 港口 园区 平台 品牌 旅游 文化 体育 卫生 养老 住房 社区 街道 安全 法治 监督 作风 党员 干部 群众
目标 任务 计划 措施 政策 机制 制度 体系 能力 水平 规模 效益 结构 速度 总量 比重 增速 年度 上年 今年
去年 五年 未来 全市 各位 同志 各项 重点 基本 全面 深入 持续 稳步 加快 推进 完善 落实 提升 扩大 优化
支持 鼓励 引导 加强 确保 实现 完成 建成 启动 开展 组织 协调 统筹 促进 带动 培育 壮大 做强 做大
"""
CORE_WORDS = ("环境保护", "环保", "污染", "能耗", "减排", "排污", "生态", "绿色", "低碳", "空气")


def gov_reports(world: World) -> Drop:
    """One file a city and year, named by code, city and year."""
    sentences = _sentences(world.seed)
    count, env = report_sentences(world.places, world.seed), world.published.env_words
    rng = stream(world.seed, "report texts")
    size = (*count.shape, int(count.max()))
    chosen = rng.integers(0, len(sentences), size=size)
    words = rng.integers(0, len(CORE_WORDS), size=size)
    files: dict[str, Text] = {}
    for i, city in enumerate(world.places.panel):
        for t, year in enumerate(YEARS):
            if not np.isnan(env[i, t]):
                parts = [sentences[j] for j in chosen[i, t, : count[i, t]].tolist()]
                for n in range(int(env[i, t])):
                    # Spread over the report, at the beginning of a sentence.
                    at = (n * 13 + 5) % len(parts)
                    parts[at] = CORE_WORDS[words[i, t, n]] + "，" + parts[at]
                body = "".join(parts)
                files[f"{city.adcode}_{city.name}_{year}.txt"] = Text(_head(city.name, year) + body + "\n")
    title = "annual work reports of city governments, 2003-2021, cut at 1,500 characters"
    return Drop("gov_reports", "2022", 2022, title, files, unit_notes="text; no sentence of it means anything")


def _head(name: str, year: int) -> str:
    return f"# SYNTHETIC 合成文本\n{year}年{name}政府工作报告\n"


def _sentences(seed: int) -> list[str]:
    """Neutral sentences of SENTENCE_WORDS words each; no character of theirs occurs in the published list."""
    with (DBT_PROJECT / "seeds" / "environment_words.csv").open(encoding="utf-8-sig", newline="") as handle:
        forbidden = {ch for row in csv.DictReader(handle) for ch in row["word"]}
    neutral = [w for w in NEUTRAL.split() if not set(w) & forbidden]
    picks = stream(seed, "sentences").integers(0, len(neutral), size=(SENTENCES, SENTENCE_WORDS))
    return ["".join(neutral[j] for j in line) + "。" for line in picks.tolist()]
