"""A drawn figure as files whose bytes depend on nothing but what it shows: svg, png, csv of its points, txt in words."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon.econometrics.contract import write_csv
from citycarbon.figures.style import DPI, SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def write_figure(
    figure: Figure, folder: Path, name: str, points: pd.DataFrame, title: str, alternative: str, synthetic: bool
) -> list[Path]:
    """Write ``name``.svg, .png, .csv and .txt into ``folder``; to be called inside ``style.applied(name)``. Returns the paths.

    ``points``: what is plotted, one row a mark, numbers with 17 significant digits. ``alternative``: the figure in words, one
    paragraph; it is also the description inside the svg.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = f"{SYNTHETIC}. {alternative}" if synthetic else alternative
    paths = [folder / f"{name}.{kind}" for kind in ("svg", "png", "csv", "txt")]
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata=_NO_METADATA)
    paths[0].write_text(finished_svg(drawn.getvalue(), name, title, words), encoding="utf-8", newline="\n")
    figure.savefig(paths[1], format="png", dpi=DPI, metadata={"Software": None})
    write_csv(points, paths[2])
    paths[3].write_text(words + "\n", encoding="utf-8", newline="\n")
    return paths


def finished_svg(text: str, name: str, title: str, words: str) -> str:
    """matplotlib's svg made fit for a page: ids of its own, title and description for who cannot see it, short coordinates."""
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r'xlink:href="#', f'xlink:href="#{name}-', text)
    text = re.sub(r' d="([^"]*)"', lambda m: f' d="{short_path(m[1])}"', text)
    text = text.replace("*{stroke-linejoin", f"#{name}-figure_1 *{{stroke-linejoin")
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace("<svg ", f'<svg role="img" aria-labelledby="{name}-title {name}-desc" ', 1)
    end = text.index(">") + 1
    about = f'\n <title id="{name}-title">{escape(title)}</title>\n <desc id="{name}-desc">{escape(words)}</desc>'
    return '<?xml version="1.0" encoding="utf-8"?>\n' + text[:end] + about + text[end:]


def inline_svg(path: Path) -> str:
    """A written svg for embedding in a page: without the XML declaration, which stands only at the head of a file."""
    text = path.read_text(encoding="utf-8")
    return text[text.index("<svg") :]


def listed(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def short_path(path: str) -> str:
    """A path's data with coordinates to a hundredth of a point and without the L that a line of an M or L need not repeat."""
    out, before = [], ""
    for token in path.split():
        if token.isalpha():
            if not (token == "L" and before in ("M", "L")):
                out.append(token)
            before = token
        else:
            out.append(f"{float(token):.2f}".rstrip("0").rstrip(".") if "." in token else token)
    return " ".join(out)
