"""The overlap plot: its points are the scores it was given, its words count them, nothing depends on their order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from citycarbon.figures import draw_overlap


@pytest.fixture(scope="module")
def scores():
    return pd.DataFrame(
        {
            "treated": [True, True, False, False, False, False],
            "score": [0.30, 0.90, 0.10, 0.20, 0.60, np.nan],
            "matched": [True, False, False, True, False, False],
        }
    )


def test_points_and_words_are_those_of_the_scores(scores, tmp_path):
    paths = draw_overlap(scores, tmp_path, "figure_overlap", synthetic=True)
    assert [p.name for p in paths] == [f"figure_overlap.{k}" for k in ("svg", "png", "csv", "txt")]
    drawn = pd.read_csv(paths[2])
    assert sorted(drawn["score"].dropna()) == [0.1, 0.2, 0.3, 0.6, 0.9] and drawn["treated"].sum() == 2
    words = paths[3].read_text(encoding="utf-8")
    assert "SYNTHETIC" in words and "SYNTHETIC" in paths[0].read_text(encoding="utf-8")
    # one treated score, 0.9, is above the highest comparison score, 0.6
    assert "0.100 to 0.600. Outside it: 1 of 2 treated rows. 1 rows have no score." in words
    turned = draw_overlap(scores.iloc[::-1], tmp_path / "turned", "figure_overlap", synthetic=True)
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in turned]  # row order changes no byte
    assert "Matched comparison: 1, median 0.200" in words and "1 of 2 treated rows have a match" in words


def test_without_comparison_scores_there_is_no_common_support(scores, tmp_path):
    paths = draw_overlap(scores[scores["treated"]], tmp_path, "o", synthetic=False)
    assert "No comparison city has a score: there is no common support." in paths[3].read_text(encoding="utf-8")


def test_a_missing_column_is_named(scores, tmp_path):
    with pytest.raises(ValueError, match="matched"):
        draw_overlap(scores.drop(columns="matched"), tmp_path, "o", synthetic=False)
