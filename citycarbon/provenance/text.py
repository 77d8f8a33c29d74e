"""The readable form of a trace. Layout only."""

from __future__ import annotations

from citycarbon.provenance.model import RawCell, Trace, TraceInput

NO_COPY = "no copy in this home; the file with this hash:"
SHOWN = 12  # raw cells of one input that are printed in full; the json form has them all


def render(trace: Trace) -> str:
    """Plain text: the value and formula, the notes, then every input with the cells behind it."""
    lines = [trace.target, f"  value    {_value(trace.value)}{f'  [{trace.unit}]' if trace.unit else ''}"]
    if trace.formula:
        lines.append(f"  formula  {trace.formula}")
    lines += [f"  note     {n}" for n in trace.notes]
    cells = [i for i in trace.inputs if not i.raw or any(r.names_a_place for r in i.raw)]
    for given in cells:
        lines += _input(trace, given)
    files = [i for i in trace.inputs if i not in cells]
    return "\n".join(lines + (_files(files) if files else [])) + "\n"


def _files(inputs: list[TraceInput]) -> list[str]:
    """Inputs that rest on whole files: the editions behind each, then every file once."""
    lines = ["", "  variables and the source files behind them"]
    for given in inputs:
        editions: dict[str, list[str]] = {}
        for raw in given.raw:
            editions.setdefault(raw.source, []).append(raw.edition)
        said = "; ".join(f"{s} {', '.join(dict.fromkeys(e))}".rstrip() for s, e in editions.items())
        lines.append(f"    {given.variable:<12} {said}")
    lines += ["", "  files"]
    for raw in {r.sha256: r for i in inputs for r in i.raw}.values():
        lines += [f"    {raw.source} {raw.edition}".rstrip(), f"      {raw.path or NO_COPY}", f"      sha256 {raw.sha256}"]
    return lines


def _input(trace: Trace, given: TraceInput) -> list[str]:
    if not given.raw:
        return [f"  {given.variable} = {_value(given.value)}"]
    lines = ["", f"  {given.variable}" + (f" = {_value(given.value)}" if given.value is not None else "")]
    for raw in given.raw[:SHOWN]:
        lines += _raw(raw, trace.reread.get(raw.place), trace.names.get(raw.sha256))
    if len(given.raw) > SHOWN:
        rest = given.raw[SHOWN:]
        agree = sum(trace.reread.get(r.place) is True for r in rest)
        again = f", {agree} of them read again and equal" if trace.reread else ""
        lines.append(f"    and {len(rest)} more{again}; all of them: --json")
    return lines


def _raw(raw: RawCell, again: bool | None, name: str | None) -> list[str]:
    year = f", data year {raw.data_year}" if raw.data_year is not None else ""
    marks = [m for m in (raw.unit, raw.scope) if m]
    text = "" if raw.text is None else f"  '{raw.text}'"
    edition = f", edition {raw.edition}" if raw.edition else ""
    file = f"{name}, " if name else ""
    lines = [
        f"    {raw.source}{edition}{year}: {file}{raw.where}{text}{'  [' + ', '.join(marks) + ']' if marks else ''}",
        f"      {raw.path or NO_COPY}",
        f"      sha256 {raw.sha256}",
    ]
    if again is not None:
        lines.append(f"      reread: {'true' if again else 'FALSE: the file now says something else'}")
    return lines


def _value(value: float | str | None) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
