"""Point and clustered error of every specification: specifications that share rows, controls and effects share one design.

What a reading means is ``curve_choices``; redraws are ``curve_inference``. Formulas: ``resampling`` (Frisch-Waugh-Lovell,
CRV1); the point of a specification equals that of a column of the same choices to 1e-10 (tested).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.curve_choices import (
    LOG_SCALES,
    READINGS,
    UNITS,
    CurvePanel,
    Pilot,
    Specification,
    headline_specification,
    specifications,
    without_singletons,
)
from citycarbon.econometrics.curve_fit import VARIANCES, CurveFit, fit_treatment
from citycarbon.econometrics.resampling import Design
from citycarbon.study.extensions import SpecCurve
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

POINT_TYPES: dict[str, type] = {
    "spec": int, **dict.fromkeys(READINGS, str), "is_headline": bool, "unit": str, "estimate": float, "std_error": float,
    "t_stat": float, "df": int, "p_value": float, "conf_low": float, "conf_high": float, "relative": float,
    "relative_low": float, "relative_high": float,
    **{f"p_{name}": float for name in VARIANCES}, "same_as": int, "n_obs": int, "n_units": int,
    "n_treated_units": int, "n_treated_cells": int, "mean_outcome": float, "note": str,
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Specifications that one design serves. ``mask``: its rows of the sorted panel; ``members``: number and specification."""

    mask: np.ndarray
    design: Design
    members: list[tuple[int, Specification]]
    means: dict[str, float]  # outcome -> mean on the rows
    digests: dict[str, bytes]  # outcome -> digest of all numbers of its regression but the treatment

    def outcome_of(self, spec: Specification) -> int:
        return self.design.outcomes.index(_outcome_name(spec))


def groups_of(data: CurvePanel, specs: list[tuple[int, Specification]]) -> Iterator[Group]:
    """Designs for all specifications that have rows; those without are in no group."""
    together: dict[tuple[Any, ...], list[tuple[int, Specification]]] = defaultdict(list)
    masks: dict[tuple[Any, ...], np.ndarray] = {}
    kept: dict[bytes, np.ndarray] = {}
    known: dict[tuple[Any, ...], bytes] = {}
    years = sorted({y for p in data.adopters.values() for dates in (p.any_part, p.whole) for y in dates.values()})
    for number, spec in specs:
        at = (spec.series, spec.scale, spec.controls, spec.rows, spec.sample, spec.subcity_rule == "exclude")
        if at not in known:
            mask = _complete(data, spec)
            known[at] = np.packbits(mask).tobytes()
            kept[known[at]] = mask
        key = (known[at], spec.controls, spec.effects, spec.winsorise)
        together[key].append((number, spec))
        masks[key] = kept[known[at]]
    for key, members in together.items():
        if masks[key].any():
            group = _group(data, masks[key], members, years)
            if group is not None:
                yield group


def _complete(data: CurvePanel, spec: Specification) -> np.ndarray:
    """Rows with a finite outcome and finite controls under the specification's sample rules."""
    mask = data.chosen(spec.rows, spec.sample)
    out = [city for city, pilot in data.adopters.items() if pilot.is_out(spec.subcity_rule)]
    if out:
        mask &= ~np.isin(data.city, out)
    mask &= data.placed & np.isfinite(data.outcome(spec.series, spec.scale))
    for name in data.controls(spec.controls):
        mask &= np.isfinite(data.number(name))
    return mask


def _group(data: CurvePanel, mask: np.ndarray, members: list[tuple[int, Specification]], years: list[int]) -> Group | None:
    import pandas as pd

    spec = members[0][1]
    first = data.city_code if spec.effects == "city" else data.province_code
    kept = without_singletons(mask, first, data.year - data.year.min())
    if not kept.any():
        return None
    controls = data.controls(spec.controls)
    outcomes = {_outcome_name(s): data.outcome(s.series, s.scale) for _, s in members}
    columns = {**outcomes, **{c: data.number(c) for c in controls}}
    if spec.winsorise:  # at the quantiles of the rows before singletons go, as in a column
        columns = {name: _winsorised(values, mask, spec.winsorise) for name, values in columns.items()}
    rows = pd.DataFrame({name: values[kept] for name, values in columns.items()})
    rows = rows.assign(city_id=data.city_code[kept], province_id=data.province_code[kept], year=data.year[kept])
    effects = ("city_id" if spec.effects == "city" else "province_id", "year")
    design = Design.build(rows, list(outcomes), controls, effects, years)
    base = _digest(kept) + _digest(first[kept]) + b"".join(sorted(_digest(rows[c].to_numpy()) for c in controls))
    return Group(
        mask=kept,
        design=design,
        members=members,
        means={name: float(rows[name].mean()) for name in outcomes},
        digests={name: base + _digest(rows[name].to_numpy()) for name in outcomes},
    )


def _digest(values: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()


def _winsorised(values: np.ndarray, mask: np.ndarray, share: float) -> np.ndarray:
    low, high = np.quantile(values[mask], [share, 1 - share])
    return np.clip(values, low, high)


def _outcome_name(spec: Specification) -> str:
    return f"{spec.series}/{spec.scale}"


def curve_points(
    panel: pd.DataFrame, study: Study, curve: SpecCurve | None = None, adopters: dict[str, Pilot] | None = None
) -> pd.DataFrame:
    """Every specification of the study's curve with its estimate and clustered error: one row each (``POINT_TYPES``).

    ``panel``: the mart ``city_panel``; row order does not matter. ``adopters``: the pilots' dates where they are not those of
    the policy list. ``estimate`` is in ``unit``; ``relative`` is in log points:
    the estimate itself on a log scale, and divided by the sample mean of the outcome on a level scale. ``p_value`` and the
    interval use t(G-1), errors clustered by city; ``p_classical``, ``p_hc1`` and ``p_province``: other variances
    (docs/methods.md). ``same_as``: the specification that comes to the same regression on this panel (same rows, outcome,
    treatment, controls and effects), empty where there is none before it. A specification that is not estimable keeps its row
    with the reason; so do all of them where the panel has a city and year twice.
    """
    curve = curve or _declared(study)
    data = CurvePanel(panel, study, curve, adopters)
    return frame_of([row for _, rows in estimated(data) for row in rows], data)


def _declared(study: Study) -> SpecCurve:
    if study.extensions is None or study.extensions.spec_curve is None:
        raise ValueError(f"study {study.study} declares no specification curve")
    return study.extensions.spec_curve


def estimated(data: CurvePanel) -> Iterator[tuple[Group | None, list[dict[str, Any]]]]:
    """Each group with the rows of its specifications; at the end, without a group, those that have no rows."""
    specs = list(enumerate(specifications(data.curve), 1))
    seen: set[int] = set()
    for group in groups_of(data, specs):
        seen |= {number for number, _ in group.members}
        yield group, _rows(data, group)
    why = data.reason or "no complete rows"
    yield None, [_row(n, s, note=f"not estimable: {why}") for n, s in specs if n not in seen]


def frame_of(rows: list[dict[str, Any]], data: CurvePanel) -> pd.DataFrame:
    """Rows in the order of the specifications, in the columns and types of ``POINT_TYPES``."""
    import pandas as pd

    own = headline_specification(data.study, data.curve)
    kinds = {str: "object", float: "float64", int: "Int64", bool: "boolean"}
    rows = sorted(rows, key=lambda r: r["spec"])
    frame = pd.DataFrame(rows, columns=list(POINT_TYPES))
    frame["is_headline"] = [tuple(r) == tuple(map(str, own.__dict__.values())) if own else False
                            for r in frame[list(READINGS)].itertuples(index=False)]  # fmt: skip
    frame["same_as"] = _same_as([r.get("regression") for r in rows], frame["spec"].tolist(), frame["is_headline"].tolist())
    return frame.astype({name: kinds[kind] for name, kind in POINT_TYPES.items()})


def _same_as(regressions: list[bytes | None], numbers: list[int], own: list[bool]) -> list[int | None]:
    """Of specifications that come to the same regression on this panel one stands for all: the study's own, else the first."""
    stands: dict[bytes, int] = {}
    for regression, number, is_own in zip(regressions, numbers, own, strict=True):
        if regression is not None and (is_own or regression not in stands):
            stands[regression] = number
    return [
        stands[r] if r is not None and stands[r] != number else None for r, number in zip(regressions, numbers, strict=True)
    ]


def treated_from(group: Group, data: CurvePanel, spec: Specification) -> dict[int, int]:
    """City code -> first treated year of the pilots that have a row in the group's design, under the specification's rules."""
    codes = {data.cities[code]: code for code in group.design.units.tolist()}
    dates = {codes[city]: p.first_year(spec.year_rule, spec.subcity_rule) for city, p in data.adopters.items() if city in codes}
    return {code: year for code, year in dates.items() if year is not None}


def _rows(data: CurvePanel, group: Group) -> list[dict[str, Any]]:
    year, unit, province = data.year[group.mask], data.city_code[group.mask], fwl.codes(data.province_code[group.mask])
    out, fits = [], {}
    for number, spec in group.members:
        key = (spec.year_rule, spec.subcity_rule)
        if key not in fits:
            start = np.full(int(unit.max()) + 1, np.inf)
            for code, begins in treated_from(group, data, spec).items():
                start[code] = begins
            fits[key] = fit_treatment(group.design, (year >= start[unit]).astype(float), province)
        out.append(_point(number, spec, group, fits[key], unit))
    return out


def _point(number: int, spec: Specification, group: Group, fit: CurveFit, unit: np.ndarray) -> dict[str, Any]:
    name = _outcome_name(spec)
    i = group.outcome_of(spec)
    known = {
        "n_obs": group.design.n_obs, "n_units": len(group.design.units),
        "n_treated_units": len(np.unique(unit[fit.treated])), "n_treated_cells": int(fit.treated.sum()),
        "mean_outcome": group.means[name],
    }  # fmt: skip
    if fit.note:
        return _row(number, spec, note=fit.note, **known)
    known["regression"] = group.digests[name] + _digest(fit.treated)
    beta, error = float(fit.beta[i]), float(fit.errors["city"][0][i])
    if not group.design.varies(i):
        return _row(number, spec, estimate=beta, note="the outcome does not vary beyond effects and controls: no test", **known)
    if not error > 0:
        return _row(number, spec, estimate=beta, note="standard error is zero: no test", **known)
    half = _quantile(group.design.df) * error
    scale = relative_scale(spec.scale, group.means[name])
    ends = sorted((scale * (beta - half), scale * (beta + half)))
    one = known["n_treated_units"] == 1
    return _row(
        number, spec, estimate=beta, std_error=error, t_stat=beta / error, df=group.design.df,
        p_value=_p(beta, error, group.design.df), conf_low=beta - half, conf_high=beta + half, relative=scale * beta,
        relative_low=ends[0], relative_high=ends[1],
        **{f"p_{v}": _p(beta, fit.errors[v][0][i], fit.errors[v][1]) for v in VARIANCES if v in fit.errors},
        note="one treated city: the clustered standard error is not reliable" if one else "", **known,
    )  # fmt: skip


def relative_scale(scale: str, mean_outcome: float) -> float:
    """What turns a coefficient into log points: 1 on a log scale, one over the mean of the outcome on a level scale."""
    return 1.0 if scale in LOG_SCALES else 1 / mean_outcome


def _p(beta: float, error: float, df: int) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(beta / error))) if error > 0 and df > 0 else float("nan")


def _quantile(df: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.975))


def _row(number: int, spec: Specification, **values: Any) -> dict[str, Any]:
    readings = {name: str(value) for name, value in spec.__dict__.items()}
    return {"spec": number, **readings, "unit": UNITS[spec.scale], "note": "", **values}
