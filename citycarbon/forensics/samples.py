"""L73 and L74: do the rows of splits, lags and subsamples add up, and can a subsample have the R2 that is printed?"""

from __future__ import annotations

from collections.abc import Iterator

from citycarbon.forensics.design import Design, Panel, Split, Subsample
from citycarbon.forensics.findings import Finding, Rule, Verdict, not_applicable
from citycarbon.forensics.intervals import Interval, of
from citycarbon.forensics.paper import Column, Described, Paper
from citycarbon.forensics.support import many
from citycarbon.forensics.wording import ends, fixed, plain, span, start

SPLITS = Rule("L73", "split_arithmetic", "rows of both halves against the whole, and whether a median can give them")
R2_BOUND = Rule("L74", "r2_subsample_bound", "adjusted R2 of a subsample against the least it can be")

UNEVEN = 4 / 3  # rows a unit in one half over the other's, beyond which a median over units needs an explanation
EDGE = 0.75  # share of all removable variance beyond which an R2 stands at the edge of the possible


def split_arithmetic(paper: Paper, design: Design | None) -> list[Finding]:
    """L73: one finding a split table; for a lag column the rows lost against the units."""
    if design is None or not design.splits:
        return [not_applicable("split", "no design with splits", "which columns split which rows, and by what")]
    found: list[Finding] = []
    for split in design.splits:
        high, low = paper.find(split.table, split.high), paper.find(split.table, split.low)
        whole = paper.find(split.of.table, split.of.column)
        code, name = paper.halves(split.table, split.high, split.low)
        if high is None or low is None or whole is None:
            missing = f"{name} or the column it splits is not among the printed columns"
            found.append(not_applicable("split", missing, "both halves and the whole", code))
        else:
            found.append(_split(design, split, high, low, whole, code, name))
    for sub in design.subsamples:
        found += _lag(paper, design, sub)
    return found


def _split(design: Design, split: Split, high: Column, low: Column, whole: Column, scope: str, table: str) -> Finding:
    told = split.missing + split.singletons
    lost = whole.n - high.n - low.n - told
    sizes = f"high {high.n} + low {low.n}" + (f" + {told} accounted for" if told else "")
    observed = f"{sizes} = {whole.n - lost} of N = {whole.n}; {lost} lost"
    if lost < 0:
        text = (
            f"The halves of {table} hold {high.n} + {low.n} = {high.n + low.n} rows, {-lost} more than the {whole.n} of "
            f"{whole.name} that they split."
        )
        return Finding("split", scope, "fail", observed, f"at most {whole.n}", text)
    if split.kind == "membership":
        verdict, expected, text = _membership(split, table, whole, high, low, lost)
    else:
        verdict, expected, text = _median(design.panel, split, table, whole, high, low, lost)
    return Finding("split", scope, verdict, observed, expected, text)


def _membership(split: Split, table: str, whole: Column, high: Column, low: Column, lost: int) -> tuple[Verdict, str, str]:
    expected = f"{whole.n} rows in all, and no median: {split.criterion} is yes or no"
    gone = f"the halves leave out {lost} of {whole.n} rows, though every row is either on the list or not" if lost else ""
    if split.method.startswith("median"):
        also = f"; besides, {gone}" if gone else ""
        text = (
            f"{start(split.where)} calls {table} a median split, but its criterion ({split.criterion}) is membership in a "
            f"list, which has no median; the halves hold {high.n} and {low.n} rows{also}."
        )
        return "fail", expected, text
    if lost:
        return "fail", expected, f"{table} splits by {split.criterion}, yet {gone}."
    return "pass", expected, f"{table} splits all {whole.n} rows by {split.criterion} into {high.n} and {low.n}."


def _median(
    panel: Panel | None, split: Split, table: str, whole: Column, high: Column, low: Column, lost: int
) -> tuple[Verdict, str, str]:
    half = whole.n / 2
    unexplained = f"; {lost} of the {whole.n} rows are in neither half, unexplained" if lost else ""
    expected = f"{whole.n // 2} and {whole.n - whole.n // 2} by a median over rows"
    if abs(high.n - low.n) <= 1 + lost + split.missing + split.singletons or split.method in ("threshold", "not_stated"):
        verdict: Verdict = "warn" if lost else "pass"
        return verdict, expected, f"The halves of {table} hold {high.n} and {low.n} of {whole.n} rows{unexplained}."
    if split.method == "median_of_rows":
        text = (
            f"A median over rows of {split.criterion} would put {half:.0f} of {whole.n} rows into each half of {table}, but "
            f"they hold {high.n} and {low.n}: {abs(high.n - low.n) // 2} rows would have to tie at the median{unexplained}."
        )
        return "warn", expected, text
    if panel is None or panel.units is None or panel.units < 2:
        return (
            "warn",
            expected,
            f"{table} holds {high.n} and {low.n} of {whole.n} rows, which no median over rows gives{unexplained}.",
        )
    return _over_units(panel, split, table, whole.n, (high.n, low.n), expected, unexplained)


def _over_units(
    panel: Panel, split: Split, table: str, whole: int, sizes: tuple[int, int], expected: str, unexplained: str
) -> tuple[Verdict, str, str]:
    """A median over units puts half of the units on either side: how many rows a unit would each side have?"""
    assert panel.units
    each = panel.units / 2
    big, small = max(sizes) / (panel.units - panel.units // 2), min(sizes) / (panel.units // 2)
    units = many(panel)
    expected = f"{expected}; {panel.units // 2} {units} a half by a median over {units}, {whole / panel.units:.1f} rows each"
    rows = f"{min(sizes)} and {max(sizes)} rows"
    per = f"{small:.1f} rows a {panel.unit} in one half and {big:.1f} in the other ({whole / panel.units:.1f} on average)"
    if big > panel.years:
        text = (
            f"No median without ties gives the {rows} of {table}: over rows it is {whole // 2} a half, and {each:.0f} {units} "
            f"in {panel.years} years have at most {int(each * panel.years)} rows{unexplained}."
        )
        return "warn", expected, text
    if big > UNEVEN * small or unexplained:
        odd = (
            f"{table} is called a median split of {split.criterion}, but {rows} are no median over rows ({whole // 2} a "
            f"half), and a median over {units} needs {per}{unexplained}."
        )
        return "warn", expected, odd
    text = f"The {rows} of {table} are what a median over {units} can give: {per}; no row is lost."
    return "pass", expected, text


def _lag(paper: Paper, design: Design, sub: Subsample) -> Iterator[Finding]:
    """A lag taken from the rows costs each unit its first row, and one more after each gap."""
    column, whole = paper.find(sub.table, sub.column), paper.find(sub.of.table, sub.of.column)
    if sub.kind != "lag" or column is None or whole is None or design.panel is None or design.panel.units is None:
        return
    lost, units = whole.n - column.n, design.panel.units
    observed, expected = f"{whole.n} - {column.n} = {lost} rows lost", f"0 by the calendar, or {units} and more by rows"
    if lost < 0:
        text = f"The lagged {column.name} has {-lost} rows more than {whole.name}."
        yield Finding("lag_rows", column.code, "fail", observed, expected, text)
    elif 0 < lost < units // 2:
        text = f"{column.name} loses {lost} rows to a lag, fewer than the {units} {many(design.panel)} have first rows."
        yield Finding("lag_rows", column.code, "warn", observed, expected, text)
    else:
        how = (
            f"{units} first rows and {lost - units} restarts after gaps"
            if lost >= units
            else "the lag is known from the calendar"
        )
        text = f"{column.name} loses {lost} rows to the lag: {how}."
        yield Finding("lag_rows", column.code, "pass", observed, expected, text)


# --- R2 of a subsample ------------------------------------------------------------------------------------------------------


def r2_subsample_bound(paper: Paper, design: Design | None) -> list[Finding]:
    """L74: RSS of a refit on part of the rows cannot exceed RSS of the whole, so R2 can fall only as far as TSS can."""
    found = [_above_one(c) for c in paper.columns if c.adj_r2 is not None and c.adj_r2.lo > 1]
    # A matched sample may repeat or weight rows: the bound does not hold for it.
    subs = [s for s in design.subsamples if s.kind == "exclusion"] if design else []
    if not subs and not found:
        return [not_applicable("r2_floor", "no design with subsample columns", "which column holds part of whose rows")]
    for sub in subs:
        column, whole = paper.find(sub.table, sub.column), paper.find(sub.of.table, sub.of.column)
        if column is not None and whole is not None:
            found.append(_bound(paper, design, column, whole))
    return found or [not_applicable("r2_floor", "no subsample column is printed", "the columns that the design names")]


def _above_one(column: Column) -> Finding:
    text = f"{column.name} prints an adjusted R2 of {plain(column.adj_r2.at)}, above 1."
    return Finding("r2_range", column.code, "fail", plain(column.adj_r2.at), "at most 1", text)


def _bound(paper: Paper, design: Design | None, column: Column, whole: Column) -> Finding:
    outcome = paper.described(whole.outcome, whole)
    reason = _no_bound(column, whole, outcome)
    if reason:
        return not_applicable(
            "r2_floor", reason, "both R2, the outcome's mean, sd, min and max on the whole's rows", column.code
        )
    k = _parameters(design, column, whole)
    floor, most, needed = r2_floor(outcome, whole, column, k)
    observed = f"adjusted R2 {span(column.adj_r2)} with N = {column.n}"
    expected = f"at least {fixed(floor.at, column.adj_r2)} (rounding: {ends(floor)})"
    share = f"{plain(100 * needed.at / most.at, 2)} %" if most.at > 0 else "all"
    says = (
        f"{column.name} has an adjusted R2 of {plain(column.adj_r2.at, 3)} on {column.n} of the {whole.n} rows of {whole.name} "
        f"({plain(whole.adj_r2.at, 3)})"
    )
    if column.adj_r2.below(floor):
        text = (
            f"{says}; even if the {whole.n - column.n} rows left out were the most extreme that the range of {whole.outcome} "
            f"allows it could not be below {fixed(floor.at, column.adj_r2)}, so R2, sample or specification is not as printed."
        )
        return Finding("r2_floor", column.code, "fail", observed, expected, text)
    if needed.at > EDGE * most.at and needed.at > 0:
        text = (
            f"{says}, against a least possible {fixed(floor.at, column.adj_r2)}: the {whole.n - column.n} rows left out would "
            f"have to carry {plain(needed.at, 3)} of the {plain(most.at, 3)} units of total variance that as many rows can "
            f"carry at most ({share}), all of them at the end of the range; more likely the R2 is of another kind."
        )
        return Finding("r2_floor", column.code, "warn", observed, expected, text)
    text = f"{says}, above the least possible {fixed(floor.at, column.adj_r2)}."
    return Finding("r2_floor", column.code, "pass", observed, expected, text)


def _no_bound(column: Column, whole: Column, outcome: Described | None) -> str:
    if column.outcome != whole.outcome or column.slopes.keys() != whole.slopes.keys():
        return f"{column.name} and {whole.name} differ in outcome or regressors"
    if column.adj_r2 is None or whole.adj_r2 is None:
        return "an adjusted R2 is not printed"
    if outcome is None or outcome.sd is None or outcome.mean is None or outcome.range is None or outcome.n != whole.n:
        return f"{whole.outcome} is not described on the {whole.n} rows of {whole.name}"
    if column.n >= whole.n:
        return f"{column.name} holds no fewer rows than {whole.name}"
    fewer = {e.lower() for e in column.effects} < {e.lower() for e in whole.effects}
    return f"{column.name} has fewer effects than {whole.name}" if fewer else ""


def _parameters(design: Design | None, column: Column, whole: Column) -> Interval:
    """Parameters that the adjustment may count: the terms at least, with all unit and year effects at most."""
    least = max(len(whole.cells), 1)
    panel = design.panel if design else None
    most = least + (panel.units or 0) + panel.years - 2 if panel else least
    most = max(least, min(most, column.n - 2, whole.n - 2))
    return Interval(least, least, most)


def r2_floor(outcome: Described, whole: Column, column: Column, k: Interval) -> tuple[Interval, Interval, Interval]:
    """Least adjusted R2 of the subsample; most TSS that the left-out rows can carry; TSS they must have carried.

    TSS falls most when all left-out rows sit at the end of the range farther from the mean: by m d^2 (1 + m / n).
    """
    m, n = whole.n - column.n, column.n
    tss = outcome.sd.squared() * (whole.n - 1)
    away = [abs(outcome.max - outcome.mean), abs(outcome.mean - outcome.min)]
    farthest = max(away, key=lambda i: i.at)
    far = Interval(farthest.at, farthest.lo, max(i.hi for i in away))
    most = far.squared() * (m * (1 + m / n))
    # K enters numerator and denominator of each adjusted R2 in the same way: taken together, not as two unknowns.
    floors, needs = [], []
    for count in (k.lo, k.hi):
        rss = (1 - whole.adj_r2) * tss * ((whole.n - count) / (whole.n - 1))
        left = tss - most
        factor = (n - 1) / (n - count)
        floors.append(1 - rss * factor / left if left.lo > 0 else of(float("-inf")))
        needs.append(tss - rss * factor / (1 - column.adj_r2) if column.adj_r2.hi < 1 else of(0.0))
    floor = Interval(floors[0].at, min(f.lo for f in floors), max(f.hi for f in floors))
    return floor, most, Interval(needs[0].at, min(i.lo for i in needs), max(i.hi for i in needs))
