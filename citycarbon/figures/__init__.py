"""Figures: each function draws one from numbers it is given; svg, png, a csv of the points and a text in words are written."""

from citycarbon.figures.overlap import draw_overlap
from citycarbon.figures.write import inline_svg

__all__ = ["draw_overlap", "inline_svg"]
