"""Reads a release and shapes it for its page: rows of text, nothing but strings and numbers of the release's own files."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.release.inputs import drop_key
from citycarbon.report import sentences as say

if TYPE_CHECKING:
    import pandas as pd

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
        import yaml

        return yaml.safe_load((self.release / "study.yaml").read_text(encoding="utf-8"))

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

    @property
    def planted(self) -> list[str]:
        """What the sample planted, beside what the columns found; empty for measured sources."""
        file = self.release / "truth.json"
        return say.planted(json.loads(file.read_text(encoding="utf-8")), self.estimates) if file.is_file() else []

    @property
    def tables(self) -> list[dict[str, str]]:
        """The printed tables of the study, regression tables first: name and the table as ``tables/<name>.html`` has it.

        Embedded, not set again: what stands on the page is what stands in the file.
        """
        order = {"regression": 0, "descriptives": 1}
        names = [(order[t["kind"]], n) for n, t in self.spec["tables"].items() if t["kind"] in order]
        return [{"name": n, "html": self.fragment(n)} for _, n in sorted(names) if self.fragment(n)]

    @property
    def attrition(self) -> str:
        names = [n for n, t in self.spec["tables"].items() if t["kind"] == "attrition"] or ["attrition"]
        return self.fragment(names[0])

    def fragment(self, name: str) -> str:
        """The body of a printed table; '' where the run printed none of that name."""
        file = self.release / "tables" / f"{name}.html"
        if not file.is_file():
            return ""
        text = file.read_text(encoding="utf-8")
        # The banner stands on top of the page; the word stays in each caption, so that a table taken alone still says it.
        body = text[text.index("<body>") + len("<body>") : text.rindex("</body>")].strip()
        mark = "<caption>Synthetic data. " if self.manifest["synthetic"] else "<caption>"
        body = re.sub(r'<p class="synthetic">.*?</p>\n?', "", body, flags=re.S).replace("<caption>", mark, 1)
        return body.replace(
            '<div class="cc-table">', f'<div class="cc-table" role="region" tabindex="0" aria-label="{name}">', 1
        )

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
