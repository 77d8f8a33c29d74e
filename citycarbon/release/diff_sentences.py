"""What a difference says in words: how far the headline moved, what went in, what the move may come from, what else changed.

Every sentence is made from the numbers of the difference (``diff.compare``); a star is never compared with a star, and a move
is laid to an ingredient only where it is the only one that differs.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from citycarbon.release.diff_words import NAMED, count, listed, shortened, unit, with_sign
from citycarbon.report.sentences import plain, signed, table_name, whole

Json = dict[str, Any]

_INGREDIENTS = ("inputs", "study", "code", "packages", "Python", "seeds")


def summary_sentences(diff: Json) -> list[str]:
    """The difference in sentences, for a page: the main points, then what limits the comparison.

    They depend on the release before: a file that prints them differs between two homes that hold the same id.
    """
    return [*main_points(diff), *diff["notes"]]


def main_points(diff: Json) -> list[str]:
    """The first paragraph of ``diff.md``, one sentence or two an entry."""
    if diff["old"] is None:
        kind = "public bundle" if diff["new"]["public"] else "release"
        none = [f"This is the first {kind} of study {diff['new']['study']} here: there is none before it to compare with."]
        return [] if diff["notes"] else none
    if diff["old"]["id"] == diff["new"]["id"]:
        opening = f"Both sides are release {diff['new']['id']} (study {diff['new']['study']})."
    else:
        opening = f"Release {diff['new']['id']} (study {diff['new']['study']}) beside the older {_older(diff)}."
    if is_empty(diff):
        return [opening, "Nothing that is compared differs."]
    points = [opening, headline(diff), went_in(diff)]
    if diff["old"]["study"] == diff["new"]["study"]:
        points += [*why(diff)]
    return [p for p in (*points, coefficients(diff), sample(diff), checks(diff)) if p]


def _older(diff: Json) -> str:
    old = diff["old"]
    return old["id"] if old["study"] == diff["new"]["study"] else f"{old['id']} (study {old['study']})"


# --- what there is -----------------------------------------------------------------------------------------------------------


def is_compared(section: Any) -> bool:
    return not (isinstance(section, dict) and "not_compared" in section)


def changed_ingredients(diff: Json) -> list[str]:
    """Those of inputs, study, code, packages, Python and seeds that differ: what a release's id is made of."""
    inputs, study, code, seeds = (diff[k] for k in ("inputs", "study", "code", "seeds"))
    records = inputs["records"]
    differs = {
        "inputs": any(inputs[k] or records[k] for k in ("added", "removed", "changed")),
        "study": is_compared(study) and bool(study["differences"] or study["files"]),
        "code": "code_version" in code,
        "packages": bool(diff["packages"] or "lock_sha256" in code),
        "Python": "python" in code,
        "seeds": bool(seeds["random"] or seeds["files"]),
    }
    return [name for name in _INGREDIENTS if differs[name]]


def rows_of(diff: Json) -> list[Json]:
    """Every coefficient of the comparison; none where they could not be compared."""
    return diff["coefficients"]["rows"] if is_compared(diff["coefficients"]) else []


def has_moved(row: Json) -> bool:
    """Whether a coefficient that both releases have is another number now, or a number on one side alone."""
    return row["estimate_moved"] or row["status"] in ("not_estimable_old", "not_estimable_new", "other_outcome")


def panel_changes(diff: Json) -> list[Json]:
    """The panel's variables that differ by more than rounding."""
    variables = diff["panel"]["variables"] if is_compared(diff["panel"]) else []
    return [v for v in variables if v["added"] or v["removed"] or v["changed"] or v["withheld"]]


def is_empty(diff: Json) -> bool:
    """Whether nothing differs and everything could be compared. Commit, platform and times alone are no difference."""
    return not (
        diff["notes"]
        or changed_ingredients(diff)
        or any(diff["files"][k] for k in ("added", "removed", "changed"))
        or "public" in diff["code"]
    )


# --- sentences ---------------------------------------------------------------------------------------------------------------


def headline(diff: Json) -> str:
    """How far the main coefficient moved: units, standard errors of the older release, sign, N, stars."""
    if not is_compared(diff["coefficients"]):
        return "The coefficients could not be compared."
    head = diff["coefficients"]["headline"]
    if not is_compared(head):
        return f"The headline could not be compared: {head['not_compared']}."
    old, new, status = head["old"], head["new"], head["status"]
    name = f"{table_name(head['table'])} column {head['column']}, {head['term']} on {head['outcome']['outcome']}"
    if status in ("added", "removed"):
        side, value = ("newer", new) if status == "added" else ("older", old)
        text = f"Only the {side} release has the headline ({name}): {_estimate(value)}."
    elif status.startswith("not_estimable"):
        texts = [f"{which}: {_estimate(s)}" for which, s in (("older", old), ("newer", new))]
        text = f"The headline ({name}) is not estimable on both sides; {'; '.join(texts)}."
    elif status == "other_outcome":
        text = (
            f"The headline ({name}) has another outcome, unit or transform than in the older release: no difference is formed."
        )
    elif status == "same":
        text = f"The headline ({name}) has not moved: {_estimate(new)}, N {_whole(new['n_obs'])}."
    elif status == "rounding":
        text = f"The headline ({name}) is the same up to rounding: {_estimate(new)}, N {_whole(new['n_obs'])}."
    else:
        text = _move(head, name)
    if head["older_headline"] != head["newer_headline"]:
        names = [head[k] or "none" for k in ("older_headline", "newer_headline")]
        text += f" The page's headline is another coefficient now: {names[0]} before, {names[1]} after."
    return text


def _move(head: Json, name: str) -> str:
    old, new = head["old"], head["new"]
    if not head["estimate_moved"]:
        beside = [n for n in ("std_error",) if old[n] != new[n]] + head["also_changed"]
        told = f"; of its other fields these differ: {shortened(beside)}" if beside else ""
        return f"The headline estimate ({name}) has not moved: {_estimate(old)} before, {_estimate(new)} after{told}."
    errors = "" if head["in_old_se"] is None else f", {abs(head['in_old_se']):.2f} standard errors of the older release"
    n = (
        f"N {_whole(old['n_obs'])} as before"
        if old["n_obs"] == new["n_obs"]
        else f"N {_whole(old['n_obs'])} to {_whole(new['n_obs'])}"
    )
    parts = [
        f"The headline ({name}) moved from {_estimate(old)} to {_estimate(new)}: "
        f"by {with_sign(head['difference'])} {unit(head['outcome'])}{errors}",
        "its sign changed" if head["sign_changed"] else "the same sign",
        n,
    ]
    if head["stars_changed"]:
        parts.append(f"stars {old['stars'] or 'none'} to {new['stars'] or 'none'}")
    return "; ".join(parts) + "."


def went_in(diff: Json) -> str:
    """Which ingredients differ and which are the same."""
    changed = changed_ingredients(diff)
    said = {
        "inputs": lambda: f"inputs ({inputs_in_words(diff)})",
        "study": lambda: _study(diff),
        "code": lambda: "the code",
        "packages": lambda: (
            f"packages ({whole(len(diff['packages']))} versions)" if diff["packages"] else "the lock of packages"
        ),
        "Python": lambda: f"Python ({diff['code']['python']['old']} to {diff['code']['python']['new']})",
        "seeds": lambda: "seeds",
    }
    same = [name for name in _INGREDIENTS if name not in changed]
    if not changed:
        return "Nothing that went in differs: inputs, study, code, packages, Python and seeds are the same."
    rest = f" The same: {listed(same)}." if same else ""
    return f"What went in differs in {listed([said[name]() for name in changed])}.{rest}"


def inputs_in_words(diff: Json) -> str:
    """Files added, removed and changed, and in which drops."""
    inputs, parts = diff["inputs"], []
    for kind in ("added", "removed", "changed"):
        if files := inputs[kind]:
            parts.append(f"{count(len(files), 'file')} {kind}: {_drops(files)}")
    if records := inputs["records"]["changed"]:
        parts.append(f"records changed: {shortened([r['source'] + '/' + r['edition'] for r in records])}")
    return "; ".join(parts)


def _drops(files: list[Json]) -> str:
    """The drops of these files by name, or only their sources where they are many."""
    drops = list(dict.fromkeys(f"{f['source']}/{f['edition']}" for f in files))
    if len(drops) <= NAMED:
        return ", ".join(drops)
    return f"{whole(len(drops))} drops of {shortened(list(dict.fromkeys(f['source'] for f in files)))}"


def _study(diff: Json) -> str:
    paths = [d["path"] for d in diff["study"]["differences"]]
    if not paths:
        return f"the study's files ({shortened([f['file'] for f in diff['study']['files']])}; its settings are the same)"
    if len(paths) <= NAMED:
        return f"the study ({', '.join(paths)})"
    parts = Counter(path.split(".")[0] for path in paths)
    return f"the study ({shortened([f'{name} {whole(n)}' for name, n in parts.most_common()])}: settings that differ)"


def why(diff: Json) -> list[str]:
    """What the move may come from: only where exactly one ingredient differs is it laid to that one."""
    if not any(map(has_moved, rows_of(diff))):
        return []
    changed = changed_ingredients(diff)
    if not changed:
        platform = diff["code"].get("platform")
        where = f" The platforms differ ({platform['old']}, {platform['new']})." if platform else ""
        return [f"Numbers moved although nothing that went in differs: verify both releases.{where}"]
    if len(changed) > 1:
        names = listed(changed)
        cause = f"{names[0].upper()}{names[1:]} differ at once, so the move cannot be laid to one of them."
    else:
        verb = "differ" if changed[0] in ("inputs", "packages", "seeds") else "differs"
        cause = f"As only {changed[0]} {verb}, the move comes from there."
    return [cause, _behind(diff)]


def _behind(diff: Json) -> str:
    """What changed in the panel behind the headline."""
    if not is_compared(diff["panel"]) or not is_compared(diff["coefficients"]):
        return ""
    used = [*diff["coefficients"]["headline"].get("variables", []), "did"]
    changes = {v["variable"]: v for v in panel_changes(diff)}
    told = [
        f"{v} {whole(sum(changes[v][k] for k in ('changed', 'added', 'removed', 'withheld')))}" for v in used if v in changes
    ]
    if not told:
        return "No value of the variables behind the headline differs in the panel."
    return f"Cells of the panel that differ, of the variables behind the headline: {', '.join(told)}."


def coefficients(diff: Json) -> str:
    """How many coefficients moved, the largest move in old standard errors, changed signs of treatment effects, columns."""
    if not is_compared(diff["coefficients"]):
        return ""
    body = diff["coefficients"]
    both = [r for r in body["rows"] if r["status"] in ("same", "rounding", "changed")]
    changed = [r for r in both if r["estimate_moved"]]
    beside = sum(r["status"] == "changed" for r in both) - len(changed)
    parts = [f"Of {count(len(both), 'coefficient')} that both releases have, {_were(len(changed))} moved"]
    slopes = [r for r in changed if r["term"] != "_cons" and r["in_old_se"]]
    if largest := max(slopes, key=lambda r: abs(r["in_old_se"]), default=None):
        key = f"{largest['table']}:{largest['column']}:{largest['term']}"
        parts[0] += f", a slope by at most {abs(largest['in_old_se']):.2f} old standard errors ({key})"
    parts += [f"{whole(beside)} {'differs' if beside == 1 else 'differ'} in other fields alone"] if beside else []
    if changed:
        effects = [r for r in both if r["term"].startswith("did")]
        flipped = [f"{r['table']}:{r['column']}:{r['term']}" for r in effects if r["sign_changed"]]
        parts.append(
            f"{whole(len(flipped))} of {count(len(effects), 'treatment effect')} changed sign"
            + (f" ({shortened(flipped)})" if flipped else "")
        )
    for kind in ("added", "removed"):
        if columns := body[f"columns_{kind}"]:
            parts.append(f"{count(len(columns), 'column')} {kind} ({shortened(columns)})")
    for side, word in (("not_estimable_new", "no longer"), ("not_estimable_old", "newly")):
        if rows := [r for r in body["rows"] if r["status"] == side]:
            parts.append(f"{whole(len(rows))} {word} estimable")
    return "; ".join(parts) + "."


def sample(diff: Json) -> str:
    """City-years that entered and left the estimation sample."""
    if not is_compared(diff["panel"]) or not is_compared(diff["panel"]["sample"]):
        return ""
    body = diff["panel"]["sample"]
    gained, lost = (sum(g["rows"] for g in body[k]) for k in ("gained", "lost"))
    if not gained and not lost:
        return f"The sample holds the same {whole(body['new'])} city-years."
    return (
        f"The sample lost {whole(lost)} city-years and gained {whole(gained)} ({whole(body['old'])} to {whole(body['new'])})."
    )


def checks(diff: Json) -> str:
    """Checks that newly fail or pass."""
    if not is_compared(diff["checks"]):
        return ""
    failing, passing = ([c["id"] for c in diff["checks"][k]] for k in ("newly_failing", "newly_passing"))
    if not failing and not passing:
        return "No check changed its verdict."
    parts = [
        f"{count(len(ids), 'check')} newly {what} ({shortened(ids)})"
        for ids, what in ((failing, "failing"), (passing, "passing"))
        if ids
    ]
    return f"{'; '.join(parts).capitalize()}."


def _estimate(said: Json) -> str:
    if said["estimate"] is None:
        return f"not estimable ({said['note'] or 'no reason stated'})"
    return f"{signed(said['estimate'])}{said['stars']}" + (
        f" ({plain(said['std_error'])})" if said["std_error"] is not None else ""
    )


def _whole(value: int | None) -> str:
    return "not stated" if value is None else whole(value)


def _were(n: int) -> str:
    return "none" if n == 0 else whole(n)
