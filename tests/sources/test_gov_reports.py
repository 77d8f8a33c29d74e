"""Work reports: longest match of a published list, four counts by stated rules, an edition read as one batch."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.errors import UnusableInput
from citycarbon.paths import Home
from citycarbon.sources import gov_reports
from citycarbon.sources.gov_reports import ENVIRONMENT_WORDS, compile_words, count_report, environment_words
from citycarbon.sources.intake import take_in
from citycarbon.sources.landing import add

NEUTRAL = "经济社会发展取得成就，" * 12


@pytest.fixture
def reports(tmp_path):
    """Write reports by name into a folder; bytes are written as they are."""

    def make(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "reports"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return folder

    return make


@pytest.fixture
def read_all(record):
    def run(folder: Path):
        files = [
            (p.relative_to(folder).as_posix(), p, hashlib.sha256(p.read_bytes()).hexdigest()) for p in folder.rglob("*.txt")
        ]
        return gov_reports.read_batch(folder, files, record("gov_reports"))

    return run


def values(result):
    return {(r["place_code"], r["data_year"], r["indicator_label"]): r["value"] for r in result.rows.to_pylist()}


# --- counting ---------------------------------------------------------------------------------------------------------------


def test_the_longest_word_wins_and_its_parts_do_not_count_again():
    assert environment_words().pattern.findall("生态环境保护与生态") == ["生态环境", "生态"]
    assert count_report("生态环境")[0] == 1


def test_counts_by_the_stated_rules():
    # 生态环境 | 保护 | PM2.5 | 下降 | 12.5 | 的 | 目标: two of the list, five others.
    counts = count_report("生态环境保护，PM2.5下降12.5%的目标")
    assert counts == (2, 7, 4 + 4, 4 + 2 + 4 + 2 + 3 + 1 + 2)


def test_an_odd_run_of_characters_rounds_up_and_a_function_character_is_a_word():
    assert count_report("工业化").total_words == 2
    assert count_report("工业的发展").total_words == 3


def test_full_width_forms_line_breaks_and_spaces_do_not_matter():
    assert count_report("ＰＭ２．５和节能\n减排") == count_report("PM2.5和节能减排")
    assert count_report("生 态\n环 境").env_words == 1


def test_a_title_and_marked_lines_are_not_counted():
    body = "推进绿色发展。"
    title = "2018年济南市人民政府工作报告\n"
    assert count_report("# a remark\n" + title + body) == count_report(body)
    assert count_report("本次政府工作报告。" + body).total_chars > count_report(body).total_chars


@settings(max_examples=up_to(80))
@given(st.lists(st.sampled_from(["绿色", "生态文明", "经济", "发展", "的", "，", "2020", "污染物"]), max_size=40))
def test_shares_lie_between_zero_and_one_and_parts_never_exceed_the_whole(parts):
    counts = count_report("".join(parts))
    assert 0 <= counts.env_words <= counts.total_words
    assert 0 <= counts.env_chars <= counts.total_chars
    assert counts.env_words == 0 or counts.env_chars >= 2 * counts.env_words


@settings(max_examples=up_to(50))
@given(st.permutations(["绿色", "绿色发展", "生态", "生态环境", "环境保护"]))
def test_the_order_of_the_list_does_not_matter(words):
    text = "绿色发展与生态环境保护，绿色生态"
    assert count_report(text, compile_words(words)) == count_report(text, compile_words(sorted(words)))


def test_the_published_list_is_clean_and_says_where_each_word_comes_from():
    with ENVIRONMENT_WORDS.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    words = [r["word"] for r in rows]
    assert 80 <= len(words) == len(set(words)) <= 150
    assert all(r["category"] and r["source"] and r["list"] in ("core", "extended") for r in rows)
    assert all(w == w.strip() and len(w) > 1 for w in words)
    core = {r["word"] for r in rows if r["list"] == "core"}
    assert len(core) == 15
    assert {"环境保护", "污染", "化学需氧量", "PM2.5"} <= core


# --- reading ----------------------------------------------------------------------------------------------------------------


def test_four_numbers_a_report_with_file_line_code_and_year(reports, read_all):
    text = NEUTRAL + "加强污染防治。"
    folder = reports({"370100_济南市_2018.txt": text, "370200_青岛市_2018.txt": text.encode("gbk")})
    result = read_all(folder)
    assert result.rows.num_rows == 8
    one, two = ({k[2]: v for k, v in values(result).items() if k[0] == code} for code in ("370100", "370200"))
    assert one == two
    assert one["env_words"] == 1
    row = result.rows.to_pylist()[0]
    assert (row["place_label"], row["line"], row["cell"], row["text"], row["unit"]) == ("济南市", 1, None, "1", "词")
    assert row["file_sha256"] == hashlib.sha256((folder / "370100_济南市_2018.txt").read_bytes()).hexdigest()
    assert row["raw_id"].startswith(row["file_sha256"][:16] + "||L1")
    assert len(set(result.rows["raw_id"].to_pylist())) == 8


def test_a_folder_a_year_and_any_order_of_files_give_the_same_rows(reports, record):
    folder = reports({f"{y}/370100_济南市_{y}.txt": NEUTRAL + "绿色" * (y - 2014) for y in (2015, 2016, 2017)})
    files = [(p.relative_to(folder).as_posix(), p, hashlib.sha256(p.read_bytes()).hexdigest()) for p in folder.rglob("*.txt")]
    forward = gov_reports.read_batch(folder, files, record("gov_reports"))
    backward = gov_reports.read_batch(folder, files[::-1], record("gov_reports"))
    assert forward.rows.equals(backward.rows)
    assert values(forward)[("370100", 2017, "env_words")] == 3
    assert forward.rows["file_name"].to_pylist()[0] == "2015/370100_济南市_2015.txt"


def test_read_is_the_batch_of_one(reports, record):
    folder = reports({"370100_济南市_2018.txt": NEUTRAL})
    path = folder / "370100_济南市_2018.txt"
    alone = gov_reports.read(path, record("gov_reports"), "a" * 64)
    assert alone.rows.equals(gov_reports.read_batch(folder, [(path.name, path, "a" * 64)], record("gov_reports")).rows)


def test_through_the_intake_an_edition_is_one_cache_entry(reports, tmp_path):
    home, landing = Home(tmp_path / "home"), tmp_path / "landing"
    folder = reports({f"37{i:04d}_城市_2018.txt": NEUTRAL + "环保" * i for i in range(1, 30)})
    add("gov_reports", [folder], "2018", landing)
    first, again = take_in("gov_reports", landing, home), take_in("gov_reports", landing, home)
    assert (first.read_now, again.read_now) == (1, 0)
    assert first.rows == 4 * 29
    assert first.sha256 == again.sha256
    assert len(list(home.snapshots.iterdir())) == 29


# --- bad input --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def refuse_all(read_all):
    def run(folder) -> UnusableInput:
        with pytest.raises(UnusableInput) as caught:
            read_all(folder)
        assert caught.value.exit_code == 2
        assert caught.value.remedy
        return caught.value

    return run


def good(n: int) -> dict[str, str | bytes]:
    return {f"37{i:04d}_城市_2018.txt": NEUTRAL for i in range(n)}


def test_an_empty_report_is_refused_by_name(reports, refuse_all):
    error = refuse_all(reports(good(5) | {"370100_济南市_2018.txt": b""}))
    assert error.path.name == "370100_济南市_2018.txt"
    assert "empty" in error.found


def test_a_report_cut_inside_a_character_is_refused_and_not_read_as_gbk(reports, refuse_all):
    error = refuse_all(reports(good(5) | {"370100_济南市_2018.txt": NEUTRAL.encode("utf-8")[:-1]}))
    assert "cut inside a character" in error.found


@pytest.mark.parametrize("content", [b"%PDF-1.4 \x00", NEUTRAL.encode("utf-16"), b"\xff" * 300])
def test_files_that_are_no_text_are_refused(reports, refuse_all, content):
    assert refuse_all(reports(good(5) | {"370100_济南市_2018.txt": content})).path.name == "370100_济南市_2018.txt"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("济南市2018年报告.txt", NEUTRAL, "unknown_file_name"),
        ("370100_济南市_2018.txt", "政府工作报告", "too_short"),
        ("370100_济南市_2018.txt", "The report of the city government. " * 20, "not_chinese_text"),
        ("370100_济南市_2018.txt", NEUTRAL.encode("utf-8").decode("gbk", "replace"), "not_chinese_text"),
    ],
)
def test_one_file_that_is_no_report_is_set_aside_with_a_warning(reports, read_all, name, content, code):
    result = read_all(reports(good(9) | {name: content}))
    (bad,) = result.quarantine.to_pylist()
    assert (bad["reason_code"], bad["file_name"]) == (code, name)
    assert result.rows.num_rows == 36
    assert any(name in w for w in result.warnings)


def test_many_files_that_are_no_reports_make_the_edition_unusable(reports, refuse_all):
    error = refuse_all(reports(good(50) | {f"report{i}.txt": NEUTRAL for i in range(3)}))
    assert "3 of 53 files" in error.found


def test_nothing_but_wrong_names_is_unusable(reports, refuse_all):
    assert "1 of 1" in refuse_all(reports({"report.txt": NEUTRAL})).found


def test_two_reports_of_one_city_and_year_are_both_read_for_the_gate_to_judge(reports, read_all):
    folder = reports({"a/370100_济南市_2018.txt": NEUTRAL, "b/370100_济南市_2018.txt": NEUTRAL})
    result = read_all(folder)
    assert result.rows.num_rows == 8
