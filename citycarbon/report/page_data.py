"""Reads a release and shapes it for its page: rows of text, nothing but strings and numbers of the release's own files."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.release.inputs import by_drop
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
        return say.headline(self.main, self.policy, self.label(outcome))

    @property
    def findings(self) -> list[str]:
        return [say.uncertainty(self.main), *say.comparisons(self.estimates, self.main)] if self.main else []

    @property
    def policy(self) -> str:
        return self.spec["treatment"]["policy"].replace("_", " ")

    def label(self, variable: str) -> str:
        from citycarbon.study.dictionary import VARIABLES

        known = VARIABLES.get(variable)
        return f"{known.label} (in {known.unit})" if known else variable

    @property
    def weak_points(self) -> list[str]:
        sample = self.panel[self.panel["in_sample"].fillna(False).astype(bool)]
        used = [v for v in self.spec["sample_variables"] if f"{v}_flag" in sample]
        flags = {v: int((sample[f"{v}_flag"].fillna("") != "").sum()) for v in used}
        return say.weak_points(self.main, {v: n for v, n in flags.items() if n}, len(sample), len(self.panel))

    @property
    def tables(self) -> list[dict[str, Any]]:
        """Regression tables: caption, column heads, lines of cells (label, then one text a column), notes."""
        return [self._table(name, rows) for name, rows in self.estimates.groupby("table", sort=False)]

    def _table(self, name: str, rows: pd.DataFrame) -> dict[str, Any]:
        columns = list(dict.fromkeys(rows["column"]))
        cell = {(r["column"], r["term"]): r for r in rows.to_dict("records")}
        any_of = {c: next(r for (k, _), r in cell.items() if k == c) for c in columns}
        lines = []
        for term in dict.fromkeys(rows["term"]):
            lines.append((term, [_estimate(cell.get((c, term))) for c in columns]))
            lines.append(("", [_error(cell.get((c, term))) for c in columns]))
        facts = {
            "Fixed effects": lambda r: say.effects(r["fixed_effects"]).removesuffix(" effects"),
            "Observations": lambda r: say.whole(r["n_obs"]),
            "Cities": lambda r: say.whole(r["n_units"]),
            "Treated cities": lambda r: say.whole(r["n_treated_units"]),
            "Treated city-years": lambda r: say.whole(r["n_treated_cells"]),
            "Adjusted R2": lambda r: say.plain(r["r2_adj"]),
            "Within R2": lambda r: say.plain(r["r2_within"]),
            "Singletons dropped": lambda r: say.whole(r["singletons_dropped"]),
        }
        title = self.spec["tables"].get(name, {}).get("title", "")
        notes = list(dict.fromkeys(f"{r['column']} {r['term']}: {r['note']}" for r in rows.to_dict("records") if r["note"]))
        first = rows.iloc[0]
        return {
            "caption": f"{say.table_name(name)}. {title}. Outcome {first['outcome']}, {_transformed(first)}.",
            "columns": columns,
            "lines": lines,
            "facts": [(label, [get(any_of[c]) for c in columns]) for label, get in facts.items()],
            "pending": bool((rows["star_rule"] == "pending").any()),
            "notes": notes,
            "id": name,
        }

    @property
    def plain_tables(self) -> list[dict[str, Any]]:
        """Tables that hold no coefficients (Table 1): as their csv has them."""
        found = []
        for name, spec in self.spec["tables"].items():
            file = self.release / "tables" / f"{name}.csv"
            if spec["kind"] == "descriptives" and file.is_file():
                head, *lines = _csv(file)
                found.append({"caption": f"{say.table_name(name)}. {spec['title']}.", "head": head, "lines": lines, "id": name})
        return found

    # --- where it comes from -------------------------------------------------------------------------------------------------

    @property
    def attrition(self) -> list[tuple[str, str, str]]:
        """From all city-years to the sample: reason, city-years dropped, city-years left."""
        import pandas as pd

        frame = pd.read_csv(self.release / "sample_attrition.csv", dtype={"city_id": "str", "drop_reason": "str"})
        left = len(frame)
        lines = [("all city-years of the panel", "", say.whole(left))]
        dropped = frame[~frame["in_sample"].astype(bool)]
        for (_, reason), rows in dropped.groupby(["step", "drop_reason"], dropna=False):
            left -= len(rows)
            lines.append((str(reason), say.whole(len(rows)), say.whole(left)))
        return lines

    @cached_property
    def checks(self) -> list[dict[str, Any]]:
        body = json.loads((self.release / "checks.json").read_text(encoding="utf-8"))["checks"]
        order = {"failed": 0, "warning": 1, "passed": 2}
        return sorted((_check(c) for c in body), key=lambda c: order[c["verdict"]])

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
        drops = by_drop(self.manifest["inputs"])
        return [{**d, "shown": d["files"][:SHOWN], "more": max(0, len(d["files"]) - SHOWN)} for d in drops]

    @property
    def withheld(self) -> list[str]:
        return sorted({d["source"] for d in self.sources if d["redistributable"] == "no"}) if self.manifest["public"] else []

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


def _estimate(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    text = say.signed(row["estimate"]) or "not estimable"
    return f"{text}{row['stars']}"


def _error(row: dict[str, Any] | None) -> str:
    value = say.plain(row["std_error"]) if row is not None else ""
    return f"({value})" if value else ""


def _transformed(row: Any) -> str:
    return f"{row['transform']} of {row['outcome_unit']}" if row["transform"] != "none" else row["outcome_unit"]


def _check(check: dict[str, Any]) -> dict[str, Any]:
    failed = "failed" if check["severity"] == "blocking" else "warning"
    keys = ["/".join(str(k) for k in key if k is not None) for key in check["failing"]]
    more = len(keys) - SHOWN
    shown = ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return {**check, "verdict": "passed" if check["passed"] else failed, "keys": shown}


def _csv(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))
