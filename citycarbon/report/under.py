"""What other result files say of a regression table, as notes under it: its split, its matching, other policies, mechanisms.

Each function reads rows by column name and gives sentences; a file that is absent gives none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from citycarbon.report.families import by_family, family_label, members
from citycarbon.report.layout import count, fixed, listed
from citycarbon.report.results import Line, Results, num, yes
from citycarbon.report.sentences import p_is, p_text
from citycarbon.report.table_sentences import split_sentence
from citycarbon.study.spec import POLICY_DUMMY, POLICY_YEAR, Study


def notes_under(study: Study, table: str, results: Results) -> list[str]:
    """Everything that stands under ``table`` from files beside the estimates, each note once, in the order of reading."""
    notes = [note for line in results.of_table("splits", table) for note in split_notes(study, line)]
    notes += family_notes(table, results)
    notes += matching_notes(table, results)
    notes += policy_notes(study, table, results)
    notes += mechanism_notes(table, results)
    return list(dict.fromkeys(notes))


def draws_note(table: str, results: Results) -> list[str]:
    """How many reassignments stand behind the p-values of the columns, from the placebo summary's first row of each."""
    first: dict[str, Line] = {}
    for line in results.of_table("placebo", table):
        first.setdefault(line["column"], line)
    numbers: dict[int, list[str]] = {}
    for column, line in first.items():
        if math.isfinite(draws := num(line, "draws")):
            numbers.setdefault(int(draws), []).append(f"({column})")
    if not numbers:
        return []
    said = [f"{count(n)} in columns {', '.join(ids)}" if len(numbers) > 1 else count(n) for n, ids in numbers.items()]
    return [f"RI: reassignments of the treatment to cities, sizes of the cohorts kept: {'; '.join(said)}."]


# --- splits ------------------------------------------------------------------------------------------------------------------

_SUM = (
    ("n_low", "in the low half"),
    ("n_high", "in the high half"),
    ("missing", "without the criterion"),
    ("singletons", "singletons"),
    ("singletons_low", "singletons of the low half"),
    ("singletons_high", "singletons of the high half"),
    ("incomplete", "incomplete"),
)


def split_notes(study: Study, line: Line) -> list[str]:
    """Criterion and cut, the sum check with each of its terms, the test of the difference, and what follows from it."""
    notes = [_criterion(study, line), _sum_check(line), _difference(line)]
    if line.get("flag"):
        notes.append(f"{_of(line)}: {line['flag']}.")
    return [n for n in notes if n]


def _of(line: Line) -> str:
    effects = f", {line['fixed_effects']} effects" if line.get("fixed_effects") else ""
    return f"Split by {line.get('label') or line.get('split')}{effects}"


def _criterion(study: Study, line: Line) -> str:
    """The rule in words, with the cut and its level (city, or row)."""
    what = f"Split by {line.get('label') or line.get('split')}"
    level = f" Level: {line['level']}." if line.get("level") else ""
    if line.get("cut_text"):
        return f"{what}: {line['cut_text']}.{level}"
    cut = num(line, "cut")
    value = f", cut {fixed(cut, 0 if abs(cut) >= 1000 else 3)}{_unit(study, line)}" if math.isfinite(cut) else ""
    return f"{what}: {line.get('criterion', '')}{value}.{level}"


def _unit(study: Study, line: Line) -> str:
    split = next((s for s in study.splits if s.id == line.get("split")), None)
    unit = line.get("unit") or (study.variable(split.variable).unit if split and split.variable else "")
    return f" {unit}" if unit else ""


def _sum_check(line: Line) -> str:
    """The sum is formed here from its terms; what the file says of it is not repeated but checked."""
    by_half = math.isfinite(num(line, "singletons_low"))
    terms = [(name, words) for name, words in _SUM if name != "singletons" or not by_half]
    known = [(num(line, name), words) for name, words in terms if math.isfinite(num(line, name))]
    total, says = num(line, "n_total"), yes(line, "sum_holds")
    if not known or not math.isfinite(total):
        return ""
    found = sum(n for n, _ in known)
    holds = found == total and says is not False
    shown = " + ".join(f"{count(n)} {words if n != 1 else words.replace('singletons', 'singleton')}" for n, words in known)
    return f"{_of(line)}, sum check: {shown} = {count(found)}, N = {count(total)}: {'holds' if holds else 'DOES NOT HOLD'}."


def _difference(line: Line) -> str:
    """What the test of the difference says, with the clustered p beside it and the number of redraws."""
    p, draws = num(line, "p"), num(line, "draws")
    beside = [f"by the clustered t test {p_is(p)}"] if math.isfinite(p) and math.isfinite(num(line, "difference")) else []
    beside += [f"RI with {count(draws)} redraws"] if draws > 0 else []
    said = split_sentence(line)
    return f"{said.removesuffix('.')} ({'; '.join(beside)})." if beside else said


# --- families ----------------------------------------------------------------------------------------------------------------


def family_notes(table: str, results: Results) -> list[str]:
    """What the table's columns, or the halves of its splits, are tested together with, and p before and after adjustment.

    A family of one hypothesis needs no adjustment and no note.
    """
    notes = []
    for found in by_family(members(results, table)).values():
        tested = [m for m in found if m.hypotheses and int(m.hypotheses) > 1]
        if not tested:
            continue
        pairs = "; ".join(f"{m.within} {p_is(m.p_value)}, adjusted {p_text(m.adjusted)}" for m in tested)
        notes.append(
            f"Romano-Wolf, {family_label(tested)}: {tested[0].hypotheses} hypotheses tested together, RI on t in draws that "
            f"they share: {pairs}."
        )
    return notes


# --- matching ----------------------------------------------------------------------------------------------------------------


def matching_notes(table: str, results: Results) -> list[str]:
    """The way from the sample to the matched rows, one line a matched column, with what is said of its steps."""
    columns: dict[str, list[Line]] = {}
    for line in results.of_table("psm_flow", table):
        columns.setdefault(line["column"], []).append(line)
    told = [note for column, steps in columns.items() for note in (_flow(column, steps), *_balance(results, table, column))]
    return [*told, *_sizes(results, bool(columns))]


UNBALANCED = 0.1  # standardised difference above which a covariate counts as not balanced (Austin 2009)


def _balance(results: Results, table: str, column: str) -> Iterator[str]:
    """How far the matched groups still differ, in one sentence."""
    lines = [line for line in results.of_table("psm_balance", table) if line["column"] == column]
    left = {line["covariate"]: abs(num(line, "smd_after")) for line in lines if math.isfinite(num(line, "smd_after"))}
    if not left:
        return
    far = [name for name, size in left.items() if size > UNBALANCED]
    worst = max(left, key=left.get)
    verdict = "the matching does not balance the groups" if far else "the groups are balanced by that measure"
    yield (
        f"Balance of column ({column}): {len(far)} of {len(left)} covariates differ by more than {UNBALANCED} standard "
        f"deviations after matching, most of all {worst} ({left[worst]:.2f}): {verdict}."
    )


def _sizes(results: Results, wanted: bool) -> Iterator[str]:
    """Which matching gives the N that the paper prints, over all tables that match."""
    from citycarbon.econometrics.matching_flow import LAST_STEP

    last = [line for line in results.rows("psm_flow") if line["step"] == LAST_STEP and line.get("published_n")]
    if not (wanted and last):
        return
    printed = listed(sorted({line["published_n"] for line in last}))
    same = [line["label"] for line in last if num(line, "rows") == num(line, "published_n")]
    which = f"{len(same)} of the {len(last)} matchings ({listed(same)})" if same else f"none of the {len(last)} matchings"
    sizes = "; ".join(f"{count(num(line, 'rows'))} ({line['label']})" for line in last)
    yield f"The paper prints N = {printed} after matching; here {which} gives it: {sizes}."


def _flow(column: str, steps: list[Line]) -> str:
    way, before = [], ""
    for line in steps:
        if not math.isfinite(num(line, "rows")):
            continue
        pilots, others, cells = (count(num(line, n)) for n in ("treated_cities", "control_cities", "treated_cells"))
        now = f"{count(num(line, 'rows'))} city-years of {pilots} pilots and {others} other cities, {cells} treated"
        way.append(f"{line['step']} {now if now != before else 'the same'}")
        before = now
    notes = list(dict.fromkeys(line["note"] for line in steps if line.get("note")))
    separation = steps[0].get("separation", "")
    if separation and separation != "none":
        notes.append(f"separation of the score: {separation}")
    said = f" {'; '.join(notes)}." if notes else ""
    label = steps[0].get("label") or steps[0].get("matching")
    return f"Matching of column ({column}), {label}: {'; '.join(way)}.{said}"


# --- other policies ----------------------------------------------------------------------------------------------------------


def policy_notes(study: Study, table: str, results: Results) -> list[str]:
    """Of the policies that the table's columns hold constant or leave out: what is lost, whether they can be told apart."""
    held, dropped = policies_of(study, table)
    notes = [r["sentence"] for r in results.rows("policies_loss") if r["policy"] in dropped]
    return notes + [r["sentence"] for r in results.rows("policies_separation") if r["policy"] in held]


def policies_of(study: Study, table: str) -> tuple[set[str], set[str]]:
    """Other policies that the table's columns hold constant by a dummy, and those whose adopters a filter leaves out."""
    columns = study.regression_tables()[table].columns
    held = {n.removeprefix(POLICY_DUMMY) for c in columns for n in c.controls if n.startswith(POLICY_DUMMY)}
    years = {f.variable for c in columns for f in c.filter if f.variable.startswith(POLICY_YEAR)}
    return held, {n.removeprefix(POLICY_YEAR) for n in years}


# --- mechanisms --------------------------------------------------------------------------------------------------------------


def mechanism_notes(table: str, results: Results) -> list[str]:
    """The mediated share of each mediator, labelled exploratory by its own sentence, and the controls that the policy moves."""
    shares = [r["sentence"] for r in results.of_table("mechanisms", table) if r.get("sentence")]
    if not shares:
        return []
    controls = results.rows("controls_moved")
    flagged = [r["sentence"] for r in controls if yes(r, "flagged")]
    if controls and not flagged:
        least = min(p for r in controls if math.isfinite(p := num(r, "p_ri_t")))
        flagged = [f"No control moves with the policy in a way that the data can tell from chance (least {p_is(least)} by RI)."]
    return shares + [f"Flagged control: {text}" if text.find("moves with") > 0 else text for text in flagged]
