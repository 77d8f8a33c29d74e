"""The page of the built pipeline: every table and figure of the study, each sentence a sentence, small enough to pass on."""

import re

import pytest
from page_parser import Page


@pytest.fixture
def built(pipeline):
    return pipeline.release / "report" / "index.html"


@pytest.mark.pipeline
def test_a_run_shows_all_tables_and_figures_in_the_report(built):
    text = built.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    for n in range(1, 9):
        assert f'<section id="table{n}"' in text and f"<caption>Synthetic data. Table {n}. " in text, n
    for n in range(1, 4):
        assert f'<figure id="figure{n}"' in text, n
    assert len([t for t, _ in page.tags if t == "svg"]) >= 3
    for part in ("inference", "claims", "comparison", "forensics", "recovery", "since"):
        assert f'<section id="{part}"' in text, part
    assert built.stat().st_size < 2_500_000
    links = {a["href"] for t, a in page.tags if t == "a" and not a["href"].startswith("#")}
    assert {"../tables/table2.csv", "../comparison.csv", "../estimates.csv"} <= links
    assert not [link for link in links if not (built.parent / link).resolve().is_file()]


@pytest.mark.pipeline
def test_no_number_is_missing_in_words_and_nothing_is_pending(built):
    words = " ".join(" ".join(Page(built.read_text(encoding="utf-8")).texts).split())
    assert not re.findall(r"\bnan\b|\binf\b|\bNone\b|<NA>", words)
    assert "RI pending" not in words
    assert "DOES NOT HOLD" not in words
