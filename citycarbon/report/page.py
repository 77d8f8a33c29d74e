"""The page of a release: one self-contained html file, readable offline, in grey, on a phone and on paper.

Everything on it comes from the release's own files, so that the same release always gives the same page. What changed since the
release before stands on a page beside it: the predecessor is no part of what a release is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon.report.page_data import PageData
from citycarbon.report.web import TABLE_CSS

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).with_name("templates")


def build_report(release_dir: Path) -> Path:
    """Write ``report/index.html`` into a release (or one under construction) and return it; where the release has a
    ``diff.json``, ``diff.html`` beside that as well.

    Needs manifest.json, study.yaml, estimates.csv, panel and cells, attrition, checks, corrections and quarantine there.
    Figures, tables and further csv files are shown where they are.
    """
    data = PageData(release_dir)
    target = release_dir / "report" / "index.html"
    target.parent.mkdir(exist_ok=True)
    target.write_text(render(data), encoding="utf-8", newline="\n")
    if data.since:
        (release_dir / "diff.html").write_text(render(data, "diff.html.j2"), encoding="utf-8", newline="\n")
    return target


def render(data: PageData, template: str = "page.html.j2") -> str:
    """The html text: no script, nothing that is loaded."""
    from markupsafe import Markup

    css = TABLE_CSS + (TEMPLATES / "page.css").read_text(encoding="utf-8")
    page = _environment().get_template(template)
    return page.render(data=data, found=data.found, paper=data.paper, contents=data.contents, css=Markup(css))


@cache
def _environment() -> jinja2.Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
