"""L80: is a subgroup's effect really stronger than the other's, and does the pooled effect lie between the two?

The difference between "significant" and "not significant" is not itself significant (Gelman and Stern 2006): coefficients
are compared, never their stars. z = difference / sqrt(SE1^2 + SE2^2), the halves being disjoint.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from citycarbon.forensics.design import Design, Split, Subsample
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.intervals import Interval, hull
from citycarbon.forensics.paper import Cell, Column, Paper
from citycarbon.forensics.wording import ends, listed, p_text, span, start

SUBGROUPS = Rule("L80", "subgroup_difference", "difference of two subgroup effects; the pooled effect between them")
LEVEL = 0.10  # a difference earns the word "stronger" below this p
ONE_STAR = 1.645
NEAR = 0.5  # of the pooled standard error: group-specific slopes move the pooled effect outside the two by as much


def subgroup_difference(paper: Paper, design: Design | None) -> list[Finding]:
    """L80: per split table the z test and the hull; per matched column the controls that turn their sign."""
    if design is None or not design.splits:
        return [not_applicable("difference", "no design with splits", "which columns are halves of which column")]
    term = design.treatment.term if design.treatment else "did"
    found: list[Finding] = []
    for split in design.splits:
        scope, name = paper.halves(split.table, split.high, split.low)
        cells = [_cell(paper.find(split.table, c), term) for c in (split.high, split.low)]
        if cells[0] is None or cells[1] is None:
            reason = f"{term} is not estimated in both halves of {name}"
            found.append(not_applicable("difference", reason, "both estimates with errors", scope))
            continue
        found.append(_difference(split, scope, name, *cells))
        found += _hull(paper, split, scope, name, term, cells)
    for sub in design.subsamples:
        found += _turned(paper, sub, term)
    return found


def _cell(column: Column | None, term: str) -> Cell | None:
    cell = column.cells.get(term) if column else None
    return cell if cell is not None and cell.is_tested else None


def z_test(strong: Cell, weak: Cell) -> tuple[Interval, Interval, Interval]:
    """Difference in the direction of the stronger cell's sign, its error, and z, all with rounding."""
    sign = math.copysign(1.0, strong.estimate.at)
    difference = (strong.estimate - weak.estimate) * sign
    error = (strong.std_error.squared() + weak.std_error.squared()).sqrt()
    return difference, error, difference / error


def two_sided(z: Interval) -> Interval:
    """p of |z| under the normal distribution, with rounding."""
    from scipy.stats import norm

    size = abs(z)
    return Interval(*(float(2 * norm.sf(v)) for v in (size.at, size.hi, size.lo)))


def _difference(split: Split, scope: str, name: str, high: Cell, low: Cell) -> Finding:
    claimed = split.stronger.group if split.stronger else ("high" if abs(high.estimate.at) >= abs(low.estimate.at) else "low")
    strong, weak = (high, low) if claimed == "high" else (low, high)
    difference, error, z = z_test(strong, weak)
    p = two_sided(z)
    observed = f"{span(difference)}, SE {span(error)}, z = {span(z)}, {p_text(p.at)}"
    numbers = (
        f"{strong.text.rstrip('*')} against {weak.text.rstrip('*')}: difference {span(difference)}, standard error "
        f"{span(error)}, z = {span(z)}, {p_text(p.at)}"
    )
    if split.stronger is None:
        text = f"The halves of {name} differ by {numbers.partition(': difference ')[2]}; the text claims no difference."
        return Finding("difference", scope, "pass", observed, "no claim", text)
    quote = f' ("{split.stronger.quote}")' if split.stronger.quote else ""
    claim = f"{start(split.stronger.where)} calls the effect in the {claimed} group of {name} stronger{quote}"
    expected = f"a stronger effect in the {claimed} group with p < {LEVEL}"
    if z.lo > 0 and p.hi < LEVEL:
        return Finding("difference", scope, "pass", observed, expected, f"{claim}, and the difference earns it ({numbers}).")
    if z.hi <= 0 or p.lo >= LEVEL:
        text = (
            f"{claim}, but the difference is no more than chance gives ({numbers}); the stars that set them apart "
            "are no test of it."
        )
        if len(strong.stars) <= len(weak.stars):
            text = f"{claim}, but there is no difference in that direction beyond chance ({numbers})."
        return Finding("difference", scope, "fail", observed, expected, text)
    return Finding("difference", scope, "warn", observed, expected, f"{claim}; rounding leaves open whether it is ({numbers}).")


def _hull(paper: Paper, split: Split, scope: str, name: str, term: str, cells: list[Cell]) -> Iterator[Finding]:
    whole = _cell(paper.find(split.of.table, split.of.column), term)
    column = paper.find(split.of.table, split.of.column)
    if whole is None or column is None:
        return
    inside = hull(c.estimate for c in cells)
    weights = [1 / c.std_error.at**2 if c.std_error.at else 0.0 for c in cells]
    total = sum(weights)
    mean = sum(w * c.estimate.at for w, c in zip(weights, cells, strict=True)) / total if total else math.nan
    observed = f"pooled {whole.b}, halves {ends(inside)}" + (f", weighted {mean:.3f}" if total else "")
    gap = max(inside.lo - whole.estimate.hi, whole.estimate.lo - inside.hi, 0.0)
    if gap <= NEAR * whole.std_error.at:
        where = "lies between" if gap == 0 else f"lies within {NEAR} standard errors of"
        text = f"The effect of {column.name} {where} the two of {name}."
        yield Finding("pooled_in_hull", scope, "pass", observed, "between the halves", text)
        return
    weighted = f" (their precision-weighted mean is {mean:.3f} +- {1 / math.sqrt(total):.3f})" if total else ""
    text = (
        f"The effect of {column.name} ({whole.b}) lies outside both of {name} ({cells[0].b} and "
        f"{cells[1].b}), whose rows it pools{weighted}: slopes, effects or the outcome must differ between the tables."
    )
    yield Finding("pooled_in_hull", scope, "warn", observed, "between the halves", text)


def _turned(paper: Paper, sub: Subsample, term: str) -> Iterator[Finding]:
    """Controls that are significant with one sign in the whole and with the other after matching."""
    column, whole = paper.find(sub.table, sub.column), paper.find(sub.of.table, sub.of.column)
    if sub.kind != "matching" or column is None or whole is None:
        return
    both = [t for t in column.slopes if t != term and _cell(column, t) and _cell(whole, t)]
    turned = [t for t in both if _significant(column.cells[t]) * _significant(whole.cells[t]) == -1]
    observed = f"{len(turned)} of {len(both)} controls turn sign"
    if turned:
        told = listed([f"{t} from {whole.cells[t].text} to {column.cells[t].text}" for t in turned])
        text = f"After matching, {column.name} turns the sign of controls that are significant both times: {told}."
        yield Finding("signs_turned", column.code, "warn", observed, "0", text)
    else:
        text = f"No control that is significant both times turns its sign from {whole.name} to {column.name}."
        yield Finding("signs_turned", column.code, "pass", observed, "0", text)


def _significant(cell: Cell) -> int:
    """Sign of a coefficient beyond the 10 % normal critical value, else 0."""
    size = abs(cell.estimate) / cell.std_error
    return int(math.copysign(1, cell.estimate.at)) if size.lo > ONE_STAR else 0
