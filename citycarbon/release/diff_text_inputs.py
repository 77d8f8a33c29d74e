"""What two releases were made of, as tables of ``diff.md``: inputs and records, study, code and packages, seeds."""

from __future__ import annotations

from typing import Any

from citycarbon.release.diff_sentences import is_compared
from citycarbon.release.diff_words import ABSENT, count, cut, short_hash, shortened, text_table
from citycarbon.report.sentences import whole

Json = dict[str, Any]


def inputs(diff: Json) -> list[str]:
    """One line a drop with its files added, removed and changed; then changed fields of records."""
    drops: dict[tuple[str, str], dict[str, list[str]]] = {}
    for kind in ("added", "removed", "changed"):
        for file in diff["inputs"][kind]:
            drops.setdefault((file["source"], file["edition"]), {}).setdefault(kind, []).append(file["file"])
    body = [
        [
            *drop,
            *(whole(len(kinds.get(k, []))) for k in ("added", "removed", "changed")),
            shortened([f for names in kinds.values() for f in names], 2),
        ]
        for drop, kinds in sorted(drops.items())
    ]
    lines = text_table(["source", "edition", "added", "removed", "changed", "files"], body, right=(2, 3, 4)) if body else []
    fields = [
        [r["source"], r["edition"], name, cut(pair["old"]), cut(pair["new"])]
        for r in diff["inputs"]["records"]["changed"]
        for name, pair in r["fields"].items()
    ]
    if fields:
        lines += ["", *text_table(["source", "edition", "field of the record", "old", "new"], fields)]
    return lines


def study(diff: Json) -> list[str]:
    """Settings of the study that differ: those that both have one by one, those of one side counted by what they belong to."""
    if not is_compared(diff["study"]):
        return []
    differences = diff["study"]["differences"]
    if not differences:
        return [f"Only the bytes of {f['file']} differ; the settings are the same." for f in diff["study"]["files"]]
    both = [d for d in differences if d["old"] is not None and d["new"] is not None]
    body = [[d["path"], cut(d["old"]), cut(d["new"])] for d in both]
    groups: dict[str, list[Json]] = {}
    for d in differences:
        if d["old"] is None or d["new"] is None:
            groups.setdefault(".".join(d["path"].split(".")[:2]), []).append(d)
    for name, found in sorted(groups.items()):
        if len(found) == 1:
            body.append([found[0]["path"], cut(found[0]["old"]), cut(found[0]["new"])])
        else:
            counts = [sum(d[side] is not None for d in found) for side in ("old", "new")]
            body.append([f"{name}, on one side alone", *(count(n, "setting") if n else ABSENT for n in counts)])
    return text_table(["setting", "old", "new"], body)


def code_and_packages(diff: Json) -> list[str]:
    """Versions of code, Python and packages that differ."""
    body = [[name.replace("_", " "), short_hash(pair["old"]), short_hash(pair["new"])] for name, pair in diff["code"].items()]
    body += [[f"package {p['package']}", cut(p["old"]), cut(p["new"])] for p in diff["packages"]]
    return text_table(["what", "old", "new"], body) if body else []


def seeds(diff: Json) -> list[str]:
    """Random seeds, seed files by hash, and rows of the seeds that lie in both bundles."""
    found = diff["seeds"]
    body = [[f"random seed {s['seed']}", "", cut(s["old"]), cut(s["new"])] for s in found["random"]]
    body += [[f["file"].rsplit("/", 1)[-1], "sha256", short_hash(f["old"]), short_hash(f["new"])] for f in found["files"]]
    for name, rows in found["rows"].items():
        if is_compared(rows):
            body += [[name, "row", ABSENT, _row(r)] for r in rows["added"]]
            body += [[name, "row", _row(r), ABSENT] for r in rows["removed"]]
            fields = [(r, field, pair) for r in rows["changed"] for field, pair in r["fields"].items()]
            body += [[name, f"{_row(r)}: {field}", cut(pair["old"]), cut(pair["new"])] for r, field, pair in fields]
    return text_table(["seed", "what", "old", "new"], body) if body else []


def _row(row: Json) -> str:
    """The fields of a seed's row that name it for a reader."""
    names = ("policy", "city_zh", "year", "row_type", "correction_id", "place_name", "data_year", "indicator_id")
    shown = [k for k in names if row.get(k)]
    return " ".join(str(row[k]) for k in shown) or " ".join(str(v) for v in row.values() if isinstance(v, str))[:80]
