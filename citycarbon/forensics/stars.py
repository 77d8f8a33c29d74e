"""L78: can each printed star be earned by its estimate and standard error, rounding included, and with which df?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from citycarbon.forensics.design import Design, Grouping
from citycarbon.forensics.findings import Finding, Rule, Verdict, not_applicable
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.paper import Cell, Column, Paper
from citycarbon.forensics.wording import listed, p_text, plain, span

STARS = Rule("L78", "interval_star_test", "printed stars against estimate / standard error, rounding and df included")
LEVELS = (0.10, 0.05, 0.01)  # one, two, three stars
# What the tables could have used where nobody says: from a handful of clusters to the normal distribution.
CANDIDATES = (*range(4, 31), 35, 40, 50, 60, 65, 70, 80, 100, 120, 150, 200, 300, 500, 1000, math.inf)
MANY = 8
LARGE = 200  # rows below which effects may leave a column few degrees of freedom of its own


Reach = tuple[float, float]  # fewest and most degrees of freedom that a test can have used


@dataclass(frozen=True)
class Tested:
    """A cell with its t statistic, and what its stars can be under a range of degrees of freedom."""

    column: Column
    cell: Cell
    t: Interval

    @property
    def scope(self) -> str:
        return f"{self.column.code} {self.cell.term}"

    @property
    def printed(self) -> int:
        return len(self.cell.stars)

    def earned(self, reach: Reach) -> tuple[int, int]:
        """Fewest and most stars at the printed digits."""
        return rank(self.t.at, reach[0]), rank(self.t.at, reach[1])

    def allowed(self, reach: Reach) -> tuple[int, int]:
        """Fewest and most stars of the numbers that round to the print."""
        return rank(self.t.lo, reach[0]), rank(self.t.hi, reach[1])

    def matches(self, reach: Reach) -> bool:
        return self.earned(reach)[0] <= self.printed <= self.earned(reach)[1]

    def possible(self, reach: Reach) -> bool:
        return self.allowed(reach)[0] <= self.printed <= self.allowed(reach)[1]

    def possible_at(self, df: float) -> bool:
        return self.possible((df, df))


@cache
def critical(df: float) -> tuple[float, float, float]:
    """Two-sided critical values for one, two and three stars; infinite df is the normal distribution."""
    from scipy.stats import norm, t

    one, two, three = (float(norm.isf(a / 2) if math.isinf(df) else t.isf(a / 2, df)) for a in LEVELS)
    return one, two, three


def rank(t: float, df: float) -> int:
    """Number of stars that |t| earns."""
    one, two, three = critical(df)
    return (t > one) + (t > two) + (t > three)


def interval_star_test(paper: Paper, design: Design | None) -> list[Finding]:
    """L78: a count over all cells, a row for each that needs rounding or is impossible, and the df that the stars allow."""
    cells = [(column, cell) for column in paper.columns for cell in column.cells.values()]
    exact = [f for column, cell in cells if (f := _by_p(column, cell)) is not None]
    tested = [Tested(c, x, abs(x.estimate) / x.std_error) for c, x in cells if x.is_tested and not _has_rule(x)]
    if not tested and not exact:
        return [not_applicable("stars", "no coefficient with a standard error", "estimates, standard errors and stars")]
    used = _used(paper, design, tested)
    match = [x for x in tested if x.matches(used.of(x))]
    rounding = [x for x in tested if x.possible(used.of(x)) and x not in match]
    other = [x for x in tested if not x.possible(used.of(x)) and used.is_guess and _column_has_a_df(tested, x)]
    impossible = [x for x in tested if not x.possible(used.of(x)) and x not in other]
    found = [_summary(tested, match, rounding, other, impossible, exact, used.name)]
    for verdict, group in (("fail", impossible), ("warn", other), ("pass", rounding)):
        found += [_row(x, used.of(x), verdict) for x in group]
    found += [f for f in exact if f.verdict == "fail"]
    if tested and all(x.cell.df is None for x in tested):
        found += _degrees(design, tested)
    return found


# --- which degrees of freedom -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """The distribution that the stars are judged by: its name, and the range of degrees of freedom of each cell."""

    name: str
    of: Callable[[Tested], Reach]
    is_guess: bool = False  # taken from the stars themselves, because nobody states it


def _used(paper: Paper, design: Design | None, tested: Sequence[Tested]) -> Used:
    if tested and all(x.cell.df is not None for x in tested):
        return Used("t with the stated degrees of freedom", lambda x: (x.cell.df, x.cell.df))
    errors = design.standard_errors if design else None
    if errors and errors.stated == "cluster" and errors.clusters:
        most = max(c.n for c in paper.columns)
        return Used(f"t({errors.clusters - 1}) or normal", lambda x: (_clusters(errors.clusters, x.column.n / most), math.inf))
    if errors and errors.stated in ("robust", "classical"):
        return Used("normal or t(N - k)", lambda x: (_residual(design, x.column), math.inf))
    # Nobody says: the one df for all cells that leaves the fewest impossible; of equals the largest.
    best = min(CANDIDATES, key=lambda df: (sum(not x.possible_at(df) for x in tested), -df))
    if math.isinf(best):
        return Used("normal or t(N - k)", lambda x: (_residual(design, x.column), math.inf), is_guess=True)
    return Used(f"t({plain(best)}), which fits most stars", lambda x: (best, best), is_guess=True)


def _clusters(stated: int, share: float) -> float:
    """Fewest degrees of freedom of a column with this share of the rows: part of the clusters may be left out altogether."""
    return max(stated - 1 if share >= 1 else int(stated * share / 2) - 1, 1)


def _residual(design: Design | None, column: Column) -> float:
    """N - k less all unit and year effects where that leaves anything, else N - k."""
    left = max(column.n - len(column.cells), 1)
    panel = design.panel if design else None
    less = left - (panel.units - 1) - (panel.years - 1) if panel and panel.units else 0
    return less if less > 0 else left


def _column_has_a_df(tested: Sequence[Tested], x: Tested) -> bool:
    """Whether some other df makes all stars of the cell's column possible (fewer clusters in part of the rows)."""
    column = [y for y in tested if y.column.key == x.column.key]
    return any(all(y.possible_at(df) for y in column) for df in CANDIDATES)


# --- what is reported -------------------------------------------------------------------------------------------------------


def _summary(tested, match, rounding, other, impossible, exact, name: str) -> Finding:
    wrong = [f for f in exact if f.verdict == "fail"]
    n, good, bad = len(tested) + len(exact), len(match) + len(exact) - len(wrong), len(impossible) + len(wrong)
    observed = f"{good} of {n} match, {len(rounding)} by rounding, {bad} impossible"
    only = f", {len(other)} only with other degrees of freedom than the rest" if other else ""
    scopes = [x.scope for x in impossible] + [f.scope for f in wrong]
    if tested:
        text = (
            f"Of {n} coefficients {good} carry the stars that their printed estimate and standard error earn ({name}), "
            f"{len(rounding)} can within rounding{only}, and {bad} cannot"
        )
    else:
        text = f"Of {n} coefficients {good} carry the stars of their p-value and {bad} do not"
    text += f": {listed(scopes, most=MANY)}." if bad else "."
    verdict: Verdict = "fail" if bad else "warn" if other else "pass"
    return Finding("stars", "all", verdict, observed + only, "0 impossible", text)


def _row(x: Tested, reach: Reach, verdict: Verdict) -> Finding:
    given, earned, allowed = _stars(x.printed), _either(x.earned(reach)), _either(x.allowed(reach))
    expected = f"{earned} at the printed digits, {allowed} within rounding"
    p = p_text(_p(x.t.at, reach[1]))
    where = f"{x.column.name} prints {x.cell.term} as {x.cell.text} with {given}"
    if verdict == "fail":
        text = f"{where}, but t = {span(x.t)} ({p}) earns {allowed}: no number behind the print gives the printed mark."
    elif verdict == "warn":
        text = f"{where}, which t = {span(x.t)} earns only with other degrees of freedom than the rest of the tables need."
    else:
        text = f"{where}; the printed digits give t = {plain(x.t.at)} ({p}), that is {earned}, so the mark needs rounding."
    return Finding("star", x.scope, verdict, f"{x.cell.text}: t = {span(x.t)}, {given}", expected, text)


def _stars(n: int) -> str:
    return "*" * n or "no star"


def _either(ranks: tuple[int, int]) -> str:
    low, high = ranks
    return _stars(low) if low == high else f"{_stars(low)} {'or' if high == low + 1 else 'to'} {_stars(high)}"


def _p(t: float, df: float) -> float:
    from scipy.stats import norm
    from scipy.stats import t as student

    return float(2 * (norm.sf(t) if math.isinf(df) else student.sf(t, df)))


def _degrees(design: Design | None, tested: Sequence[Tested]) -> Iterator[Finding]:
    """The fewest degrees of freedom under which all printed stars are possible, and the groupings that this rules out."""
    large = [x for x in tested if x.column.n >= LARGE]
    least = next((df for df in (*range(1, 121), *CANDIDATES[-5:]) if all(x.possible_at(df) for x in large)), math.inf)
    if large and CANDIDATES[0] < least < math.inf:
        told = listed([f"{x.scope} ({x.cell.text}, t = {span(x.t)})" for x in large if not x.possible_at(least - 1)], most=3)
        text = (
            f"The printed stars need a t distribution with at least {least} degrees of freedom, because of {told}, so the "
            f"standard errors are not clustered in {least} groups or fewer, unless they were tested with normal critical "
            "values."
        )
        yield Finding("degrees_of_freedom", "all", "pass", f"at least {least}", "those of the stated errors", text)
    for group in design.groupings if design and large else []:
        yield _grouping(group, large)


def _grouping(group: Grouping, tested: Sequence[Tested]) -> Finding:
    df = group.count - 1
    out = [x for x in tested if not x.possible_at(df)]
    near = [x for x in tested if x.possible_at(df) and not x.matches((df, df))]
    observed = f"{len(out)} impossible, {len(near)} by rounding with t({df})"
    if out:
        text = (
            f"Clustering by {group.name} ({group.count} groups) is ruled out with t({df}): {len(out)} printed stars would be "
            f"impossible ({listed([x.scope for x in out], most=MANY)})."
        )
    else:
        text = f"Clustering by {group.name} ({group.count} groups) is compatible with all printed stars."
    return Finding("clustering", group.name, "pass", observed, "0 impossible if so clustered", text)


# --- stars by a p-value that is given ---------------------------------------------------------------------------------------


def _has_rule(cell: Cell) -> bool:
    return cell.p_value is not None or cell.star_rule not in ("", "t")


def _by_p(column: Column, cell: Cell) -> Finding | None:
    """Cells whose star another p-value earns (randomisation inference), or that may have none; None for the t test."""
    if not _has_rule(cell):
        return None
    given, scope = _stars(len(cell.stars)), f"{column.code} {cell.term}"
    if cell.p_value is None:
        ok, expected = not cell.stars, f"no star: rule {cell.star_rule} without a p-value"
        observed = f"{cell.text}: {given}"
    else:
        earned = sum(cell.p_value.at < a for a in LEVELS)
        ok, expected = len(cell.stars) == earned, f"{_stars(earned)} at p = {plain(cell.p_value.at)}"
        observed = f"{cell.text}: {given}"
    text = f"{column.name} prints {cell.term} with {given}; its rule ({cell.star_rule or 'p-value'}) gives {expected}."
    return Finding("star", scope, "pass" if ok else "fail", observed, expected, text)
