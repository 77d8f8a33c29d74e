"""Point estimates for staggered adoption by formula, fast enough to be redone for every reassignment.

Each equals the package that gives its analytic error (tested to 1e-8): Callaway and Sant'Anna (2021) without covariates, Sun
and Abraham (2021), Borusyak, Jaravel and Spiess (2024), which is also Gardner's (2022) two-stage point, stacked DID (Cengiz et
al. 2019) and synthetic DID by cohort (Arkhangelsky et al. 2021). NaN where an assignment leaves nothing to estimate.
"""

from __future__ import annotations

import numpy as np

from citycarbon.econometrics.staggered_grid import Grid, city_sums

NEVER, NOT_YET = "never_treated", "not_yet_treated"


def group_time(grid: Grid, control: str = NEVER) -> dict[tuple[int, int], tuple[float, int]]:
    """ATT(g, t) for t >= g and how many cities it rests on: change since g - 1 of the cohort less that of the comparison.

    Cities seen in both years count. ``control``: never treated by the end, or (``not_yet_treated``) not treated by t.
    """
    out = {}
    for g in grid.cohorts:
        base = np.flatnonzero(grid.years == g - 1)
        if not len(base):
            continue
        for at in np.flatnonzero(grid.years >= g):
            change = grid.y[:, at] - grid.y[:, base[0]]
            known = np.isfinite(change)
            mine = known & (grid.first == g)
            later = np.isinf(grid.first) if control == NEVER else grid.first > grid.years[at]
            others = known & later & (grid.first != g)
            if mine.any() and others.any():
                out[g, int(grid.years[at])] = (float(change[mine].mean() - change[others].mean()), int(mine.sum()))
    return out


def aggregate(found: dict[tuple[int, int], tuple[float, int]], sizes: dict[int, int], how: str) -> float:
    """One number of ATT(g, t), as the R package did aggregates: ``simple`` (cells weighed by cities in them), ``group`` (mean
    of a cohort over its years, then by its size), ``dynamic`` (by event time, then alike), ``calendar`` (by year, then alike).
    On a balanced grid the cities of a cell are those of the cohort."""
    if not found:
        return float("nan")
    cells = [(g, t, value, cities) for (g, t), (value, cities) in found.items()]
    if how == "simple":
        return _weighted(cells)
    key = {"group": lambda c: c[0], "dynamic": lambda c: c[1] - c[0], "calendar": lambda c: c[1]}[how]
    groups: dict[int, list[tuple[int, int, float, int]]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    if how == "group":
        means = [(np.mean([c[2] for c in part]), sizes[g]) for g, part in groups.items()]
        return float(np.average([m for m, _ in means], weights=[w for _, w in means]))
    return float(np.mean([_weighted(part) for part in groups.values()]))


def _weighted(cells: list[tuple[int, int, float, int]]) -> float:
    return float(np.average([c[2] for c in cells], weights=[c[3] for c in cells]))


def callaway_santanna(grid: Grid, how: str = "simple", control: str = NEVER) -> float:
    """The aggregate of :func:`group_time`; a cohort's size is its cities in the grid."""
    sizes = {g: int((grid.first == g).sum()) for g in grid.cohorts}
    return aggregate(group_time(grid, control), sizes, how)


def imputation(grid: Grid) -> float:
    """Mean over the treated rows of y less its prediction from city and year effects of the untreated rows (BJS).

    Treated rows of a city without an untreated row, or of a year without one, have no prediction and are left out.
    """
    treated = grid.treated
    cities = np.flatnonzero(treated.any(axis=1))
    whole, right, parts, rights = grid.imputation_sums
    untreated = grid.seen[cities] & ~treated[cities]
    mine, my_right = city_sums(grid.y[cities], untreated)
    a = whole - parts[cities].sum(axis=0) + mine.sum(axis=0)
    b = right - rights[cities].sum(axis=0) + my_right.sum(axis=0)
    identified = np.diag(a) > 1e-12
    if not len(cities) or not identified.any():
        return float("nan")
    years = np.zeros(len(b))
    years[identified] = np.linalg.pinv(a[np.ix_(identified, identified)], rcond=1e-10, hermitian=True) @ b[identified]
    effects = grid.y[cities] - years
    known = untreated.sum(axis=1) > 0
    base = np.where(untreated, effects, 0.0).sum(axis=1) / np.maximum(untreated.sum(axis=1), 1)
    cells = treated[cities] & known[:, None] & identified[None, :]
    return float((effects - base[:, None])[cells].mean()) if cells.any() else float("nan")


def sun_abraham(grid: Grid) -> float:
    """Mean over treated rows of the cohort-by-event-time coefficients of one regression with city and year effects, the year
    before adoption left out (never treated cities as comparison); weights are the treated rows of a cell."""
    cities = np.flatnonzero(np.isfinite(grid.first))
    if not len(cities):
        return float("nan")
    seen, time = grid.seen[cities], grid.years[None, :] - grid.first[cities][:, None]
    used = seen & (time != -1)
    cohort = np.searchsorted(np.unique(grid.first[cities]), grid.first[cities])
    label = (cohort[:, None] * 4096 + time.astype(int) + 2048)[used]
    levels, code = np.unique(label, return_inverse=True)
    basis, residual = grid.event_basis
    rows = basis[cities][used]  # (r, T - 1)
    city = np.broadcast_to(np.arange(len(cities))[:, None], used.shape)[used]
    k = len(levels)
    by_city = np.zeros((k, len(cities)))
    np.add.at(by_city, (code, city), 1.0)
    on_years = np.zeros((k, rows.shape[1]))
    np.add.at(on_years, code, rows)
    gram = np.diag(np.bincount(code, minlength=k).astype(float))
    gram -= (by_city / np.maximum(seen.sum(axis=1), 1)) @ by_city.T + on_years @ on_years.T
    right = np.bincount(code, weights=residual[cities][used], minlength=k)
    post = (levels % 4096) >= 2048
    weights = np.bincount(code, minlength=k) * post
    if not weights.sum():
        return float("nan")
    solution = np.linalg.pinv(gram, rcond=1e-10, hermitian=True) @ right
    return float(weights @ solution / weights.sum())


def stacked(grid: Grid) -> float:
    """The coefficient of treatment in one regression over stacks, a stack a cohort with the never treated cities, city and year
    effects of each stack apart: sum of the stacks' numerators over that of their denominators (Frisch-Waugh-Lovell)."""
    num = den = 0.0
    for g in grid.cohorts:
        rows = np.isinf(grid.first) | (grid.first == g)
        a, b = _net(grid.y[rows], np.outer(grid.first[rows] == g, grid.years >= g).astype(float))
        num, den = num + a, den + b
    return num / den if den > 1e-12 else float("nan")


def _net(y: np.ndarray, d: np.ndarray) -> tuple[float, float]:
    """d~'y and d~'d of d (C, T) net of city and year effects on the rows where y is known."""
    seen = np.isfinite(y)
    d = np.where(seen, d, 0.0)
    parts, right = city_sums(d, seen)
    years = np.linalg.pinv(parts.sum(axis=0), rcond=1e-10, hermitian=True) @ right.sum(axis=0)
    left = np.where(seen, d - years, 0.0)
    left = np.where(seen, left - left.sum(axis=1, keepdims=True) / np.maximum(seen.sum(axis=1, keepdims=True), 1), 0.0)
    return float((left * np.where(seen, y, 0.0)).sum()), float((left * d).sum())


def synthetic(grid: Grid) -> float:
    """Synthetic DID of each cohort against the never treated cities of a balanced grid, averaged by treated rows."""
    values, weights = [], []
    for g in grid.cohorts:
        value = synthetic_cohort(grid, g)
        if np.isfinite(value):
            values.append(value)
            weights.append(int((grid.first == g).sum()) * int((grid.years >= g).sum()))
    return float(np.average(values, weights=weights)) if values else float("nan")


def synthetic_cohort(grid: Grid, g: int) -> float:
    """One cohort: unit and time weights by Frank-Wolfe as the R package synthdid finds them (zeta from the noise of the first
    differences, sparsified once), then the weighted double difference. Outcomes are shifted and scaled first."""
    from diff_diff.utils import compute_sdid_estimator, compute_sdid_unit_weights, compute_time_weights

    control, mine, after = np.isinf(grid.first), grid.first == g, grid.years >= g
    if not (control.sum() > 1 and mine.any() and after.any() and (~after).sum() > 1):
        return float("nan")
    before = grid.y[control][:, ~after].T
    shift, scale = before.mean(), before.std()
    scale = scale if scale > 1e-12 * max(abs(shift), 1.0) else 1.0
    y = (grid.y - shift) / scale
    pre, post = y[control][:, ~after].T, y[control][:, after].T
    my_pre, my_post = y[mine][:, ~after].mean(axis=0), y[mine][:, after].mean(axis=0)
    noise = float(np.diff(pre, axis=0).std(ddof=1))
    least = 1e-5 * noise if noise > 0 else 1e-5
    omega = compute_sdid_unit_weights(
        pre, my_pre, zeta_omega=float((mine.sum() * after.sum()) ** 0.25 * noise), min_decrease=least
    )
    lambdas = compute_time_weights(pre, post, zeta_lambda=1e-6 * noise, min_decrease=least)
    return scale * float(compute_sdid_estimator(pre, post, my_pre, my_post, omega, lambdas))


def two_way(grid: Grid) -> float:
    """The coefficient of treatment in one regression with city and year effects."""
    num, den = _net(grid.y, grid.treated.astype(float))
    return num / den if den > 1e-12 else float("nan")
