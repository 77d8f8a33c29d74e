"""Point estimates for staggered adoption by formula, fast enough to be redone for every reassignment.

Each equals the package that gives its analytic error (tested to 1e-8): Sun and Abraham (2021), Borusyak, Jaravel and Spiess
(2024), which is also Gardner's (2022) two-stage point, stacked DID (Cengiz et al. 2019), synthetic DID by cohort
(Arkhangelsky et al. 2021), and the two-way regression itself. Callaway and Sant'Anna's are ``staggered_cells``. NaN where
an assignment leaves nothing to estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citycarbon.econometrics.staggered_grid import Grid, city_sums


def imputation(grid: Grid) -> float:
    """Mean over the treated rows of y less its prediction from city and year effects of the untreated rows (BJS)."""
    cities, effects, known = _predicted(grid)
    return float(effects[known].mean()) if len(cities) and known.any() else float("nan")


def imputed_rows(grid: Grid) -> np.ndarray:
    """(C, T): treated rows that have a prediction: city and year have untreated rows, and other cities' connect the two."""
    out = np.zeros(grid.y.shape, dtype=bool)
    cities, _, known = _predicted(grid)
    out[cities] = known
    return out


def _predicted(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cities with treated rows (k,), y less its prediction (k, T), and which treated rows have one (k, T)."""
    treated = grid.treated
    cities = np.flatnonzero(treated.any(axis=1))
    whole, right, parts, rights = grid.year_sums
    untreated = grid.seen[cities] & ~treated[cities]
    mine, my_right = city_sums(grid.y[cities], untreated)
    a = whole - parts[cities].sum(axis=0) + mine.sum(axis=0)
    b = right - rights[cities].sum(axis=0) + my_right.sum(axis=0)
    identified = np.diag(a) > 1e-12
    inner = a[np.ix_(identified, identified)]
    values, vectors = np.linalg.eigh(inner)
    kept = values > 1e-10 * max(float(values.max(initial=0.0)), 1.0)
    years = np.zeros(len(b))
    years[identified] = vectors[:, kept] @ ((vectors[:, kept].T @ b[identified]) / values[kept])
    effects = grid.y[cities] - years
    base = np.where(untreated, effects, 0.0).sum(axis=1) / np.maximum(untreated.sum(axis=1), 1)
    known = treated[cities] & (untreated.sum(axis=1) > 0)[:, None] & identified[None, :]
    if (~kept).sum() > 1:  # untreated rows in parts that no city connects: a year is known only beside years of its part
        part = np.full(len(b), -1)
        part[identified] = _parts_of_years(inner)
        own = np.array([part[row][0] if row.any() else -2 for row in untreated & identified])
        known &= part[None, :] == own[:, None]
    return cities, effects - base[:, None], known


def _parts_of_years(links: np.ndarray) -> np.ndarray:
    """The connected part that each year belongs to: two years are linked where a city has an untreated row in both."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    return connected_components(csr_matrix(np.abs(links) > 1e-12), directed=False)[1]


def sun_abraham(grid: Grid) -> float:
    """Mean over treated rows of the cohort-by-event-time coefficients of one regression with city and year effects, the year
    before adoption left out (never treated cities as comparison); weights are the treated rows of a cell."""
    rows, weights, solution = _saturated(grid)
    return float(weights @ solution / weights.sum()) if rows.any() else float("nan")


def saturated_rows(grid: Grid) -> np.ndarray:
    """(C, T): treated rows whose coefficient in :func:`sun_abraham` is identified: not those of a cohort without a base."""
    return _saturated(grid)[0]


def _saturated(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Treated rows that enter (C, T), and by cell their number and coefficient (k,)."""
    rows = np.zeros(grid.y.shape, dtype=bool)
    cities = np.flatnonzero(np.isfinite(grid.first))
    if not len(cities) or not np.isinf(grid.first).any():
        return rows, np.zeros(0), np.zeros(0)
    seen, time = grid.seen[cities], grid.years[None, :] - grid.first[cities][:, None]
    used = seen & (time != -1)
    cohort = np.searchsorted(np.unique(grid.first[cities]), grid.first[cities])
    label = (cohort[:, None] * 4096 + time.astype(int) + 2048)[used]
    levels, code = np.unique(label, return_inverse=True)
    basis, residual = grid.event_basis
    on_basis = basis[cities][used]  # (r, T - 1)
    city = np.broadcast_to(np.arange(len(cities))[:, None], used.shape)[used]
    k = len(levels)
    by_city = np.zeros((k, len(cities)))
    np.add.at(by_city, (code, city), 1.0)
    on_years = np.zeros((k, on_basis.shape[1]))
    np.add.at(on_years, code, on_basis)
    counts = np.bincount(code, minlength=k).astype(float)
    gram = np.diag(counts) - (by_city / np.maximum(seen.sum(axis=1), 1)) @ by_city.T - on_years @ on_years.T
    right = np.bincount(code, weights=residual[cities][used], minlength=k)
    values, vectors = np.linalg.eigh(gram)
    kept = values > 1e-9 * max(float(values.max(initial=0.0)), 1.0)
    solution = vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept])
    identified = (np.abs(vectors[:, ~kept]) < 1e-7).all(axis=1)
    weights = counts * ((levels % 4096) >= 2048) * identified
    enters = np.zeros(used.shape, dtype=bool)
    enters[used] = weights[code] > 0
    rows[cities] = enters
    return rows, weights, solution


def stacked(grid: Grid) -> float:
    """The coefficient of treatment in one regression over stacks, a stack a cohort with the never treated cities, city and year
    effects of each stack apart: sum of the stacks' numerators over that of their denominators (Frisch-Waugh-Lovell).

    Year effects net of city means of a stack are those of all rows less the cities of the other cohorts.
    """
    num = den = 0.0
    if not np.isinf(grid.first).any():
        return float("nan")
    whole, right, parts, rights = grid.year_sums
    for g in grid.cohorts:
        mine, away = grid.first == g, np.isfinite(grid.first) & (grid.first != g)
        years, outcome = whole - parts[away].sum(axis=0), right - rights[away].sum(axis=0)
        seen = grid.seen[mine]
        _, left = city_sums(np.broadcast_to(grid.years >= g, seen.shape).astype(float), seen)
        on_years = np.linalg.pinv(years, rcond=1e-10, hermitian=True) @ left.sum(axis=0)
        num += float((left * np.where(seen, grid.y[mine], 0.0)).sum() - on_years @ outcome)
        den += float((left**2).sum() - on_years @ left.sum(axis=0))
    return num / den if den > 1e-10 else float("nan")


def synthetic(grid: Grid) -> float:
    """Synthetic DID of each cohort against the never treated cities of a balanced grid, averaged by treated rows."""
    parts = [part for g in grid.cohorts if (part := synthetic_part(grid, g)) is not None]
    return _combined(parts, {}) if parts else float("nan")


@dataclass(frozen=True)
class SyntheticPart:
    """One cohort: its cities and the comparison cities (positions), the weights ``omega`` of these, and of each city the mean
    after adoption less the weighted mean before it."""

    mine: np.ndarray
    others: np.ndarray
    omega: np.ndarray
    rise: np.ndarray
    years: int


def synthetic_part(grid: Grid, g: int) -> SyntheticPart | None:
    """Unit and time weights of one cohort by Frank-Wolfe as the R package synthdid finds them (zeta from the noise of the first
    differences, sparsified once). Outcomes are shifted and scaled first. None with fewer than two comparison cities or years
    before adoption."""
    from diff_diff.utils import compute_sdid_unit_weights, compute_time_weights

    others, mine, after = np.flatnonzero(np.isinf(grid.first)), np.flatnonzero(grid.first == g), grid.years >= g
    if len(others) < 2 or not len(mine) or not after.any() or (~after).sum() < 2:
        return None
    before = grid.y[others][:, ~after].T
    shift, scale = before.mean(), before.std()
    y = (grid.y - shift) / (scale if scale > 1e-12 * max(abs(shift), 1.0) else 1.0)
    pre, post = y[others][:, ~after].T, y[others][:, after].T
    noise = float(np.diff(pre, axis=0).std(ddof=1))
    least = 1e-5 * noise if noise > 0 else 1e-5
    zeta = float((len(mine) * after.sum()) ** 0.25 * noise)
    omega = compute_sdid_unit_weights(pre, y[mine][:, ~after].mean(axis=0), zeta_omega=zeta, min_decrease=least)
    lambdas = compute_time_weights(pre, post, zeta_lambda=1e-6 * noise, min_decrease=least)
    rise = grid.y[:, after].mean(axis=1) - grid.y[:, ~after] @ lambdas
    return SyntheticPart(mine, others, omega, rise, int(after.sum()))


def _combined(parts: list[SyntheticPart], weights: dict[int, float]) -> float:
    """The average over cohorts where cities have other weights than one (``weights``: position -> weight)."""
    total = rows = 0.0
    for part in parts:
        mine = np.array([weights.get(i, 1.0) for i in part.mine.tolist()])
        omega = part.omega * [weights.get(i, 1.0) for i in part.others.tolist()]
        if not mine.sum() or not omega.sum():
            return float("nan")
        effect = mine @ part.rise[part.mine] / mine.sum() - omega @ part.rise[part.others] / omega.sum()
        total, rows = total + mine.sum() * part.years * effect, rows + mine.sum() * part.years
    return float(total / rows)


def synthetic_jackknife(grid: Grid) -> float:
    """Standard error of :func:`synthetic`: each city left out of all cohorts at once, unit and time weights kept (algorithm 3
    of Arkhangelsky et al. 2021, which is for one cohort, carried over to their average; comparison cities are shared).

    NaN where a cohort has one city, or one comparison city has all the weight.
    """
    parts = [part for g in grid.cohorts if (part := synthetic_part(grid, g)) is not None]
    cities = sorted({i for part in parts for i in [*part.mine.tolist(), *part.others.tolist()]})
    left_out = np.array([_combined(parts, {i: 0.0}) for i in cities])
    n = len(cities)
    return float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())) if n else float("nan")


def two_way(grid: Grid) -> float:
    """The coefficient of treatment in one regression with city and year effects: d~'y~ / d~'d~ on the treated cities' rows."""
    cities = np.flatnonzero(grid.treated.any(axis=1))
    basis, residual = grid.event_basis
    treated = grid.treated[cities]
    _, left = city_sums(treated.astype(float), grid.seen[cities])
    on_years = basis[cities][treated].sum(axis=0)
    den = float((left**2).sum() - on_years @ on_years)
    return float(residual[cities][treated].sum()) / den if den > 1e-10 else float("nan")
