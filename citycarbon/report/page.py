"""The page of a release: one self-contained html file, readable offline, in grey, on a phone and on paper.

Everything on it comes from the release's own files, so that the same release always gives the same page.
"""

from __future__ import annotations

from pathlib import Path

from citycarbon.report.formats import TABLE_CSS
from citycarbon.report.page_data import PageData

TEMPLATES = Path(__file__).with_name("templates")


def build_report(release_dir: Path) -> Path:
    """Write ``report/index.html`` into a release (or one under construction) and return it.

    Needs manifest.json, study.yaml, estimates.csv, panel and cells, attrition, checks, corrections and quarantine there.
    """
    target = release_dir / "report" / "index.html"
    target.parent.mkdir(exist_ok=True)
    target.write_text(render(PageData(release_dir)), encoding="utf-8")
    return target


def render(data: PageData) -> str:
    """The html text: no script, no link that loads anything."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    css = TABLE_CSS + (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(data=data, css=Markup(css))
