"""The specification curve of a study: points, redraws and what they add up to, as ``spec_curve.csv`` and its summary.

The parts are ``curve_choices``, ``curve_fit``, ``curve_points`` and ``curve_inference``; here they run once over all designs
and are put into frames.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import Shared
from citycarbon.econometrics.curve_choices import READINGS, CurvePanel, Pilot
from citycarbon.econometrics.curve_fit import VARIANCES
from citycarbon.econometrics.curve_inference import LEVEL, Joint, Orders, Redrawn, asked_of, band, joint_tests, redraw
from citycarbon.econometrics.curve_points import POINT_TYPES, estimated, frame_of, relative_scale
from citycarbon.econometrics.randomisation import p_value
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

_INFERENCE: dict[str, type] = {"p_ri_t": float, "ri_draws": int, "ri_undefined": int, "seed": str}
CURVE_TYPES: dict[str, type] = {**{k: v for k, v in POINT_TYPES.items() if k != "note"}, **_INFERENCE, "rank": int,
                                "band_low": float, "band_high": float, "note": str}  # fmt: skip
SUMMARY_TYPES: dict[str, type] = {
    "part": str, "name": str, "level": str, "n": int, "not_estimable": int, "distinct": int, "median_relative": float,
    "share_negative": float, "share_negative_ri": float, "share_positive_ri": float, "moves": float, "observed": float,
    "p_value": float, "low": float, "high": float, "draws": int, "undefined": int, "note": str,
}  # fmt: skip
_TESTS = {**{name: f"p_{name}" for name in VARIANCES}, "city": "p_value", "ri_t": "p_ri_t"}  # name in the summary -> column


@dataclass(frozen=True)
class SpecCurve:
    """``curve``: one row a specification (``CURVE_TYPES``); ``summary``: the curve as a whole, each choice, the joint tests."""

    curve: pd.DataFrame
    summary: pd.DataFrame


def spec_curve(panel: pd.DataFrame, study: Study, adopters: dict[str, Pilot] | None = None, *, workers: int = 1) -> SpecCurve:
    """Every specification of the study's curve with its inference, and the summary. Empty frames where it declares none.

    ``p_ri_t``: randomisation inference on the clustered t, each specification by its own law, all from the same random orders
    (``curve_inference``); ``rank``: place of the regression in the order of ``relative``, from 1, specifications that come to
    the same regression counted once; ``band_low`` and ``band_high``: the middle 95 % of what stands at this rank in the drawn
    curves. Numbers do not depend on the order of rows, nor on ``workers`` (processes over designs).
    """
    if study.extensions is None or study.extensions.spec_curve is None:
        return SpecCurve(_frame([], CURVE_TYPES), _frame([], SUMMARY_TYPES))
    data = CurvePanel(panel, study, study.extensions.spec_curve, adopters)
    orders, why_not = _orders(data)
    rows: list[dict[str, Any]] = []
    pending: list[Future] = []
    with Shared(redraw, beside=workers > 1) as shared:
        for group, found in estimated(data):
            rows += found
            numbers = {row["spec"] for row in found if np.isfinite(row.get("t_stat", np.nan))}
            if orders is not None and group is not None and numbers:
                pending.append(shared.add(group.design, *asked_of(group, data, orders, numbers)))
    redrawn = {number: one for future in pending for number, one in future.result().items()}
    frame = frame_of(rows, data)
    chosen = _distinct(frame)
    t, relative = _stacked(chosen, redrawn, data.curve.draws)
    frame = _with_inference(frame, chosen, t, relative, orders, why_not)
    return SpecCurve(frame, _summary(frame, t, why_not))


def _orders(data: CurvePanel) -> tuple[Orders | None, str]:
    """The random orders of the cities, or why there are none."""
    try:
        return Orders.build(data, data.curve.draws), ""
    except ValueError as why:
        return None, str(why)


def _distinct(frame: pd.DataFrame) -> pd.DataFrame:
    """The specifications of the curve: estimable with a test, and one for each regression."""
    return frame[frame["relative"].notna() & frame["same_as"].isna()]


def _stacked(chosen: pd.DataFrame, redrawn: dict[int, Redrawn], draws: int) -> tuple[np.ndarray, np.ndarray]:
    """t statistics and coefficients in log points of the draws (S, draws) of the chosen specifications; NaN without redraws."""
    t, relative = (np.full((len(chosen), draws), np.nan) for _ in range(2))
    for at, row in enumerate(chosen[["spec", "scale", "mean_outcome"]].to_dict("records")):
        if row["spec"] in redrawn:
            one = redrawn[row["spec"]]
            t[at], relative[at] = one.t, one.beta * relative_scale(row["scale"], row["mean_outcome"])
    return t, relative


def _with_inference(
    frame: pd.DataFrame, chosen: pd.DataFrame, t: np.ndarray, relative: np.ndarray, orders: Orders | None, why_not: str
) -> pd.DataFrame:
    """``frame`` with the columns of the redraws. What is the same regression has the same numbers."""
    import pandas as pd

    place = chosen["relative"].rank(method="first").astype("Int64")
    usable = np.isfinite(t).any(axis=1)
    low, high = (np.full(len(chosen), np.nan) for _ in range(2))
    if usable.any():  # ranks among those that have draws
        among = chosen.loc[usable, "relative"].rank(method="first").to_numpy(dtype=int) - 1
        low[usable], high[usable] = band(relative[usable])[:, among]
    found = pd.DataFrame(
        {
            "regression": chosen["spec"],
            "p_ri_t": [p_value(drawn, actual) for drawn, actual in zip(t, chosen["t_stat"], strict=True)],
            "ri_draws": pd.array(np.where(usable, t.shape[1], 0), dtype="Int64"),
            "ri_undefined": pd.array(np.where(usable, (~np.isfinite(t)).sum(axis=1), 0), dtype="Int64"),
            "rank": place,
            "band_low": low,
            "band_high": high,
        }
    )
    keyed = frame.assign(regression=frame["same_as"].fillna(frame["spec"]))
    frame = keyed.merge(found, on="regression", how="left", validate="many_to_one")
    frame["seed"] = "" if orders is None else str(orders.seed)
    same = ["" if pd.isna(n) else f"the same regression as specification {n}" for n in frame["same_as"]]
    parts = zip(frame["note"], same, [why_not] * len(frame), strict=True)
    frame["note"] = ["; ".join(p for p in one if p) for one in parts]
    return _frame(frame.to_dict("records"), CURVE_TYPES)


def _summary(frame: pd.DataFrame, t: np.ndarray, why_not: str) -> pd.DataFrame:
    from scipy.special import stdtrit

    chosen = _distinct(frame)
    rows = [{"part": "curve", "name": "all", "level": "", **_shares(frame), "note": why_not}]
    headline = frame[frame["is_headline"].fillna(False).astype(bool)]
    for row in headline.to_dict("records"):
        known = np.isfinite(row["relative"])
        rows.append(
            {"part": "curve", "name": "headline", "level": f"specification {row['spec']}", "n": 1, "observed": row["relative"],
             "p_value": row["p_ri_t"], "note": f"rank {row['rank']} of {len(chosen)}" if known else row["note"]}
        )  # fmt: skip
    for name in READINGS:
        levels = list(dict.fromkeys(frame[name]))
        if len(levels) > 1:
            rows.append({"part": "choice", "name": name, "level": "", "n": len(frame), "moves": moves(frame, name)})
        rows += [{"part": "level", "name": name, "level": v, **_shares(frame[frame[name] == v])} for v in levels]
    treated = frame["n_treated_units"]
    cities = sorted(int(n) for n in treated[frame["relative"].notna()].unique())
    rows += [{"part": "support", "name": "n_treated_units", "level": str(n), **_shares(frame[treated == n])} for n in cities]
    rows += [row for name in _TESTS for row in _of_test(chosen, name)]
    usable = np.isfinite(t).any(axis=1)
    if usable.any():
        part = chosen[usable]
        critical = stdtrit(part["df"].to_numpy(dtype=float), 1 - LEVEL / 2)
        found = joint_tests(part["t_stat"].to_numpy(dtype=float), t[usable], critical)
        rows += [_joint_row(joint, len(part)) for joint in found]
    return _frame(rows, SUMMARY_TYPES)


def _of_test(chosen: pd.DataFrame, name: str) -> list[dict[str, Any]]:
    """Shares of the regressions that one test calls negative and positive at 5 %: same estimates, other errors."""
    p = chosen[_TESTS[name]]
    known, below = chosen[p.notna()], p[p.notna()] < LEVEL
    if known.empty:
        return []
    signs = {"negative": known["relative"] < 0, "positive": known["relative"] > 0}
    return [
        {"part": "test", "name": name, "level": sign, "n": len(known), "observed": float((below & of_sign).mean())}
        for sign, of_sign in signs.items()
    ]


def _joint_row(joint: Joint, n: int) -> dict[str, Any]:
    return {
        "part": "joint", "name": joint.name, "level": joint.meaning, "n": n, "observed": joint.observed,
        "p_value": joint.p_value, "low": joint.low, "high": joint.high, "draws": joint.draws, "undefined": joint.undefined,
    }  # fmt: skip


def _shares(frame: pd.DataFrame) -> dict[str, Any]:
    """Counts of specifications, and shares over the different regressions that they come to."""
    known = frame[frame["relative"].notna()]
    counts: dict[str, Any] = {"n": len(frame), "not_estimable": len(frame) - len(known)}
    known = known[~known["same_as"].fillna(known["spec"]).duplicated()]
    counts["distinct"] = len(known)
    if known.empty:
        return counts
    significant = known["p_ri_t"] < LEVEL
    negative, positive = known["relative"] < 0, known["relative"] > 0
    counts |= {"median_relative": float(known["relative"].median()), "share_negative": float(negative.mean())}
    if known["p_ri_t"].notna().any():
        counts["share_negative_ri"] = float((significant & negative).mean())
        counts["share_positive_ri"] = float((significant & positive).mean())
    return counts


def moves(frame: pd.DataFrame, reading: str) -> float:
    """How far one reading moves the estimate, all others held: the median, over the combinations of the other readings, of the
    range of ``relative`` between its choices (log points). NaN where no combination has two estimates."""
    known = frame[frame["relative"].notna()]
    others = [r for r in READINGS if r != reading]
    found = known.groupby(others, sort=False)["relative"].agg(["min", "max", "size"])
    ranges = (found["max"] - found["min"])[found["size"] > 1]
    return float(ranges.median()) if len(ranges) else float("nan")


def _frame(rows: list[dict[str, Any]], types: dict[str, type]) -> pd.DataFrame:
    import pandas as pd

    kinds = {str: "object", float: "float64", int: "Int64", bool: "boolean"}
    frame = pd.DataFrame(rows, columns=list(types))
    frame = frame.astype({name: kinds[kind] for name, kind in types.items()})
    return frame.assign(**{name: frame[name].fillna("") for name, kind in types.items() if kind is str})
