"""The specification curve of a study: points, redraws and what they add up to, as ``spec_curve.csv`` and its summary.

The parts are ``curve_choices``, ``curve_points`` and ``curve_inference``; here they are run once over all designs and put into
frames.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import Shared
from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.curve_choices import READINGS, CurvePanel, Pilot, specifications
from citycarbon.econometrics.curve_inference import Joint, band, joint_tests, reassignments, redraw_members
from citycarbon.econometrics.curve_points import POINT_TYPES, estimated, frame_of
from citycarbon.econometrics.event_study import headline_column
from citycarbon.econometrics.randomisation import p_value
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

_INFERENCE: dict[str, type] = {"p_ri_t": float, "ri_draws": int, "ri_undefined": int, "ri_treated_mean": float, "seed": str}
CURVE_TYPES: dict[str, type] = {**{k: v for k, v in POINT_TYPES.items() if k != "note"}, **_INFERENCE, "rank": int,
                                "band_low": float, "band_high": float, "note": str}  # fmt: skip
SUMMARY_TYPES: dict[str, type] = {
    "part": str, "name": str, "level": str, "n": int, "not_estimable": int, "median_relative": float, "share_negative": float,
    "share_negative_ri": float, "share_positive_ri": float, "moves": float, "observed": float, "p_value": float, "low": float,
    "high": float, "draws": int, "note": str,
}  # fmt: skip
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class SpecCurve:
    """``curve``: one row a specification (``CURVE_TYPES``); ``summary``: the curve as a whole, each choice, the joint tests."""

    curve: pd.DataFrame
    summary: pd.DataFrame


def spec_curve(panel: pd.DataFrame, study: Study, adopters: dict[str, Pilot] | None = None, *, workers: int = 1) -> SpecCurve:
    """Every specification of the study's curve with its inference, and the summary. Empty frames where it declares none.

    ``p_ri_t``: randomisation inference on the clustered t, from reassignments that all specifications share; ``rank``: place
    in the order of ``relative``, from 1; ``band_low`` and ``band_high``: the middle 95 % of what stands at this rank in the
    drawn curves. Numbers do not depend on the order of rows, nor on
    ``workers`` (processes over designs). Raises ValueError on a repeated city and year.
    """
    if study.extensions is None or study.extensions.spec_curve is None:
        return SpecCurve(_frame([], CURVE_TYPES), _frame([], SUMMARY_TYPES))
    data = CurvePanel(panel, study, study.extensions.spec_curve, adopters)
    count = len(specifications(data.curve))
    who, why_not = _who(panel, data)
    drawn_t, drawn_b = (np.full((count, data.curve.draws), np.nan) for _ in range(2))
    rows: list[dict[str, Any]] = []
    treated = np.full(count, np.nan)
    pending: list[tuple[list[dict[str, Any]], Future]] = []
    with Shared(redraw_members, beside=workers > 1) as shared:
        for group, found in estimated(data):
            rows += found
            if group is not None and who is not None:
                light = replace(group, mask=group.mask[:0])
                pending.append((found, shared.add(light, int(data.city_code.max()) + 1, who)))
    for found, future in pending:
        redrawn = future.result()
        for row in found:
            if np.isfinite(row.get("t_stat", np.nan)):
                one, at = redrawn[row["spec"]], row["spec"] - 1
                drawn_t[at], treated[at] = one.t, one.treated_mean
                drawn_b[at] = one.beta * (row["relative"] / row["estimate"])
    frame = frame_of(rows, data)
    frame = _with_inference(frame, drawn_t, drawn_b, treated, who.seed if who else None, why_not)
    return SpecCurve(frame, _summary(frame, drawn_t, study, why_not))


def _who(panel: pd.DataFrame, data: CurvePanel) -> tuple[Any, str]:
    """The reassignments, or why there are none."""
    if data.study.placebo is None:
        return None, "the study asks for no redraws"
    sample, _ = fit_column(panel, data.study, headline_column(data.study))
    try:
        return reassignments(data, sample.rows, data.curve.draws), ""
    except ValueError as why:
        return None, str(why)


def _with_inference(
    frame: pd.DataFrame, t: np.ndarray, relative: np.ndarray, treated: np.ndarray, seed: int | None, why_not: str
) -> pd.DataFrame:
    import pandas as pd

    actual = frame["t_stat"].to_numpy(dtype=float)
    usable = np.isfinite(actual) & np.isfinite(t).any(axis=1)
    undefined = (~np.isfinite(t)).sum(axis=1)
    frame = frame.assign(
        p_ri_t=[p_value(t[i], actual[i]) for i in range(len(frame))],
        ri_draws=pd.array(np.where(usable, t.shape[1], 0), dtype="Int64"),
        ri_undefined=pd.array(np.where(usable, undefined, 0), dtype="Int64"),
        ri_treated_mean=treated,
        seed="" if seed is None else str(seed),
    )
    order = frame["relative"].rank(method="first")
    frame["rank"] = order.astype("Int64")
    ranked = np.isfinite(frame["relative"].to_numpy(dtype=float)) & usable
    frame["band_low"], frame["band_high"] = np.nan, np.nan
    if ranked.any():
        low, high = band(relative[ranked])
        places = frame.loc[ranked, "relative"].rank(method="first").astype(int).to_numpy() - 1
        frame.loc[ranked, "band_low"], frame.loc[ranked, "band_high"] = low[places], high[places]
    if why_not:
        frame["note"] = [f"{n}; {why_not}".strip("; ") for n in frame["note"]]
    return _frame(frame.to_dict("records"), CURVE_TYPES)


def _summary(frame: pd.DataFrame, t: np.ndarray, study: Study, why_not: str) -> pd.DataFrame:
    from scipy.special import stdtrit

    rows = [{"part": "curve", "name": "all", "level": "", **_shares(frame), "note": why_not}]
    headline = frame[frame["is_headline"].fillna(False).astype(bool)]
    for row in headline.to_dict("records"):
        rows.append(
            {"part": "curve", "name": "headline", "level": f"specification {row['spec']}", "n": 1, "observed": row["relative"],
             "p_value": row["p_ri_t"], "note": f"rank {row['rank']} of {int(frame['relative'].notna().sum())}"}
        )  # fmt: skip
    for name in READINGS:
        levels = list(dict.fromkeys(frame[name]))
        if len(levels) > 1:
            rows.append({"part": "choice", "name": name, "level": "", "n": len(frame), "moves": moves(frame, name)})
        rows += [{"part": "level", "name": name, "level": v, **_shares(frame[frame[name] == v])} for v in levels]
    usable = np.isfinite(frame["t_stat"].to_numpy(dtype=float)) & np.isfinite(t).any(axis=1)
    if usable.any():
        part = frame[usable]
        critical = stdtrit(part["df"].to_numpy(dtype=float), 0.975)
        found = joint_tests(part["t_stat"].to_numpy(dtype=float), t[usable], critical)
        rows += [_joint_row(joint, int(usable.sum())) for joint in found]
    return _frame(rows, SUMMARY_TYPES)


def _joint_row(joint: Joint, n: int) -> dict[str, Any]:
    return {
        "part": "joint", "name": joint.name, "level": joint.meaning, "n": n, "observed": joint.observed,
        "p_value": joint.p_value, "low": joint.low, "high": joint.high, "draws": joint.draws,
    }  # fmt: skip


def _shares(frame: pd.DataFrame) -> dict[str, Any]:
    known = frame[frame["relative"].notna()]
    if known.empty:
        return {"n": len(frame), "not_estimable": len(frame)}
    significant = known["p_ri_t"] < SIGNIFICANT
    return {
        "n": len(frame), "not_estimable": len(frame) - len(known), "median_relative": float(known["relative"].median()),
        "share_negative": float((known["relative"] < 0).mean()),
        "share_negative_ri": float((significant & (known["relative"] < 0)).mean()),
        "share_positive_ri": float((significant & (known["relative"] > 0)).mean()),
    }  # fmt: skip


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
