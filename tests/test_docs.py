"""Documents stay true: every row of the paper is spoken for, every file they name exists, every command they show parses."""

from __future__ import annotations

import re
import shlex

import pytest

from citycarbon.paths import PROJECT_ROOT
from orchestration.cli import build_parser

PAGES = sorted([PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").glob("*.md")])
STATES = {"done", "partly", "not yet"}


def coverage_rows() -> list[list[str]]:
    text = (PROJECT_ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    return [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| L\d\d ", line)]


def test_every_row_of_the_paper_is_spoken_for_once():
    rows = coverage_rows()
    assert [r[0] for r in rows] == [f"L{n:02}" for n in range(1, 83)]
    assert {r[2] for r in rows} <= STATES
    assert all(len(r[1]) > 10 for r in rows)


def test_what_is_done_names_the_file_and_the_test_that_do_it():
    for row, _, state, where, test in coverage_rows():
        if state != "not yet":
            assert "`" in where and "`tests/" in test, row


def test_every_file_that_the_coverage_names_exists():
    for row, _, _, where, test in coverage_rows():
        for name in re.findall(r"`([^`]+)`", f"{where} {test}"):
            found = list(PROJECT_ROOT.glob(name)) if "*" in name else [PROJECT_ROOT / name]
            assert found and all(p.exists() for p in found), f"{row}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_point_to_pages_that_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`(docs/[\w-]+\.md|[\w-]+\.md)`", text):
        assert (PROJECT_ROOT / name).exists() or (page.parent / name).exists(), f"{page.name} names {name}"


def test_every_command_of_the_readme_parses():
    text = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line.partition("#")[0].strip() for line in text.splitlines() if line.startswith("citycarbon ")]
    commands = [c for line in lines for c in line.split(" | ")]
    assert len(commands) >= 8
    for command in commands:
        words = shlex.split(command.removeprefix("citycarbon "))
        assert build_parser().parse_args(words).name == words[0]
