"""The page of a release: offline, accessible, synthetic where it is, and every result a number of the release's own files."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "release"))

from page_parser import Page
from tiny_fixtures import one_code_version, release, released, synthetic

from citycarbon.econometrics import read_estimates
from citycarbon.report import sentences
from citycarbon.report.page import build_report

__all__ = ["one_code_version", "release", "released", "synthetic"]


@pytest.fixture
def page(release):
    return Page((release / "report/index.html").read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_anywhere(release, page):
    assert not {t for t, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "img"}
    links = [a["href"] for t, a in page.tags if t == "a"]
    assert all(link.startswith(("#", "../")) for link in links)
    assert all((release / "report" / link).resolve().is_file() for link in links if link.startswith("../"))
    text = (release / "report/index.html").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|src=", text)


def test_tags_close_headings_nest_and_every_table_has_a_caption_and_headers(page):
    assert page.open == []
    levels = [int(t[1]) for t, _ in page.tags if re.fullmatch(r"h\d", t)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    names = [t for t, _ in page.tags]
    assert names.count("table") == names.count("caption") >= 8
    assert all("scope" in a for t, a in page.tags if t == "th")
    assert next(a for t, a in page.tags if t == "html")["lang"] == "en"
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["href"][1:] for t, a in page.tags if t == "a" and a["href"].startswith("#")} <= ids


def test_a_synthetic_release_says_so_in_title_banner_headline_and_captions(synthetic):
    text = (synthetic.home.releases / "latest/report/index.html").read_text(encoding="utf-8")
    assert "<title>SYNTHETIC" in text and "SYNTHETIC DATA." in text and "[SYNTHETIC]" in text
    assert text.count("<caption>Synthetic data. Table") == 2


def test_a_release_from_measured_sources_does_not_say_synthetic(page):
    assert "synthetic" not in " ".join(page.texts).lower()


def test_the_headline_holds_the_estimate_of_the_main_column(release, page):
    rows = read_estimates(release / "estimates.csv")
    row = rows[(rows["column"] == "2") & (rows["term"] == "did")].iloc[0]
    text = " ".join(" ".join(page.texts).split())
    assert f"did = {sentences.signed(row['estimate'])} (standard error {row['std_error']:.3f}" in text
    assert "RI pending" in text and "7 treated city-years" in text


def test_checks_corrections_quarantine_sources_and_commands_are_on_the_page(release, page):
    text = " ".join(" ".join(page.texts).split())
    for part in (
        "1 passed, 1 warned, 0 failed",
        "304100/2016",
        "a decimal slip",
        "text_in_number_cell",
        "may not be passed on",
        "doi:10.1038/s41597-020-00736-3",
        "gov is missing",
        f"citycarbon verify {release.name}",
        "citycarbon trace table2:2:did",
    ):
        assert part in text, part
    for given in ("chen_county", "compiled_city"):
        assert given in text


def test_the_same_release_gives_the_same_page(release):
    before = (release / "report/index.html").read_bytes()
    assert build_report(release).read_bytes() == before


def test_what_a_source_calls_itself_is_text_and_never_markup(synthetic):
    release = (synthetic.home.releases / "latest").resolve()
    body = (release / "manifest.json").read_text(encoding="utf-8")
    (release / "manifest.json").write_text(body.replace('"CC0"', '"<script>alert(1)</script>"'), encoding="utf-8")
    text = build_report(release).read_text(encoding="utf-8")
    assert "<script>" not in text and "&lt;script&gt;" in text


# --- sentences ---------------------------------------------------------------------------------------------------------------


def _row(**changes):
    row = {
        "table": "table2",
        "column": "2",
        "term": "did",
        "estimate": -0.3,
        "std_error": 0.1,
        "conf_low": -0.5,
        "conf_high": -0.1,
        "df": 219.0,
        "transform": "ln",
        "outcome_unit": "Mt",
        "fixed_effects": "city (220 levels) + year (19 levels)",
        "n_units": 220,
        "n_obs": 3017,
        "n_treated_units": 9,
        "n_treated_cells": 17,
        "star_rule": "pending",
        "note": "",
    }
    return row | changes


def test_a_log_outcome_is_told_in_per_cent_and_another_in_its_unit():
    import pandas as pd

    rows = pd.DataFrame([_row(), _row(term="gov"), _row(term="_cons")])
    assert "25.9 % lower CO2" in sentences.headline(_row(), rows, "ai_pilot", "CO2")
    assert "1 control " in sentences.headline(_row(), rows, "ai_pilot", "CO2")
    assert "2.000 higher CO2" in sentences.headline(_row(transform="none", estimate=2.0), rows, "ai_pilot", "CO2")
    alone = pd.DataFrame([_row(), _row(term="_cons")])
    assert "than city and year effects predict" in sentences.headline(_row(), alone, "ai_pilot", "CO2")
    assert "3,017 city-years" in sentences.headline(_row(), rows, "ai_pilot", "CO2")


def test_the_interval_is_said_to_cover_zero_only_where_it_does():
    assert "does not cover zero" in sentences.uncertainty(_row())
    assert "covers zero" in sentences.uncertainty(_row(conf_high=0.1))
    assert "RI pending" in sentences.uncertainty(_row())


def test_nothing_estimable_is_said_and_is_no_crash():
    import pandas as pd

    rows = pd.DataFrame([_row(estimate=float("nan"), note="did is absorbed")])
    assert sentences.headline_row(rows) is None
    assert "No column" in sentences.headline(None, rows, "ai_pilot", "CO2")


def test_weak_points_count_what_weakens():
    points = " ".join(sentences.weak_points(_row(), {"gov": {"any": 12, "chained": 12}}, in_sample=3017, all_rows=6460))
    assert "9 treated cities (17 treated city-years), 0.56 % of the sample, carry" in points
    assert (
        "3,443 of 6,460" in points
        and "gov: 12 values of the sample (0.4 %)" in points
        and "chained 12" in points
        and "selected, not drawn" in points
    )


def test_flags_are_counted_by_value_and_by_kind():
    import pandas as pd

    assert sentences.count_flags(pd.Series([None, "", "chained;merged_sum", "chained"])) == {
        "any": 2,
        "chained": 2,
        "merged_sum": 1,
    }
    assert sentences.count_flags(pd.Series([None, ""], dtype="object")) == {}


def test_a_sample_says_what_was_planted_beside_what_was_found():
    import pandas as pd

    assert sentences.planted({}, pd.DataFrame([_row()])) == []
    meaning, said = sentences.planted({"estimands": {"table2:2": -0.2}}, pd.DataFrame([_row(), _row(column="1")]))
    assert "planted \N{MINUS SIGN}0.200, found \N{MINUS SIGN}0.300 (0.100), 1.0 standard errors below" in said
    assert "not independent trials" in meaning and "without noise" in meaning
