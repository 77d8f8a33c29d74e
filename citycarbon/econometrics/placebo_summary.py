"""The placebo in files: the summary of a column's redraws, one row of ``placebo.csv``, and the draws that are shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import draws as law
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.inversion import TIE, interval_beta, interval_t
from citycarbon.econometrics.randomisation import p_value
from citycarbon.econometrics.resampling import Statistics
from citycarbon.study.spec import Column

if TYPE_CHECKING:
    import pandas as pd

PLACEBO_COLUMNS = (
    "table", "column", "term", "scheme", "draws", "undefined", "treated_mean", "mean", "sd", "q025", "q975", "p_ri_beta",
    "p_ri_t", "share_beyond", "size_t_5pct", "mde80", "conf_low_ri_t", "conf_high_ri_t", "conf_low_ri_beta",
    "conf_high_ri_beta", "seed", "estimate", "t_stat", "note",
)  # fmt: skip
PLACEBO_TYPES = {**dict.fromkeys(("table", "column", "term", "scheme", "seed", "note"), str), "draws": int, "undefined": int}
SHOWN_SCHEMA = {
    "table": "string", "column": "string", "scheme": "string", "draw": "int64", "beta": "double", "t": "double",
    "n_treated_units": "int64", "n_treated_cells": "int64",
}  # fmt: skip
MDE = 2.8  # standard deviations of the placebo that an effect needs to be found with 80 % power at 5 %: 1.96 + 0.84


def summary(actual: Statistics, drawn: Statistics, df: int) -> dict[str, Any]:
    """Numbers of one row of the placebo summary, without its labels.

    ``mean``, ``sd`` (B - 1), ``q025``, ``q975`` of b* where the sharp null holds; ``share_beyond``: share of |b*| >= |b|;
    ``size_t_5pct``: share of |t*| beyond the 5 % critical value of t(G-1), which is what the clustered test claims to be 5 %;
    ``mde80`` = 2.8 sd (Bloom 1995); ``treated_mean``: units with a treated row, mean over draws; ``undefined``: draws left out.
    """
    from scipy.stats import t as student

    b, t = drawn.beta(), drawn.t()
    beta, t_stat = float(actual.beta()[0]), float(actual.t()[0])
    defined, t_defined = b[np.isfinite(b)], t[np.isfinite(t)]
    by_t, by_beta = interval_t(actual, drawn), interval_beta(actual, drawn)
    some = len(defined) > 1
    sd = float(defined.std(ddof=1)) if some else np.nan
    low, high = np.quantile(defined, [0.025, 0.975]).tolist() if some else (np.nan, np.nan)
    return {
        "draws": len(b),
        "undefined": len(b) - len(t_defined),
        "treated_mean": float(drawn.treated_units.mean()),
        "mean": float(defined.mean()) if some else np.nan,
        "sd": sd,
        "q025": low,
        "q975": high,
        "p_ri_beta": p_value(b, beta),
        "p_ri_t": p_value(t, t_stat),
        "share_beyond": float((np.abs(defined) >= abs(beta) * (1 - TIE)).mean()) if some else np.nan,
        "size_t_5pct": float((np.abs(t_defined) > student.ppf(0.975, df)).mean()) if len(t_defined) else np.nan,
        "mde80": MDE * sd,
        "conf_low_ri_t": by_t.low,
        "conf_high_ri_t": by_t.high,
        "conf_low_ri_beta": by_beta.low,
        "conf_high_ri_beta": by_beta.high,
        "estimate": beta,
        "t_stat": t_stat,
    }


def shown_draws(labels: Mapping[str, Any], drawn: Statistics, number: int) -> pd.DataFrame:
    import pandas as pd

    b = drawn.beta()[:number]
    values = {
        **{k: labels[k] for k in ("table", "column", "scheme")},
        "draw": np.arange(1, len(b) + 1),
        "beta": b,
        "t": drawn.t()[:number],
        "n_treated_units": drawn.treated_units[:number],
        "n_treated_cells": drawn.cells[:number],
    }
    return pd.DataFrame(values, columns=list(SHOWN_SCHEMA))


def scheme_note(scheme: law.Scheme, drawn: Statistics, column: Column) -> str:
    notes = []
    undefined = int((~np.isfinite(drawn.t())).sum())
    if undefined:
        notes.append(f"{undefined} of {len(drawn.den)} redraws are undefined (treatment absorbed or no variance) and left out")
    assignments = law.distinct_assignments(scheme)
    if assignments < len(drawn.den):
        notes.append(f"only {assignments:.0f} different assignments exist")
    if column.matching:
        notes.append("randomisation inference is conditional on the match")
    return "; ".join(notes)


def write_placebo(summaries: pd.DataFrame, draws: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ``placebo.csv`` and ``draws/placebo.parquet`` below ``folder``; returns their paths."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    summary, shown = folder / "placebo.csv", folder / "draws" / "placebo.parquet"
    write_csv(summaries, summary)
    shown.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(list(SHOWN_SCHEMA.items()))
    pq.write_table(pa.Table.from_pandas(draws, schema=schema, preserve_index=False).replace_schema_metadata(None), shown)
    return [summary, shown]
