"""The shipped study cut to its baseline tables, for tests on small invented panels that lack the other tables' variables."""

from __future__ import annotations

from functools import cache

from citycarbon.study import Study, load_study
from citycarbon.study.extensions import Inference

BASELINE = ("1", "2", "1p", "2p")


@cache
def baseline_study() -> Study:
    """ai_pilot with Table 1, the four baseline columns of Table 2 and the attrition table; no splits, no published numbers."""
    study = load_study("ai_pilot")
    tables = {name: study.tables[name] for name in ("table1", "table2", "attrition")}
    tables["table2"] = tables["table2"].model_copy(
        update={"columns": [c for c in tables["table2"].columns if c.id in BASELINE]}
    )
    extensions = study.extensions.model_copy(update={"inference": Inference()})  # its own names tables that are not here
    return study.model_copy(
        update={"tables": tables, "splits": [], "matchings": [], "published": None, "extensions": extensions}
    )
