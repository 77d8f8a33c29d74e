"""The tables of docs/real-data.md: where they stand, and that a run's findings read as they do."""

import pytest

from citycarbon.errors import UsageError
from orchestration.real_docs import DOCUMENT, as_markdown, tables_in, with_tables

ROW = {
    "table": "table2", "column": "1", "term": "did", "estimate": -0.133984, "std_error": 0.027461, "p_value": 0.01,
    "p_ri_t": 0.0064, "p_ri_beta": 0.0943, "stars": "***", "n_obs": 5605, "n_clusters": 295, "n_treated_units": 9,
    "n_treated_cells": 17, "note": "",
}  # fmt: skip
POINT = {"label": "t", "estimate": 0.1, "std_error": 0.05}
LEADS = {"pretrend_F": 1.5, "pretrend_df1": 3.0, "pretrend_df2": 290.0, "pretrend_p": 0.221, "pretrend_p_ri": None}


def findings():
    absent = {**ROW, "column": "2", "estimate": None, "note": "not estimable: not supplied: er"}
    alone = {**ROW, "column": "3", "term": "did_lag1", "estimate": None, "note": "not estimable: 0 treated cities; 3 rows out"}
    change = {"column": "1", "std_error": 0.02, "change_in_se": -0.1, "n_treated_units": 5.0}
    one = {
        "label": "a list", "rows": 3, "agree": 2, "kinds": {"extra": 1}, "headline": "1", "rest": [{"change": 0.0}],
        "differences": [{"kind": "extra", "city_name": "甲市", "place_label": "甲"}],
        "estimates": [{**change, "switch": "sourced", "estimate": 0.05}, {**change, "switch": "list", "estimate": 0.048}],
        "by_kind": [{"kind": "extra", "cities": 1.0, "change": -0.002}], "by_city": [{"city_name": "甲市", "change": -0.002}],
    }  # fmt: skip
    study = {"did": [ROW, absent, alone], "leads": {**LEADS, "points": [POINT]}, "not_supplied": {"table2:2": "er"}}
    return {"studies": {"s": study}, "policy_lists": {"l": one}}


def test_findings_read_as_tables():
    text = as_markdown(findings())
    assert "| `table2:1` | -0.13398 | 0.02746 | 0.0064 | 0.0943 | 5,605 | 295 | 9 | 17 |" in text
    assert "**Not supplied** (1 columns, each printed as such): `table2:2` er." in text and "| `table2:2`" not in text
    assert "| `table2:3` (did_lag1) | not estimable: 0 treated cities |" in text
    assert "Leads jointly zero: F(3, 290) = 1.50, p = 0.221." in text
    assert "| 1 | 0.04800 (0.02000) | 0.05000 (0.02000) | -0.10 | 5 for 5 |" in text and "extra: 甲市." in text


def test_tables_go_between_the_marks_and_nowhere_else():
    page = DOCUMENT.read_text(encoding="utf-8")
    changed = with_tables(page, "| a |")
    assert tables_in(changed) == "| a |" and with_tables(changed, tables_in(page)) == page
    with pytest.raises(UsageError, match="real: begin"):
        with_tables("no marks", "| a |")


def test_the_document_shows_the_estimate_that_is_known():
    page = DOCUMENT.read_text(encoding="utf-8")
    assert "| `table2_variants:1_all` | -0.13398 | 0.02746 |" in page and "not supplied" in page.lower()
