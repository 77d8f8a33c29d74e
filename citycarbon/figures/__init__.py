"""Figures: each function draws one from numbers it is given; svg, png, a csv of the points and a text in words are written."""

from citycarbon.figures.borders import map_edition
from citycarbon.figures.event_words import event_sentences
from citycarbon.figures.figure1 import draw_figure1
from citycarbon.figures.figure2 import draw_figure2
from citycarbon.figures.figure3 import draw_figure3, draw_placebo
from citycarbon.figures.overlap import draw_overlap
from citycarbon.figures.write import inline_svg

__all__ = [
    "draw_figure1",
    "draw_figure2",
    "draw_figure3",
    "draw_overlap",
    "draw_placebo",
    "event_sentences",
    "inline_svg",
    "map_edition",
]
