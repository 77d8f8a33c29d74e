"""The sets by Mbar and M: what is drawn, ends without bound, words, the same bytes each time, nothing where none is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics.sensitivity_rows import sensitivity_frame
from citycarbon.figures.trend_sets import draw_trend_sets


def row(analysis, variant, parameter, low=np.nan, high=np.nan, note=""):
    return {
        "analysis": analysis, "variant": variant, "parameter": parameter, "term": "event study", "estimate": -0.25,
        "conf_low": low, "conf_high": high, "unit": "log points", "note": note,
    }  # fmt: skip


@pytest.fixture
def rows():
    return sensitivity_frame(
        [
            row("relative_magnitude", "first", 0.0, -0.4, -0.1),
            row("relative_magnitude", "first", 1.0, -np.inf, 0.1),
            row("relative_magnitude", "first: breakdown", 0.75),
            row("relative_magnitude", "first, single years", 0.0, -0.35, -0.15),
            row("smoothness", "first, single years", 0.0, -0.3, 0.02),
            row("smoothness", "first, single years: breakdown", np.nan, note="none: it holds zero already at 0; nine cities"),
            row("pretrend_power", "slope", 0.5),
        ]
    )


def test_points_and_words(rows, tmp_path):
    paths = draw_trend_sets(rows, tmp_path, "trends", True)
    assert [p.suffix for p in paths] == [".svg", ".png", ".csv", ".txt"]
    words = paths[3].read_text(encoding="utf-8")
    assert words.startswith("SYNTHETIC") and "Mbar 1: open to 0.100" in words and "It holds zero from Mbar = 0.750 on" in words
    assert "Breakdown value: none: it holds zero already at 0." in words and "nan" not in words
    points = pd.read_csv(paths[2])
    assert points["variant"].tolist() == ["first", "first", "first, single years"]  # all leads where the table has them
    assert points["x"].tolist() == pytest.approx([-0.12, 0.88, -0.12])


def test_the_same_rows_give_the_same_bytes(rows, tmp_path):
    one, other = (draw_trend_sets(rows.copy(), tmp_path / f, "trends", False) for f in "ab")
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_nothing_is_drawn_where_no_set_is_known(rows, tmp_path):
    assert draw_trend_sets(rows.assign(conf_low=np.nan), tmp_path, "trends", False) == []
    assert draw_trend_sets(rows.iloc[:0], tmp_path, "trends", False) == []
    everywhere = rows.assign(conf_low=-np.inf, conf_high=np.inf)
    assert len(draw_trend_sets(everywhere, tmp_path, "trends", False)) == 4
