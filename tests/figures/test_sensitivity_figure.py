"""The forest of the sensitivity: what is drawn, in words, the same bytes each time, nothing where nothing is in log points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics.sensitivity_rows import sensitivity_frame
from citycarbon.figures.sensitivity_forest import draw_sensitivity


def line(analysis, variant, estimate, p, term="did", unit="ln(Mt)", parameter=np.nan):
    return {
        "analysis": analysis, "variant": variant, "parameter": parameter, "table": "table2", "column": "2", "term": term,
        "estimate": estimate, "conf_low": estimate - 0.1, "conf_high": estimate + 0.1, "p_ri_t": p, "unit": unit,
    }  # fmt: skip


@pytest.fixture
def rows():
    return sensitivity_frame(
        [
            line("headline", "headline", -0.377, 0.001),
            line("controls", "none", -0.41, 0.2),
            line("exposure", "exposure", -0.2, 0.01, parameter=50.0),
            line("exposure", "exposure", 0.05, 0.59, term="near_50km", parameter=50.0),
            line("conley", "uniform", -0.377, np.nan, parameter=100.0),
            line("outcome_scale", "level", -11.0, 0.001, unit="Mt"),
            line("samples", "without_later_cohorts", np.nan, np.nan, unit=""),
            line("smoothness", "average", -9.0, np.nan),
        ]
    )


def test_files_points_and_words(rows, tmp_path):
    paths = draw_sensitivity(rows, tmp_path, "sensitivity_forest", True)
    assert [p.suffix for p in paths] == [".svg", ".png", ".csv", ".txt"]
    words = paths[3].read_text(encoding="utf-8")
    assert words.startswith("SYNTHETIC") and "2 other ways of estimating it run from \N{MINUS SIGN}0.410 (no controls)" in words
    assert "1 of 2 tested have p below 0.05" in words and "near_50km, the exposure itself, 0.050, p 0.590" in words
    assert "not drawn: level (Mt)" in words and "Not estimable on this panel: 1" in words
    points = pd.read_csv(paths[2])
    assert points["analysis"].tolist() == ["headline", "controls", "exposure", "exposure", "conley"]
    assert paths[0].stat().st_size < 400_000


def test_the_same_rows_give_the_same_bytes(rows, tmp_path):
    one = draw_sensitivity(rows, tmp_path / "a", "sensitivity_forest", False)
    other = draw_sensitivity(rows.copy(), tmp_path / "b", "sensitivity_forest", False)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_nothing_is_drawn_where_nothing_is_in_log_points(rows, tmp_path):
    assert draw_sensitivity(rows[rows["unit"] == "Mt"], tmp_path, "sensitivity_forest", False) == []
    assert draw_sensitivity(rows.iloc[:0], tmp_path, "sensitivity_forest", False) == []
    assert list(tmp_path.iterdir()) == []
