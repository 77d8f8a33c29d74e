"""The forest of the staggered estimators: points, names and words from the rows, the same bytes, nothing without estimates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics.staggered import STAGGERED_COLUMNS
from citycarbon.figures.staggered_forest import draw_staggered

ALL, BALANCED = "all rows of the column", "balanced: cities seen in every year 2016-2021"


def line(estimator, label, estimate, p, sample=ALL, controls="none", aggregation="treated rows alike"):
    return {
        "table": "table2", "column": "2", "estimator": estimator, "label": label, "aggregation": aggregation, "sample": sample,
        "controls": controls, "n_obs": 4385 if sample == ALL else 678, "n_treated_units": 9, "estimate": estimate,
        "std_error": 0.05, "conf_low": estimate - 0.1, "conf_high": estimate + 0.1, "p_ri": p, "unit": "log points",
    }  # fmt: skip


@pytest.fixture
def rows():
    cs = "Callaway and Sant'Anna, never treated"
    lines = [
        line("twfe_controls", "Two-way regression, the column's controls", -0.377, 0.001, controls="lnpgdp, edu"),
        line("twfe", "Two-way regression", -0.368, 0.001),
        line("callaway_santanna_simple", cs, -0.326, 0.001, aggregation="mean over cells by their cities"),
        line("callaway_santanna_group", cs, -0.304, 0.051, aggregation="by cohort, then by size"),
        line("callaway_santanna_dr", "Callaway and Sant'Anna, doubly robust", -0.31, 0.002, controls="lnpgdp"),
        line("sun_abraham", "Sun and Abraham", np.nan, np.nan),
        line("twfe", "Two-way regression", -0.316, 0.001, BALANCED),
        line("synthetic", "Synthetic DID by cohort", -0.323, 0.001, BALANCED),
    ]
    return pd.DataFrame(lines, columns=list(STAGGERED_COLUMNS))


def test_files_points_and_words(rows, tmp_path):
    paths = draw_staggered(rows, tmp_path, "staggered", True)
    assert [p.suffix for p in paths] == [".svg", ".png", ".csv", ".txt"]
    words = paths[3].read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    assert words.startswith("SYNTHETIC") and "the two-way regression without controls gives -0.368" in words
    name = "Callaway and Sant'Anna, never treated: mean over cells by their cities"
    assert f"3 other estimators run from -0.326 ({name}) to -0.304" in words
    assert "p by randomisation inference from 0.001 to 0.051." in words
    alone = "another estimator gives -0.323 (Synthetic DID by cohort), p by randomisation inference 0.001."
    assert f"gives -0.316; {alone}" in words
    assert "nan" not in words.lower() and len(pd.read_csv(paths[2])) == 7
    drawn = paths[0].read_text(encoding="utf-8")
    group = "balanced: 2016-2021 (N 678, 9 treated cities)"
    for text in ("CS, never treated: simple", "CS, doubly robust, given lnpgdp", group, "Not estimable: 1."):
        assert text in drawn


def test_the_same_rows_give_the_same_bytes(rows, tmp_path):
    one = draw_staggered(rows, tmp_path / "a", "staggered", False)
    other = draw_staggered(rows.copy(), tmp_path / "b", "staggered", False)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_nothing_is_drawn_without_an_estimate(rows, tmp_path):
    assert draw_staggered(rows[rows["estimate"].isna()], tmp_path, "staggered", False) == []
    assert draw_staggered(rows.iloc[:0], tmp_path, "staggered", False) == [] and list(tmp_path.iterdir()) == []
