"""The results on a release's page: figures, tables with their sentences, inference side by side, recovery of a planted effect.

Everything is read from files of the release; a file that a study does not have leaves its part of the page out.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.report import table_sentences as tell
from citycarbon.report.layout import table_name
from citycarbon.report.page_beyond import beyond
from citycarbon.report.page_extras import extras
from citycarbon.report.page_inference import cities, said, side_by_side
from citycarbon.report.page_laws import families, families_said, law_labels, laws, laws_said
from citycarbon.report.page_schemes import schemes
from citycarbon.report.page_tables import PlainTable, fixed, verdict
from citycarbon.report.results import Line, Results, num, yes
from citycarbon.report.sentences import ESTIMAND, headline_row, scaled, whole

if TYPE_CHECKING:
    import pandas as pd

FIGURES = ("figure2", "figure3", "figure1")  # in the order of the argument: dynamics, chance, and where
KINDS = {"regression": 0, "descriptives": 1}


@dataclass(frozen=True)
class PageResults:
    """``spec``: the resolved study as ``study.yaml`` has it; ``labels``: outcome -> its name for a reader."""

    release: Path
    spec: dict[str, Any]
    estimates: pd.DataFrame
    synthetic: bool
    labels: dict[str, str]

    @cached_property
    def beside(self) -> Results:
        return Results(self.release)

    # --- figures -------------------------------------------------------------------------------------------------------------

    @cached_property
    def figures(self) -> list[dict[str, Any]]:
        """Figures 2, 3 and 1 as drawn, each with its words and the files it comes in."""
        return [f for name in FIGURES if (f := self._figure(name))]

    @cached_property
    def more_figures(self) -> list[dict[str, Any]]:
        """Every other figure of the release, by name."""
        placed = {*FIGURES, *(f["name"] for part in self.beyond for f in part["figures"])}
        names = sorted(p.stem for p in (self.release / "figures").glob("*.svg"))
        return [f for name in names if name not in placed and (f := self._figure(name))]

    def _figure(self, name: str) -> dict[str, Any] | None:
        svg = self.release / "figures" / f"{name}.svg"
        if not svg.is_file():
            return None
        from citycarbon.figures.write import inline_svg

        words = svg.with_suffix(".txt")
        said = words.read_text(encoding="utf-8").strip() if words.is_file() else ""
        text = inline_svg(svg)
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.S)
        named = _unescaped(title[1]) if title else ""
        if numbered := re.fullmatch(r"figure(\d+)", name):
            number = f"Figure {numbered[1]}"
        else:  # goes by its title
            number, named = named or name.replace("_", " ").capitalize(), ""
        return {
            "name": name,
            "number": number,
            "title": named,
            "svg": _with_role(text, said or number),
            "words": said,
            "files": [
                f"figures/{p.name}" for p in sorted(svg.parent.glob(f"{name}.*")) if p.suffix in (".csv", ".png", ".svg")
            ],
        }

    # --- tables --------------------------------------------------------------------------------------------------------------

    @cached_property
    def tables(self) -> list[dict[str, Any]]:
        """The printed tables by number; tables of other readings stand with the one they are readings of."""
        names = [n for n, t in self.spec["tables"].items() if t["kind"] in KINDS and self.fragment(n)]
        headline = [n for n in names if not self._is_variants(n)]
        shown = [
            self._table(n, [v for v in names if self._is_variants(v) and _stem(v) == n]) for n in sorted(headline, key=_rank)
        ]
        placed = {v["name"] for t in shown for v in t["variants"]}
        return shown + [self._table(n, []) for n in names if self._is_variants(n) and n not in placed]

    def _is_variants(self, name: str) -> bool:
        return bool(self.spec["tables"][name].get("variants"))

    def _table(self, name: str, variants: list[str]) -> dict[str, Any]:
        regression = self.spec["tables"][name]["kind"] == "regression"
        columns = {c["id"]: c["label"] for c in self.spec["tables"][name].get("columns", [])}
        said = tell.table_sentences(self.estimates, name, self.labels, columns, self.beside) if regression else []
        folded = [{"name": v, "said": self._variants_said(v), "html": self.fragment(v)} for v in variants]
        return {
            "name": name, "number": table_name(name), "said": said, "html": self.fragment(name), "variants": folded,
            "extras": extras(name, self.beside), "files": [f"tables/{name}.{kind}" for kind in ("csv", "md", "tex", "html")],
        }  # fmt: skip

    def _variants_said(self, name: str) -> list[str]:
        return [tell.variants_sentence(self.estimates, name), *tell.split_sentences(self.beside.of_table("splits", name))]

    def fragment(self, name: str) -> str:
        """The body of a printed table, embedded as the file has it; '' where the run printed none of that name."""
        file = self.release / "tables" / f"{name}.html"
        if not file.is_file():
            return ""
        text = file.read_text(encoding="utf-8")
        body = text[text.index("<body>") + len("<body>") : text.rindex("</body>")].strip()
        # The banner stands on top of the page; the word stays in each caption, so that a table taken alone still says it.
        mark = "<caption>Synthetic data. " if self.synthetic else "<caption>"
        return re.sub(r'<p class="synthetic">.*?</p>\n?', "", body, flags=re.S).replace("<caption>", mark, 1)

    # --- inference side by side ----------------------------------------------------------------------------------------------

    @cached_property
    def _placebo(self) -> list[tuple[dict[str, Any], Line]]:
        """Each headline column that is estimable with the placebo summary of its own scheme (the first of the column)."""
        first: dict[tuple[str, str], Line] = {}
        for line in self.beside.rows("placebo"):
            first.setdefault((line["table"], line["column"]), line)
        rows = [r for n in self._headline_tables() for r in tell.treatment_rows(self.estimates, n)]
        return [(r, line) for r in rows if (line := first.get((r["table"], r["column"]))) and math.isfinite(r["estimate"])]

    def _headline_tables(self) -> list[str]:
        return [n for n, t in self.spec["tables"].items() if t["kind"] == "regression" and not t.get("variants")]

    @property
    def inference(self) -> PlainTable | None:
        """Every test of the treatment side by side."""
        return side_by_side(self._placebo, self.beside)

    @property
    def inference_folded(self) -> list[PlainTable]:
        """What stands behind it: the treated cities one by one, who could have been treated, and what is tested together."""
        main = headline_row(self.estimates)
        found = [
            cities(main, self.beside),
            laws(self._placebo, self.beside, law_labels(self.spec)),
            schemes(main, self.beside),
            families(self.beside),
        ]
        return [table for table in found if table is not None]

    @property
    def inference_said(self) -> list[str]:
        main = headline_row(self.estimates)
        more = [*laws_said(main, self.beside, law_labels(self.spec)), *families_said(self.beside)]
        return [*said(self._placebo, main, self.beside), *more]

    @cached_property
    def beyond(self) -> list[dict[str, Any]]:
        """What stands behind the tables, each section with its figures."""
        return [{"section": s, "figures": [f for name in s.figures if (f := self._figure(name))]} for s in beyond(self.beside)]

    # --- recovery ------------------------------------------------------------------------------------------------------------

    @property
    def recovery(self) -> PlainTable | None:
        """For synthetic sources: every treatment coefficient beside what was planted."""
        lines = [r for r in self.beside.rows("recovery") if math.isfinite(num(r, "estimand"))]
        if not lines:
            return None
        head = ["Column", "Estimand", "Estimate", "s.e.", "Distance in s.e.", "Inside 95 % clustered", "Inside 95 % RI"]
        body = [
            [
                f"{table_name(r['table'])} ({r['column']}) {r['term']}",
                *(scaled(num(r, field), num(r, "std_error")) for field in ("estimand", "estimate", "std_error")),
                fixed(num(r, "distance_se"), 1),
                verdict(r, "inside_clustered"),
                verdict(r, "inside_ri"),
            ]
            for r in lines
        ]
        return PlainTable(
            "What was planted in the synthetic sources, and what each column found of it", head, body, files=("recovery.csv",)
        )

    @property
    def recovery_said(self) -> list[str]:
        lines = [
            r for r in self.beside.rows("recovery") if math.isfinite(num(r, "estimand")) and math.isfinite(num(r, "estimate"))
        ]
        said = []
        for field, name in (("inside_ri", "by randomisation inference"), ("inside_clustered", "by the clustered t test")):
            verdicts = [v for r in lines if (v := yes(r, field)) is not None]
            if verdicts:
                said.append(
                    f"{whole(sum(verdicts))} of {whole(len(verdicts))} 95 % intervals {name} hold the planted effect of their "
                    "column."
                )
        return [ESTIMAND, *said] if said else []


def _stem(name: str) -> str:
    """``table4_matching`` reads the same printed table as ``table4``."""
    found = re.match(r"table\d+", name)
    return found[0] if found else name


def _rank(name: str) -> tuple[int, str]:
    found = re.fullmatch(r"table(\d+)", name)
    return (int(found[1]) if found else 10_000, name)


def _unescaped(text: str) -> str:
    import html

    return html.unescape(text)


def _with_role(svg: str, words: str) -> str:
    """The svg as an image with a name, where the writer of the file did not already say so."""
    import html

    opening = svg[: svg.index(">") + 1]
    if 'role="img"' in opening and "aria-label" in opening:
        return svg
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(words)}"', 1)
