"""Great Expectations behind one function: judged frames and expectations in, verdicts and failing rows out.

The adapter finds each verdict by the id in the expectation's meta, never by order, and turns an exception inside the engine (a
missing column gives an empty result) into a verdict with a message.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from expectations.rule import Expect

ROW = "_row"


@dataclass(frozen=True)
class Batch:
    """One frame and the expectations on it, by id. The frame's index is 0..n-1."""

    name: str
    frame: pd.DataFrame
    expectations: dict[str, Expect]


@dataclass(frozen=True)
class Verdict:
    """``rows``: positions in the batch's frame that failed; ``error``: why the expectation could not be judged, else ''."""

    passed: bool
    judged: int
    rows: list[int] = field(default_factory=list)
    error: str = ""


def validate(batches: list[Batch]) -> dict[tuple[str, str], Verdict]:
    """Judge every batch; keys are (batch name, expectation id). A batch without rows is not sent to the engine: nothing
    failed."""
    verdicts = {(b.name, i): Verdict(True, 0) for b in batches for i in b.expectations if b.frame.empty}
    full = [b for b in batches if not b.frame.empty]
    if full:
        with _quiet():
            definition = _definition()
            for batch in full:
                verdicts |= {(batch.name, i): v for i, v in _judge(definition, batch).items()}
    return verdicts


@contextmanager
def _quiet() -> Iterator[None]:
    """No analytics (the gate works offline) and no log lines about empty results while the engine runs."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _definition() -> Any:
    """A batch definition of a fresh ephemeral context. The context must exist before any suite is filled."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("gate").add_dataframe_asset("judged")
    return asset.add_batch_definition_whole_dataframe("whole")


def _judge(definition: Any, batch: Batch) -> dict[str, Verdict]:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    suite = gx.ExpectationSuite(name=batch.name)
    for rule_id, expect in batch.expectations.items():
        suite.add_expectation(getattr(gxe, expect.kind)(**expect.arguments, meta={"rule": rule_id}))
    needed = {c for expect in batch.expectations.values() for c in expect.columns} & set(batch.frame.columns)
    frame = batch.frame[sorted(needed)].assign(**{ROW: range(len(batch.frame))})
    form = {"result_format": "COMPLETE", "unexpected_index_column_names": [ROW], "partial_unexpected_count": 0}
    outcome = definition.get_batch({"dataframe": frame}).validate(suite, result_format=form)
    return {r.expectation_config.meta["rule"]: _verdict(r) for r in outcome.results}


def _verdict(result: Any) -> Verdict:
    body = result.result or {}
    if not body:
        return Verdict(False, 0, error=_message(result.exception_info))
    rows = sorted({int(row[ROW]) for row in body.get("unexpected_index_list") or []})
    return Verdict(bool(result.success), int(body.get("element_count", 0)), rows)


def _message(info: Any) -> str:
    """The first exception message, at whatever depth the engine nests it."""
    if isinstance(info, dict):
        text = info.get("exception_message")
        if text:
            return str(text)
        for inner in info.values():
            found = _message(inner)
            if found:
                return found
    return ""
