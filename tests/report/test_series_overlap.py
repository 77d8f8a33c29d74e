"""Two series of one quantity by hand: levels, logs, changes across gaps, and cells that only one of them has."""

import numpy as np
import pandas as pd
import pytest

from citycarbon.report.series_overlap import OVERLAP_COLUMNS, series_overlap


def panel():
    """Two cities, 2003 to 2006. b is twice a in the first city; the second misses a in 2004 and b in 2006; c is empty."""
    return pd.DataFrame(
        {
            "city_id": ["1"] * 4 + ["2"] * 4,
            "year": [2003, 2004, 2005, 2006] * 2,
            "co2_mt_a": [1.0, 2.0, 3.0, 5.0, 4.0, np.nan, 6.0, 7.0],
            "co2_mt_b": [2.0, 4.0, 6.0, 10.0, 4.0, 5.0, 3.0, np.nan],
            "co2_mt_c": [np.nan] * 8,
            "co2_mt_a_flag": [None] * 8,
        }
    )


def test_overlap_is_counted_and_compared_by_hand():
    frame = series_overlap(panel(), ["co2_mt_a", "co2_mt_b"])
    assert list(frame.columns) == list(OVERLAP_COLUMNS)
    whole = frame.iloc[0]
    assert (whole["scope"], whole["cells"], whole["cities"], whole["cells_only_a"], whole["cells_only_b"]) == (
        "all",
        6,
        2,
        1,
        1,
    )
    a, b = np.array([1, 2, 3, 5, 4, 6.0]), np.array([2, 4, 6, 10, 4, 3.0])
    assert whole["corr_levels"] == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert whole["corr_logs"] == pytest.approx(np.corrcoef(np.log(a), np.log(b))[0, 1])
    difference = np.log(a) - np.log(b)
    assert whole["mean_log_difference"] == pytest.approx(difference.mean())
    assert whole["sd_log_difference"] == pytest.approx(difference.std(ddof=1))
    # The second city has no two neighbouring years of both; in the first the changes are the same.
    assert whole["changes"] == 3 and whole["corr_changes"] == pytest.approx(1.0)
    years = frame[frame["scope"] == "year"].set_index("year")
    assert years["cells"].to_dict() == {2003: 2, 2004: 1, 2005: 2, 2006: 1} and years["corr_levels"].isna().all()
    assert years.loc[2004, "cells_only_b"] == 1 and years.loc[2006, "cells_only_a"] == 1


def test_every_pair_of_the_panel_is_there_and_row_order_does_not_matter():
    frame = series_overlap(panel())
    assert {(r.series_a, r.series_b) for r in frame.itertuples()} == {
        ("co2_mt_a", "co2_mt_b"), ("co2_mt_a", "co2_mt_c"), ("co2_mt_b", "co2_mt_c"),
    }  # fmt: skip
    empty = frame[frame["series_b"] == "co2_mt_c"]
    assert (empty["cells"] == 0).all() and empty["mean_log_difference"].isna().all() and (empty["scope"] == "all").all()
    pd.testing.assert_frame_equal(frame, series_overlap(panel().sample(frac=1, random_state=0)))


def test_values_that_have_no_log_are_no_cells_and_constants_no_correlation():
    changed = panel().assign(co2_mt_a=[0.0, -1.0, 3, 3, 3, 3, 3, 3])
    whole = series_overlap(changed, ["co2_mt_a", "co2_mt_b"]).iloc[0]
    assert whole["cells"] == 5 and np.isnan(whole["corr_levels"])
    assert series_overlap(panel().iloc[:0]).iloc[0]["cells"] == 0
