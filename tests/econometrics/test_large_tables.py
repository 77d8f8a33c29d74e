"""From a file that a user adds to the rows of ``large_tables.csv``: dated by the panel's policy, planted effect recovered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from citycarbon.cities import roster
from citycarbon.econometrics.large_tables import DRAWS, LARGE_COLUMNS, large_tables
from citycarbon.errors import UnusableInput, UsageError
from citycarbon.paths import Home
from citycarbon.sample.large_table import LargeTableDesign, write_large_table
from citycarbon.sources.intake import receive, take_in
from citycarbon.sources.large_table import kept_files
from citycarbon.study.extensions import Extensions, LargeTable

CITIES = [c.adcode for c in roster()][:40]
FIRST = {CITIES[2]: 2019, CITIES[7]: 2019, CITIES[11]: 2021, CITIES[20]: 2021}
DESIGN = LargeTableDesign(cities=CITIES, counties=3, months=36, sectors=2, controls=2, effect=-1.0, seed=4, first_year=FIRST)
TABLE = LargeTable(
    id="sectors", label="county by month by sector", edition="2024", outcome="ln_co2", controls=["x1", "x2"],
    unit=["county_id", "sector"], time=["month"],
)  # fmt: skip


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """A home whose landing folder holds one large table, taken in."""
    home = Home(tmp_path_factory.mktemp("home"))
    file = home.root / "sectors.parquet"
    assert write_large_table(file, DESIGN) == 40 * 3 * 36 * 2
    receive("large_table", [file], "2024", home.landing, home, synthetic=True)
    return home, file, take_in("large_table", home.landing, home)


@pytest.fixture(scope="module")
def panel():
    cities = [*CITIES, "999998"]
    years = {**FIRST, "999998": 2019}
    return pd.DataFrame({"city_id": cities, "first_year_ai_pilot": [years.get(c, np.nan) for c in cities]})


def estimated(panel, study, home, *tables):
    with_tables = study.model_copy(update={"extensions": Extensions(large_tables=list(tables))})
    return large_tables(panel, with_tables, lambda t: kept_files(t.source, t.edition, home.landing, home), home.root)


def test_the_file_is_kept_by_its_hash_and_no_row_of_it_becomes_a_raw_row(added):
    home, file, report = added
    assert (report.rows, report.editions, len(report.files)) == (0, ("2024",), 1)
    kept = kept_files("large_table", "2024", home.landing, home)
    assert [(name, path.read_bytes()) for name, path in kept.items()] == [
        ("large_table/2024/sectors.parquet", file.read_bytes())
    ]


def test_a_planted_effect_is_recovered_and_tested_by_redrawing_cities(added, panel, base_study):
    import pyfixest

    home, file, _ = added
    rows = estimated(panel, base_study, home, TABLE)
    assert list(rows.columns) == list(LARGE_COLUMNS)
    assert rows["term"].tolist() == ["did", "x1", "x2"]
    did = rows.iloc[0]
    assert abs(did["estimate"] - DESIGN.effect) < 3 * did["std_error"]
    data = pd.read_parquet(file).assign(unit=lambda d: d["county_id"] * 10 + d["sector"])
    other = pyfixest.feols("ln_co2 ~ did + x1 + x2 | unit + month", data, vcov={"CRV1": "city_id"}, fixef_tol=1e-12)
    for row in rows.itertuples():
        assert row.estimate == pytest.approx(other.coef()[row.term], rel=1e-10)
        assert row.std_error == pytest.approx(other.se()[row.term], rel=1e-10)
        assert row.p_value == pytest.approx(other.pvalue()[row.term], rel=1e-8)
        assert (row.conf_low, row.conf_high) == pytest.approx(tuple(other.confint().loc[row.term]), rel=1e-8)
    assert (did["draws"], did["undefined"]) == (DRAWS, 0)
    assert 0 < did["p_ri_t"] < 0.05 and 0 < did["p_ri_beta"] < 0.05
    assert rows["p_ri_t"].isna().tolist() == [False, True, True]
    facts = ("df", "n_rows", "n_left_out", "n_obs", "n_cells", "n_units", "n_times", "n_clusters", "n_treated_units")
    assert did[list(facts)].tolist() == [39, 8640, 0, 8640, 8640, 240, 36, 40, 24]
    assert did["n_treated_clusters"] == 4
    assert did["fixed_effects"] == "county_id x sector (240 levels) + month (36 levels)"
    assert did["note"] == "treated cities without a usable row: 999998"


def test_the_same_file_gives_the_same_bytes(added, panel, base_study, tmp_path):
    from citycarbon.econometrics.contract import write_csv

    for name in ("a", "b"):
        write_csv(estimated(panel, base_study, added[0], TABLE), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_cities_that_the_panel_does_not_know_are_said(added, panel, base_study):
    rows = estimated(panel[panel["city_id"] != CITIES[0]], base_study, added[0], TABLE)
    assert f"1 cities of the table are not in the panel and count as untreated: {CITIES[0]}" in rows["note"][0]


def test_a_table_that_cannot_be_estimated_keeps_its_rows_with_the_reason(added, panel, base_study):
    home = added[0]
    wrong = {"edition": "2025"}, {"controls": ["x9"]}, {"outcome": "city_id", "controls": []}, {"memory_gib": 1e-6}
    tables = [TABLE.model_copy(update={"id": f"t{i}", **change}) for i, change in enumerate(wrong)]
    rows = estimated(panel, base_study, home, *tables).set_index("table")
    assert "no edition '2025' of large_table in the landing folder (there: 2024); add it with" in rows.loc["t0", "note"].iloc[0]
    assert len(rows.loc["t0"]) == 3 and rows.loc[["t0"], "estimate"].isna().all()
    assert "large_table/2024/sectors.parquet: found the columns" in rows.loc["t1", "note"].iloc[0]
    assert "expected numbers" in rows.loc["t2", "note"]
    assert "GiB of memory would be needed" in rows.loc["t3", "note"].iloc[0]


def test_no_treated_city(added, panel, base_study):
    rows = estimated(panel.assign(first_year_ai_pilot=np.nan), base_study, added[0], TABLE)
    assert rows["note"][0] == "not estimable: absorbed by the fixed effects"
    assert rows["estimate"].notna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("first", "note"),
    [
        ({CITIES[2]: 2020}, ""),
        (dict.fromkeys(CITIES, 2020), "not estimable: absorbed by the fixed effects"),
        ({c: 2020 + i % 2 for i, c in enumerate(CITIES)}, ""),
        ({CITIES[2]: 2015}, "not estimable: absorbed by the fixed effects"),  # before the table begins
        ({CITIES[2]: 2022}, "not estimable: absorbed by the fixed effects"),  # after it ends
    ],
)
def test_one_city_every_city_and_cities_treated_outside_the_table(added, panel, base_study, first, note):
    rows = estimated(panel.assign(first_year_ai_pilot=panel["city_id"].map(first)), base_study, added[0], TABLE)
    did = rows.iloc[0]
    assert did["note"] == note
    assert np.isfinite([did["estimate"], did["std_error"], did["p_ri_t"]]).tolist() == [not note] * 3
    assert rows["estimate"].notna().tolist() == [not note, True, True]
    if len(first) == 1 and not note:
        assert did["p_ri_t"] > 1 / 45  # of 40 cities that could have been it


@pytest.mark.parametrize(
    ("cluster", "note"),
    [
        ("county_id", "no randomisation inference: a city lies in more than one cluster"),
        ("sector", "no randomisation inference: a city lies in more than one cluster"),
    ],
)
def test_clusters_that_do_not_hold_the_cities_have_no_redraws(added, panel, base_study, cluster, note):
    did = estimated(panel, base_study, added[0], TABLE.model_copy(update={"cluster": cluster})).iloc[0]
    assert did["note"].endswith(note) and np.isfinite(did["std_error"]) and np.isnan(did["p_ri_t"])


def test_a_study_without_large_tables_gives_a_header(panel, base_study, added):
    rows = large_tables(panel, base_study, lambda _: {})
    assert list(rows.columns) == list(LARGE_COLUMNS) and not len(rows)


def test_what_is_no_parquet_or_empty_is_not_taken_in(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "a.parquet").write_text("county,month\n")
    with pytest.raises(UnusableInput, match=r"large_table/2024/a.parquet: found a file that cannot be read as parquet"):
        receive("large_table", [tmp_path / "a.parquet"], "2024", home.landing, home)
    pd.DataFrame({"y": []}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(UnusableInput, match="found no row"):
        receive("large_table", [tmp_path / "b.parquet"], "2024", home.landing, home)
    with pytest.raises(UsageError, match="No file given can be read as large_table"):
        receive("large_table", [__file__], "2024", home.landing, home)


def test_an_edition_that_is_not_taken_in_yet(added, tmp_path):
    _, file, _ = added
    home = Home(tmp_path)
    receive("large_table", [file], "2024", home.landing, home)
    with pytest.raises(UsageError, match="is not taken in yet"):
        kept_files("large_table", "2024", home.landing, home)
