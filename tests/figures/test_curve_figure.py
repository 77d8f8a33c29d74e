"""The specification curve as drawn: small, the same bytes each time, words from its numbers, nothing where nothing is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics.curve_choices import READINGS
from citycarbon.econometrics.spec_curve import CURVE_TYPES, SUMMARY_TYPES
from citycarbon.figures.curve import _cut, _level, _strips, draw_curve


@pytest.fixture
def frames():
    rng = np.random.default_rng(1)
    n = 1200
    curve = pd.DataFrame({name: pd.Series(dtype="object") for name in CURVE_TYPES}).reindex(range(n))
    for reading in READINGS:
        levels = {"series": ["city", "chen_county_edgar_city_2018"], "winsorise": ["0.0", "0.01"]}.get(reading, ["a", "b"])
        curve[reading] = rng.choice(levels, n)
    relative = np.sort(rng.normal(-0.2, 0.2, n))
    curve = curve.assign(
        spec=np.arange(1, n + 1), relative=relative, relative_low=relative - 0.2, relative_high=relative + 0.2,
        p_ri_t=rng.uniform(size=n), band_low=-0.3, band_high=0.3, rank=np.arange(1, n + 1), is_headline=np.arange(n) == 700,
    )  # fmt: skip
    summary = pd.DataFrame(
        [
            {"part": "curve", "name": "all", "share_negative": 0.84, "share_negative_ri": 0.05},
            {"part": "curve", "name": "headline", "observed": relative[700], "note": "rank 701 of 1200"},
            {"part": "choice", "name": "scale", "moves": 0.25},
            {"part": "joint", "name": "median_t", "p_value": 0.0126, "draws": 999},
        ]
    ).reindex(columns=list(SUMMARY_TYPES))
    return curve, summary


def test_files_words_and_size(frames, tmp_path):
    paths = draw_curve(*frames, tmp_path, "spec_curve", True)
    assert [p.suffix for p in paths] == [".svg", ".png", ".csv", ".txt"]
    words = paths[3].read_text(encoding="utf-8")
    assert words.startswith("SYNTHETIC") and "1,200 different regressions" in words and "Negative: 84 %" in words
    assert "p = 0.013" in words and "rank 701 of 1200" in words and "scale 0.250" in words
    assert paths[0].stat().st_size < 400_000
    points = pd.read_csv(paths[2])
    assert len(points) == 1200 and points["relative"].is_monotonic_increasing


def test_what_of_the_band_lies_outside_the_panel_is_told(frames):
    curve, _ = frames
    assert _cut(curve) == ""
    assert _cut(curve.assign(band_high=9.04)) == " The band goes on above to 9.0."
    assert _cut(curve.assign(band_low=-5.0, band_high=9.04)) == " The band goes on below to -5.0 and above to 9.0."


def test_choices_are_named_in_words():
    named = [
        _level(*choice) for choice in (("winsorise", "0.0"), ("winsorise", "0.01"), ("series", "chen_county_edgar_city_2018"))
    ]
    assert named == ["not", "1 %", "county sums, EDGAR 2018 on"]


def test_what_is_the_same_regression_is_drawn_once_and_counts_for_all_its_choices(frames, tmp_path):
    curve, summary = frames
    first, again = curve.iloc[:40].assign(effects="a"), curve.iloc[:40].assign(effects="b")
    again = again.assign(same_as=again["spec"], spec=again["spec"] + 5000)
    both = pd.concat([first, again], ignore_index=True)
    points = pd.read_csv(draw_curve(both, summary, tmp_path, "spec_curve", True)[2])
    assert len(points) == 40
    strips = {(r, v): shares for r, v, shares in _strips(first, both)}
    assert strips["effects", "a"].sum() == strips["effects", "b"].sum() == 40


def test_the_same_numbers_in_another_order_give_the_same_bytes(frames, tmp_path):
    curve, summary = frames[0].iloc[::10], frames[1]
    one = draw_curve(curve, summary, tmp_path / "a", "spec_curve", False)
    other = draw_curve(curve.sample(frac=1, random_state=2), summary, tmp_path / "b", "spec_curve", False)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_nothing_is_drawn_where_nothing_is_estimable(frames, tmp_path):
    curve, summary = frames
    assert draw_curve(curve.assign(relative=np.nan), summary, tmp_path, "spec_curve", False) == []
