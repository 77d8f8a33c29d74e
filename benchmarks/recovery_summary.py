"""From trials to figures: bias, coverage and size with their Monte Carlo errors, the bounds they must meet, and the table.

The Monte Carlo error of every mean comes from the spread of block means: panels of one block share their controls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from benchmarks.recovery_trials import ALL_CITIES, DRAWS, PANELS_PER_BLOCK, SCENARIOS, SPLITS, Trial

LEVEL = 0.05
FULL = 4000  # panels at which the stated bounds hold
ERROR_LIMIT = 3.0  # Monte Carlo standard errors
SHARE_LIMIT = 0.011  # coverage and size at FULL panels: 93.9 to 96.1 % and 3.9 to 6.1 %
NOT_EXACT = tuple(f"{split}_difference" for split in SPLITS)  # the null has a nuisance parameter, which the test estimates
LABELS = {
    "main": "ln CO2, with controls (`table2:2`)",
    "lngreen": "green innovation (`table3:2`)",
    "er": "environmental regulation (`table3:3`)",
    ALL_CITIES: "the same, redrawn from all cities of the sample",
    **{
        f"{split}_{part}": f"{split}: {words}"
        for split in SPLITS
        for part, words in (("low", "low half"), ("high", "high half"), ("difference", "high - low"))
    },
}


@dataclass(frozen=True)
class Figure:
    """One row of ``recovery.csv``. Shares are of panels; rejections are of the true effect, at 5 %."""

    scenario: str
    quantity: str
    panels: int
    draws: int
    estimand: float  # mean over panels
    mean_error: float
    sd_error: float
    mc_se: float  # of the mean error
    z: float
    coverage_ri: float  # of the 95 % interval by inverted randomisation inference
    coverage_clustered: float  # of the 95 % interval with clustered errors, t(G-1)
    reject_ri: float
    reject_clustered: float
    mc_se_ri: float  # of the share by randomisation inference
    mc_se_clustered: float
    bound: str
    within: bool | None


def summarise(trials: Iterable[Trial]) -> list[Figure]:
    """One figure per scenario and quantity, in the order of the scenarios; the order of ``trials`` does not matter."""
    found: dict[tuple[str, str], list[Trial]] = {}
    for trial in sorted(trials, key=lambda t: t.panel):
        found.setdefault((trial.scenario, trial.quantity), []).append(trial)
    return [
        _figure(scenario, quantity, found[scenario, quantity])
        for scenario in SCENARIOS
        for quantity in LABELS
        if (scenario, quantity) in found
    ]


def _figure(scenario: str, quantity: str, trials: Sequence[Trial]) -> Figure:
    error = np.array([t.error for t in trials])
    p_ri, p_t = np.array([t.p_ri for t in trials]), np.array([t.p_clustered for t in trials])
    if not np.isfinite([error, p_ri, p_t]).all():
        raise ValueError(f"{scenario}, {quantity}: a trial without an estimate or a p-value")
    by_ri, by_t = (p_ri <= LEVEL).astype(float), (p_t <= LEVEL).astype(float)
    block = np.array([t.panel // PANELS_PER_BLOCK for t in trials])
    errors = {name: _mc_error(values, block) for name, values in (("b", error), ("ri", by_ri), ("t", by_t))}
    z = error.mean() / errors["b"] if errors["b"] > 0 else float("nan")
    bound, within = _verdict(scenario, quantity, len(trials), z, by_ri.mean(), by_t.mean())
    return Figure(
        scenario=scenario,
        quantity=quantity,
        panels=len(trials),
        draws=DRAWS,
        estimand=float(np.mean([t.estimand for t in trials])),
        mean_error=float(error.mean()),
        sd_error=float(error.std(ddof=1)),
        mc_se=errors["b"],
        z=float(z),
        coverage_ri=float(1 - by_ri.mean()),
        coverage_clustered=float(1 - by_t.mean()),
        reject_ri=float(by_ri.mean()),
        reject_clustered=float(by_t.mean()),
        mc_se_ri=errors["ri"],
        mc_se_clustered=errors["t"],
        bound=bound,
        within=within,
    )


def _mc_error(values: np.ndarray, block: np.ndarray) -> float:
    """Standard error of the mean of ``values`` from the sums of their blocks; NaN with a single block."""
    names, at = np.unique(block, return_inverse=True)
    if len(names) < 2:
        return float("nan")
    sums = np.bincount(at, weights=values - values.mean())
    return float(np.sqrt(len(names) / (len(names) - 1) * (sums**2).sum()) / len(values))


def share_limit(panels: int) -> float:
    """How far a share of ``panels`` may lie from its target: the stated bound, wider in proportion where panels are fewer."""
    return SHARE_LIMIT * float(np.sqrt(max(FULL / panels, 1.0)))


def _verdict(
    scenario: str, quantity: str, panels: int, z: float, reject_ri: float, reject_clustered: float
) -> tuple[str, bool | None]:
    """The bound of one figure in words, and whether it is met; empty and None where none is set."""
    if not SCENARIOS[scenario].bounded or quantity == ALL_CITIES:
        return "", None
    low, high = max(LEVEL - share_limit(panels), 0.0), LEVEL + share_limit(panels)
    sized = low - 1e-9 <= reject_ri <= high + 1e-9  # a share of panels may lie on the bound
    if scenario == "no_effect":
        words = f"RI {100 * low:.1f} to {100 * high:.1f} %, clustered t more"
        return words, bool(sized and reject_clustered > reject_ri)
    words = f"z within {ERROR_LIMIT:.0f}"
    if quantity in NOT_EXACT:
        return words, bool(abs(z) <= ERROR_LIMIT)
    words += f"; RI {100 * (1 - high):.1f} to {100 * (1 - low):.1f} %"
    return words, bool(abs(z) <= ERROR_LIMIT and sized)


def frame(figures: Sequence[Figure]):
    """The figures as a frame in the columns of ``recovery.csv``."""
    import pandas as pd

    names = [f.name for f in fields(Figure)]
    return pd.DataFrame([[getattr(x, n) for n in names] for x in figures], columns=names).astype({"within": "boolean"})


def markdown(figures: Sequence[Figure]) -> str:
    """The figures as one table per scenario, Monte Carlo errors in parentheses."""
    lines: list[str] = []
    for name in dict.fromkeys(f.scenario for f in figures):
        rows, scenario = [f for f in figures if f.scenario == name], SCENARIOS[name]
        share = "covered" if scenario.effect else "rejected"
        lines += [f"**{scenario.text}** (`{name}`: {rows[0].panels:,} panels, {rows[0].draws} redraws)", ""]
        lines += [f"| estimate of | true effect | mean error | z | {share} by RI | {share} by t(G-1) | bound | met |"]
        lines += ["|---|---|---|---|---|---|---|---|", *(_line(f, bool(scenario.effect)) for f in rows), ""]
    return "\n".join(lines).rstrip()


def _line(f: Figure, covered: bool) -> str:
    scale, unit = (1e4, " e-4") if f.mc_se < 1e-4 else (1.0, "")
    by_ri, by_t = (f.coverage_ri, f.coverage_clustered) if covered else (f.reject_ri, f.reject_clustered)
    cells = (
        LABELS[f.quantity],
        f"{f.estimand:.4g}",
        f"{scale * f.mean_error:+.4f} ({scale * f.mc_se:.4f}){unit}",
        f"{f.z:+.1f}",
        f"{100 * by_ri:.1f} % ({100 * f.mc_se_ri:.1f})",
        f"{100 * by_t:.1f} % ({100 * f.mc_se_clustered:.1f})",
        f.bound or "-",
        {True: "yes", False: "NO", None: "-"}[f.within],
    )
    return "| " + " | ".join(cells) + " |"
