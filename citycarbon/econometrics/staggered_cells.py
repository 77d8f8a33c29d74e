"""ATT(g, t) of Callaway and Sant'Anna (2021) by formula: the cells of cohort and year, their averages, and influence functions.

Points are those of the package diff-diff (tested to 1e-8). The influence functions give errors also where the package has no
joint one (averages by cohort and by calendar year).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from citycarbon.econometrics.staggered_grid import Grid

NEVER, NOT_YET = "never_treated", "not_yet_treated"
PAIRS, SECTIONS = "pairs", "sections"  # cities seen in both years of a cell, or the rows of each year on their own
HOW = ("simple", "group", "dynamic", "calendar")
SMALLEST_SCORE = 1e-6  # scores are kept this far off 0 and 1, as in ``doubly_robust``


@dataclass(frozen=True)
class Cell:
    """One ATT(g, t): its two years (positions), who is compared (C,), whose number is its weight, and the value."""

    cohort: int
    year: int
    base: int
    at: int
    mine: np.ndarray
    others: np.ndarray
    weighs: np.ndarray
    value: float

    @property
    def size(self) -> int:
        """The weight of the cell: its treated cities, in sections (whose cities come and go) all of the cohort."""
        return int(self.weighs.sum())


@lru_cache(maxsize=4)  # the averages of one assignment share their cells
def cells(grid: Grid, control: str = NEVER, rows: str = PAIRS) -> tuple[Cell, ...]:
    """Every ATT(g, t), t >= g, that has a treated and a comparison city; the base is the last year before g with any row.

    ``control``: never treated by the end, or (``NOT_YET``) not treated by t. ``rows``: ``PAIRS`` compares the changes of
    cities seen in both years; ``SECTIONS`` the means of each year over whoever is seen in it, as R did does with
    ``allow_unbalanced_panel = TRUE``. On a balanced grid they are the same.
    """
    out = []
    for g, base, at in _places(grid):
        seen = grid.seen[:, base] & grid.seen[:, at] if rows == PAIRS else grid.seen[:, base] | grid.seen[:, at]
        mine = seen & (grid.first == g)
        others = seen & (np.isinf(grid.first) if control == NEVER else (grid.first > grid.years[at]) & (grid.first != g))
        if rows == PAIRS:
            change = grid.y[:, at] - grid.y[:, base]
            value = _mean(change[mine]) - _mean(change[others])
        else:
            value = _change(grid, mine, base, at) - _change(grid, others, base, at)
        if np.isfinite(value):
            weighs = mine if rows == PAIRS else grid.first == g
            out.append(Cell(g, int(grid.years[at]), base, at, mine, others, weighs, value))
    return tuple(out)


def _places(grid: Grid) -> list[tuple[int, int, int]]:
    """Cohort, base and year (positions) of every cell that the years allow."""
    held = grid.seen.any(axis=0)
    out = []
    for g in grid.cohorts:
        before = np.flatnonzero(held & (grid.years < g))
        if len(before):
            out += [(g, int(before[-1]), int(at)) for at in np.flatnonzero(held & (grid.years >= g))]
    return out


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _change(grid: Grid, cities: np.ndarray, base: int, at: int) -> float:
    seen = grid.seen
    return _mean(grid.y[cities & seen[:, at], at]) - _mean(grid.y[cities & seen[:, base], base])


def callaway_santanna(grid: Grid, how: str = "simple", control: str = NEVER, rows: str = PAIRS) -> float:
    """One number of ATT(g, t), as the R package did averages them: ``simple`` (cells by their treated cities), ``group`` (mean
    of a cohort over its years, then by its cities), ``dynamic`` (by event time, then alike), ``calendar`` (by year, then
    alike). NaN where there is no cell."""
    return average(cells(grid, control, rows), grid.first, how)[0]


def treated_rows(grid: Grid, control: str = NEVER, rows: str = PAIRS) -> np.ndarray:
    """(C, T): treated rows that enter a cell."""
    out = np.zeros(grid.y.shape, dtype=bool)
    for cell in cells(grid, control, rows):
        out[:, cell.at] |= cell.mine & grid.seen[:, cell.at]
    return out


def average(found: tuple[Cell, ...], first: np.ndarray, how: str) -> tuple[float, np.ndarray]:
    """The average of the cells and the weight (len(found),) of each in it."""
    share = np.zeros(len(found))
    if not found:
        return float("nan"), share
    sizes = np.array([c.size for c in found], dtype=float)
    for part, weight in _parts(found, first, how):
        inside = np.full(len(part), 1 / len(part)) if how == "group" else sizes[part] / sizes[part].sum()
        share[part] = weight * inside
    return float(share @ [c.value for c in found]), share


def _parts(found: tuple[Cell, ...], first: np.ndarray, how: str) -> list[tuple[list[int], float]]:
    """The cells (positions) that are averaged first, with the weight of each such average."""
    key = {
        "simple": lambda c: 0,
        "group": lambda c: c.cohort,
        "dynamic": lambda c: c.year - c.cohort,
        "calendar": lambda c: c.year,
    }
    groups: dict[int, list[int]] = {}
    for i, cell in enumerate(found):
        groups.setdefault(key[how](cell), []).append(i)
    if how != "group":
        return [(part, 1 / len(groups)) for part in groups.values()]
    cities = {g: float((first == g).sum()) for g in groups}
    return [(part, cities[g] / sum(cities.values())) for g, part in groups.items()]


def influence(grid: Grid, how: str = "simple", control: str = NEVER, rows: str = PAIRS) -> np.ndarray:
    """(C,): each city's part in the average less its expectation; the root of the sum of squares is the standard error.

    The derivative of the average with respect to a city's weight (Callaway and Sant'Anna 2021, theorem 2, without bootstrap):
    that of the cells, and that of the weights, which are numbers of cities and thus drawn too. No small-sample factor. On a
    balanced grid the errors are those of diff-diff, which on others takes the weights' part from the whole cohort.
    """
    found = cells(grid, control, rows)
    _, share = average(found, grid.first, how)
    out = np.zeros(len(grid.cities))
    for weight, cell in zip(share, found, strict=True):
        out += weight * _of_cell(grid, cell, rows)
    for part, weight in _parts(found, grid.first, how):
        values = np.array([found[i].value for i in part])
        if how == "group":
            total = sum(float((grid.first == g).sum()) for g in {c.cohort for c in found})
            whole = average(found, grid.first, how)[0]
            out += (grid.first == found[part[0]].cohort) * (values.mean() - whole) / total
        else:
            sizes = np.array([found[i].size for i in part], dtype=float)
            mean = float(sizes @ values / sizes.sum())
            for i in part:
                out += weight * found[i].weighs * (found[i].value - mean) / sizes.sum()
    return out


def _of_cell(grid: Grid, cell: Cell, rows: str) -> np.ndarray:
    out = np.zeros(len(grid.cities))
    for cities, sign in ((cell.mine, 1.0), (cell.others, -1.0)):
        if rows == PAIRS:
            change = grid.y[cities, cell.at] - grid.y[cities, cell.base]
            out[cities] += sign * (change - change.mean()) / len(change)
        else:
            for at, end in ((cell.at, 1.0), (cell.base, -1.0)):
                there = cities & grid.seen[:, at]
                y = grid.y[there, at]
                out[there] += sign * end * (y - y.mean()) / len(y)
    return out


def doubly_robust(grid: Grid) -> float:
    """The simple average of doubly robust cells (Sant'Anna and Zhao 2020) given the covariate ``grid.x`` of the base year.

    Of a cell: mean over the treated of the change less its prediction m(x) from the comparison cities, less the comparison
    cities' p / (1 - p) times theirs over the number treated; m is least squares, p a logit of treated on x. NaN where a score
    has no maximum in any cell, as the row of the table then says of the facts.
    """
    if grid.x is None:
        raise ValueError("the grid has no covariate")
    total = weight = 0.0
    for cell in cells(grid):
        value = _doubly_robust_cell(grid, cell)
        if not np.isfinite(value):
            return float("nan")
        total, weight = total + cell.size * value, weight + cell.size
    return total / weight if weight else float("nan")


def _doubly_robust_cell(grid: Grid, cell: Cell) -> float:
    from citycarbon.econometrics.propensity import fit_score

    used = cell.mine | cell.others
    mine = cell.mine[used]
    x = grid.x[used, cell.base]
    change = grid.y[used, cell.at] - grid.y[used, cell.base]
    score = fit_score(x[:, None], mine)
    if score.reason:
        return float("nan")
    p = np.clip(score.probability[~mine], SMALLEST_SCORE, 1 - SMALLEST_SCORE)
    design = np.column_stack([np.ones(len(x)), x - x.mean()])
    left = change - design @ np.linalg.lstsq(design[~mine], change[~mine], rcond=None)[0]
    return float(left[mine].mean() - (p / (1 - p) * left[~mine]).sum() / mine.sum())
