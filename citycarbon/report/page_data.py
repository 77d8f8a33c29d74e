"""Reads a release and shapes it for its page: rows of text, nothing but strings and numbers of the release's own files."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.release.inputs import drop_key
from citycarbon.report import sentences as say
from citycarbon.report.page_paper import PagePaper
from citycarbon.report.page_results import PageResults

if TYPE_CHECKING:
    import pandas as pd

_ORIGIN = (
    ("weak", "What is weak"),
    ("sample", "Sample"),
    ("checks", "Checks"),
    ("corrections", "Corrections"),
    ("quarantine", "Quarantine"),
    ("variables", "Variables"),
    ("sources", "Sources"),
    ("trace", "Trace and verify"),
)
SHOWN = 10  # failing keys, corrections or files that the page lists before it points to the file that has them all


@dataclass(frozen=True)
class PageData:
    """What the template asks for. Nothing here depends on when or where the release was made."""

    release: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.release / "manifest.json").read_text(encoding="utf-8"))

    @cached_property
    def spec(self) -> dict[str, Any]:
        from citycarbon import yaml_text

        return yaml_text.load((self.release / "study.yaml").read_text(encoding="utf-8"))

    @cached_property
    def estimates(self) -> pd.DataFrame:
        from citycarbon.econometrics.contract import read_estimates

        return read_estimates(self.release / "estimates.csv")

    @cached_property
    def panel(self) -> pd.DataFrame:
        import pyarrow.parquet as pq

        return pq.read_table(self.release / "panel.parquet").to_pandas()

    @property
    def title(self) -> str:
        return self.spec["title"]

    @property
    def window(self) -> str:
        return f"{self.spec['window']['first']}\N{EN DASH}{self.spec['window']['last']}"

    # --- results -------------------------------------------------------------------------------------------------------------

    @cached_property
    def main(self) -> dict[str, Any] | None:
        return say.headline_row(self.estimates)

    @property
    def headline(self) -> str:
        outcome = self.main["outcome"] if self.main else self.spec["outcome"]["variable"]
        return say.headline(self.main, self.estimates, self.spec["treatment"]["policy"], self.label(outcome))

    @property
    def findings(self) -> list[str]:
        return [say.uncertainty(self.main), *say.comparisons(self.estimates, self.main)] if self.main else []

    def label(self, variable: str) -> str:
        from citycarbon.study.dictionary import VARIABLES

        known = VARIABLES.get(variable)
        return f"{known.label} (in {known.unit})" if known else variable

    @property
    def weak_points(self) -> list[str]:
        sample = self.panel[self.panel["in_sample"].fillna(False).astype(bool)]
        used = [v for v in self.spec["sample_variables"] if f"{v}_flag" in sample]
        flags = {v: say.count_flags(sample[f"{v}_flag"]) for v in used}
        return say.weak_points(self.main, {v: n for v, n in flags.items() if n}, len(sample), len(self.panel))

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What the sample planted; empty for measured sources."""
        file = self.release / "truth.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    @property
    def synthetic_said(self) -> str:
        return say.synthetic(self.truth)

    @property
    def planted(self) -> list[str]:
        """What the sample planted beside what the columns found; empty where recovery.csv says it, and for measured sources."""
        return [] if self.found.recovery else say.planted(self.truth, self.estimates)

    @cached_property
    def found(self) -> PageResults:
        labels = {outcome: self.label(outcome) for outcome in self.estimates["outcome"].unique()}
        return PageResults(self.release, self.spec, self.estimates, self.manifest["synthetic"], labels)

    @cached_property
    def paper(self) -> PagePaper:
        return PagePaper(self.release, self.manifest["synthetic"])

    @property
    def attrition(self) -> str:
        names = [n for n, t in self.spec["tables"].items() if t["kind"] == "attrition"] or ["attrition"]
        return self.found.fragment(names[0])

    # --- the release before --------------------------------------------------------------------------------------------------

    @property
    def has_diff(self) -> bool:
        return (self.release / "diff.json").is_file()

    @cached_property
    def since(self) -> list[str]:
        """What changed since the release before, in sentences; empty where the release holds no difference."""
        if not self.has_diff:
            return []
        from citycarbon.release.diff import summary_sentences

        return summary_sentences(json.loads((self.release / "diff.json").read_text(encoding="utf-8")))

    # --- contents ------------------------------------------------------------------------------------------------------------

    @property
    def contents(self) -> list[tuple[str, str]]:
        """Anchor and text of every part that this page has, in its order."""
        found, paper = self.found, self.paper
        figures = found.figures or found.more_figures
        parts = [
            ("results", "Result", True),
            ("figures", "Figures", bool(figures)),
            *((f["name"], f["number"], True) for f in found.figures),
            ("tables", "Tables", True),
            *((t["name"], t["number"], True) for t in found.tables),
            ("inference", "Inference", bool(found.inference)),
            *((part["section"].anchor, part["section"].title, True) for part in found.beyond),
            ("claims", "Claims", bool(paper.claims)),
            ("comparison", "Published against computed", bool(paper.compared_effects or paper.compared_descriptives)),
            ("forensics", "Forensics", bool(paper.forensics or paper.own_said)),
            ("recovery", "Recovery", bool(found.recovery)),
            ("since", "Since the release before", self.has_diff),
            *((anchor, text, True) for anchor, text in _ORIGIN),
        ]
        return [(anchor, text) for anchor, text, there in parts if there]

    # --- where it comes from -------------------------------------------------------------------------------------------------

    @cached_property
    def checks(self) -> list[dict[str, Any]]:
        """Every check, what did not pass first."""
        body = json.loads((self.release / "checks.json").read_text(encoding="utf-8"))["checks"]
        order = {"failed": 0, "warning": 1, "passed": 2}
        return sorted((_check(c) for c in body), key=lambda c: order[c["verdict"]])

    @property
    def shown_checks(self) -> list[dict[str, Any]]:
        """The rules on what the study uses, and whatever did not pass; the rest is a list of names."""
        return [c for c in self.checks if not _is_aside(c)]

    @property
    def passed_aside(self) -> list[str]:
        return [c["id"] for c in self.checks if _is_aside(c)]

    @property
    def check_counts(self) -> str:
        verdicts = [c["verdict"] for c in self.checks]
        return f"{verdicts.count('passed')} passed, {verdicts.count('warning')} warned, {verdicts.count('failed')} failed"

    @property
    def corrections(self) -> dict[str, Any]:
        head, *lines = _csv(self.release / "corrections.csv")
        shown = [i for i, h in enumerate(head) if h != "raw_ids"]
        return {"head": [head[i] for i in shown], "lines": [[row[i] for i in shown] for row in lines]}

    @property
    def quarantine(self) -> list[tuple[str, str, str, str]]:
        """Source, reason, one example in words, number of cells or lines; most first."""
        import pandas as pd

        frame = pd.read_csv(self.release / "quarantine.csv", dtype="str", keep_default_na=False)
        groups = frame.groupby(["source", "reason_code"], sort=True)
        lines = [(s, code, rows["reason"].iloc[0], len(rows)) for (s, code), rows in groups]
        return [(s, c, r, say.whole(n)) for s, c, r, n in sorted(lines, key=lambda x: (-x[3], x[:2]))]

    @property
    def sources(self) -> list[dict[str, Any]]:
        """One entry for each source and terms, with its editions: what to cite and what is allowed."""
        groups: dict[tuple, dict[str, Any]] = {}
        for record in self.manifest["records"]:
            key = tuple(record[k] for k in ("source", "licence", "redistributable", "citation", "url", "synthetic"))
            group = groups.setdefault(key, {**record, "editions": []})
            group["editions"].append(record["edition"])
            group["title"] = record["title"]  # of the latest edition: records are in order
        return list(groups.values())

    @property
    def files(self) -> list[tuple[str, str, str]]:
        """Drop, file name, sha256; a drop of many files by the hash of its list."""
        names: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for given in self.manifest["inputs"]:
            names.setdefault(drop_key(given), []).append(given)
        lines = []
        for record in self.manifest["records"]:
            drop, files = f"{record['source']} {record['edition']}", names[drop_key(record)]
            if len(files) > SHOWN:
                lines.append((drop, f"{len(files):,} files, each in manifest.json; hash of their list:", record["sha256"]))
            else:
                lines += [(drop, f["file"], f["sha256"]) for f in files]
        return lines

    @property
    def withheld(self) -> list[str]:
        closed = {r["source"] for r in self.manifest["records"] if r["redistributable"] == "no"}
        return sorted(closed) if self.manifest["public"] else []

    @property
    def variables(self) -> list[tuple[str, str, str, str]]:
        """The study's variables: name, unit, formula (the most frequent), sources with their cell counts."""
        from citycarbon.provenance.store import Store

        names = list(dict.fromkeys([self.spec["outcome"]["variable"], *self.spec["sample_variables"], *self.spec["controls"]]))
        return [(v, unit, formula, sources) for v, unit, formula, sources in Store.describe_variables(self.release, names)]

    @property
    def example(self) -> dict[str, str]:
        """Targets of this release that a reader can trace."""
        sample = self.panel[self.panel["in_sample"].fillna(False).astype(bool)]
        row = (sample if len(sample) else self.panel).iloc[0]
        names = self.spec["controls"] or [self.spec["outcome"]["variable"]]
        cell = f"panel:{row['city_id']}:{row['year']}:{names[0]}"
        main = self.main
        return {"cell": cell, "estimate": f"{main['table']}:{main['column']}:did" if main else ""}


def _check(check: dict[str, Any]) -> dict[str, Any]:
    failed = "failed" if check["severity"] == "blocking" else "warning"
    keys = ["/".join(str(k) for k in key if k is not None) for key in check["failing"]]
    more = len(keys) - SHOWN
    shown = ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return {**check, "verdict": "passed" if check["passed"] else failed, "keys": shown}


def _is_aside(check: dict[str, Any]) -> bool:
    """A passed test of the staged tables, or a passed rule on columns that the study does not use."""
    return check["verdict"] == "passed" and (check["engine"] == "dbt" or check["id"].endswith("_unused"))


def _csv(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))
