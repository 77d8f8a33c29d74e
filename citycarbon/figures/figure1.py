"""Figure 1, the map: CO2 of every city of the panel in one year, as dots, or as areas where outlines are installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.errors import UsageError
from citycarbon.figures import borders, style
from citycarbon.figures.classes import Classes, make_classes, short
from citycarbon.figures.map_frame import draw_frame, map_limits
from citycarbon.figures.projection import Albers
from citycarbon.figures.write import listed, write_figure
from citycarbon.paths import DBT_PROJECT
from citycarbon.report.formats import count
from citycarbon.study import Study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CENTROIDS = DBT_PROJECT / "seeds" / "city_centroids.csv"
_VALUE, _UNIT = "co2_mt", "Mt"
_POINTS = ["city_id", "city_name", "year", "lon", "lat", "x_km", "y_km", _VALUE, "class", "treated", "first_year"]
_SIZES = (16, 24, 34, 48, 68)  # points squared: a second sign of the class beside its lightness
_PILOT_SIZE = 44
_LEGEND = 0.72  # inches of the legend below the map
_NAMED = 12  # cities without data that the text names


def draw_figure1(
    panel: pd.DataFrame, study: Study, folder: Path, synthetic: bool, year: int | None = None, name: str = "figure1"
) -> list[Path]:
    """Draw the map of ``co2_mt`` (Mt) of all cities of ``panel`` (the mart ``city_panel``) and return the four paths.

    ``year``: default the study's ``figures.map_year``, else the last year of the window with values. Cities are dots at their
    centroids; where the optional package of outlines is installed they are areas and only the study's pilot cities are dots.
    A city without a value is hollow and counted; one without a centroid is counted and not drawn. Raises UsageError where
    the year is outside the panel.
    """
    year = map_year(panel, study, year)
    projection = Albers()
    points = map_points(panel, study, year, projection)
    values = points[_VALUE].to_numpy(dtype=float)
    classes = make_classes(values)
    points["class"] = points["class"].where(points[_VALUE].isna(), classes.of(values))
    shapes = borders.outlines(points["city_id"].tolist(), projection) if borders.map_edition() else {}
    edition = borders.map_edition() if shapes else ""
    title = f"City CO2 emissions, {year} (Mt): all {count(len(points))} cities of the panel"
    with style.applied(name):
        figure = style.new_figure(7.2)
        top = style.head(figure, title, _subtitle(study, projection, edition), synthetic)
        bottom = style.foot(figure, _range_sentence(points))
        floor = bottom + _LEGEND / figure.get_figheight()
        axes = figure.add_axes((0.014, floor, 0.972, top - floor))
        _draw(axes, points, classes, shapes, projection, study, year)
        words = map_words(points, classes, study, year, edition)
        return write_figure(figure, folder, name, points[_POINTS], title, words, synthetic)


def map_year(panel: pd.DataFrame, study: Study, year: int | None = None) -> int:
    """The year of the map: the one asked for, the study's, or the last year of the window with a value."""
    asked = year if year is not None else study.figures.map_year
    years = panel["year"]
    if asked is not None:
        if not years.eq(asked).any():
            raise UsageError(
                f"figure 1: found the year {asked}; the panel has {years.min()} to {years.max()}. "
                "Name one of these as figures.map_year in study.yaml"
            )
        return int(asked)
    known = years[panel[_VALUE].notna() & years.between(study.window.first, study.window.last)]
    return int(known.max()) if len(known) else int(study.window.last)


def map_points(panel: pd.DataFrame, study: Study, year: int, projection: Albers) -> pd.DataFrame:
    """One row a city of the panel in ``year``: value, centroid, place on the map, whether treated; the class is still empty."""
    import pandas as pd

    columns = ["city_id", "city_name", "year", _VALUE, study.did_column, f"first_year_{study.treatment.policy}"]
    rows = panel.loc[panel["year"] == year, columns].sort_values("city_id", ignore_index=True)
    rows = rows.rename(columns={columns[-1]: "first_year"})
    places = pd.read_csv(CENTROIDS, dtype={"city_id": str})
    rows = rows.merge(places, on="city_id", how="left", validate="one_to_one")
    x, y = projection(rows["lon"].to_numpy(dtype=float), rows["lat"].to_numpy(dtype=float))
    rows = rows.assign(x_km=x, y_km=y, treated=rows[study.did_column] == 1, first_year=rows["first_year"].astype("Int64"))
    return rows.assign(**{"class": pd.array([pd.NA] * len(rows), dtype="Int64")})


def map_words(points: pd.DataFrame, classes: Classes, study: Study, year: int, edition: str) -> str:
    """The map in words."""
    known, missing = points[points[_VALUE].notna()], points[points[_VALUE].isna()]
    how = "dots at city centroids"
    if edition:
        how = f"areas ({edition}, outlines simplified to {borders.TOLERANCE_KM:g} km); land outside the panel's cities is blank"
    parts = [f"Map of CO2 emissions of {count(len(points))} cities in {year}, {_series(study)}, as {how}."]
    counts = points["class"].value_counts()
    if len(known):
        steps = [f"{classes.label(k)} Mt: {count(counts.get(k, 0))} cities" for k in range(1, classes.number + 1)]
        parts += [f"{'; '.join(steps)}.", _range_sentence(points)]
    if len(missing):
        some = [f"{r.city_name} ({r.city_id})" for r in missing.head(_NAMED).itertuples()]
        more = f" and {count(len(missing) - _NAMED)} more" if len(missing) > _NAMED else ""
        parts.append(f"The cities without data are {', '.join(some) if more else listed(some)}{more}.")
    unplaced = int(points["x_km"].isna().sum())
    if unplaced:
        parts.append(f"{count(unplaced)} cities have no centroid and are not drawn.")
    parts.append(_pilot_sentence(points, study, year))
    return " ".join(parts)


def _range_sentence(points: pd.DataFrame) -> str:
    """Minimum and maximum of what is plotted, by city, and how many cities have no value."""
    known = points[points[_VALUE].notna()]
    without = int(points[_VALUE].isna().sum())
    if known.empty:
        return f"No city has a value in this year ({count(without)} cities)."
    low, high = known.loc[known[_VALUE].idxmin()], known.loc[known[_VALUE].idxmax()]
    return (
        f"Smallest of {count(len(known))} values: {short(low[_VALUE])} Mt (city {low['city_id']}); largest: "
        f"{short(high[_VALUE])} Mt (city {high['city_id']}). No data: {count(without)} cities."
    )


def _pilot_sentence(points: pd.DataFrame, study: Study, year: int) -> str:
    pilots = points[points["first_year"].notna()]
    inside = pilots[pilots[_VALUE].notna()]
    text = (
        f"Squares mark the {count(len(pilots))} cities of the policy {study.treatment.policy}, "
        f"{count(int(pilots['treated'].sum()))} of them treated by {year}"
    )
    if inside.empty:
        return f"{text}."
    return f"{text}; their values run from {short(inside[_VALUE].min())} to {short(inside[_VALUE].max())} Mt."


def _series(study: Study) -> str:
    return f"emission series {study.outcome.series}"


def _subtitle(study: Study, projection: Albers, edition: str) -> str:
    outlines = f"outlines: {edition}" if edition else "dots at city centroids"
    parallels = f"{projection.parallel_1:g}° N, {projection.parallel_2:g}° N"
    return f"{_series(study)}; Albers equal-area ({parallels}), WGS84; {outlines}"


def _draw(
    axes: Axes,
    points: pd.DataFrame,
    classes: Classes,
    shapes: dict[str, list[np.ndarray]],
    projection: Albers,
    study: Study,
    year: int,
) -> None:
    placed = points[points["x_km"].notna()]
    draw_frame(axes, map_limits(placed, shapes), projection)
    if shapes:
        _draw_areas(axes, placed, classes, shapes)
    is_dot = placed["first_year"].isna() & ~placed["city_id"].isin(list(shapes))
    counts = points["class"].value_counts()
    handles = []
    for k in range(1, classes.number + 1):
        here = placed[is_dot & placed["class"].eq(k).fillna(False)]
        size = _SIZES[round((k - 1) * (len(_SIZES) - 1) / max(classes.number - 1, 1))]
        look = {"c": classes.colour(k), "edgecolors": style.INK, "linewidths": 0.4}
        above = 3 + 0.1 * (classes.number - k)  # small dots above large ones, so that none is hidden
        axes.scatter(here["x_km"], here["y_km"], s=size, zorder=above, **look)
        label = f"{classes.label(k)} ({count(counts.get(k, 0))})"
        key = {"marker": "s", "s": 60} if shapes else {"marker": "o", "s": size}
        handles.append(axes.scatter([], [], label=label, **key, **look))
    handles.append(_draw_missing(axes, placed[is_dot & placed[_VALUE].isna()], int(points[_VALUE].isna().sum()), bool(shapes)))
    handles.append(_draw_pilots(axes, placed, points, classes, year))
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, title=f"CO2, {_UNIT} (number of cities)",
        title_fontsize=8.5, labelspacing=0.5, columnspacing=1.6, handletextpad=0.4,
    )  # fmt: skip


def _draw_areas(axes: Axes, points: pd.DataFrame, classes: Classes, shapes: dict[str, list[np.ndarray]]) -> None:
    """The outlines, filled by class; hatched where there is no value."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    by_class = dict(zip(points["city_id"], points["class"].fillna(0), strict=True))
    for k in range(classes.number + 1):
        rings = [ring for city, parts in shapes.items() if by_class.get(city) == k for ring in parts]
        if rings:
            path = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
            look = {"facecolor": classes.colour(k)} if k else {"facecolor": "white", "hatch": "/////"}
            axes.add_patch(PathPatch(path, edgecolor=style.SOFT, linewidth=0.25, zorder=2, **look))


def _draw_missing(axes: Axes, points: pd.DataFrame, number: int, filled: bool) -> object:
    """Hollow triangles for cities without a value; in the legend of a filled map the hatch of their areas."""
    look = {"s": 26, "marker": "^", "facecolors": "white", "edgecolors": style.SOFT, "linewidths": 1.0}
    axes.scatter(points["x_km"], points["y_km"], zorder=3, **look)
    label = f"no data ({count(number)})"
    if filled:
        from matplotlib.patches import Patch

        return Patch(facecolor="white", edgecolor=style.SOFT, hatch="/////", linewidth=0.25, label=label)
    return axes.scatter([], [], label=label, **look)


def _draw_pilots(axes: Axes, placed: pd.DataFrame, points: pd.DataFrame, classes: Classes, year: int) -> object:
    """Squares with a heavy edge, above everything, filled by their class."""
    pilots = placed[placed["first_year"].notna()]
    fill = [classes.colour(int(k)) if k else "white" for k in pilots["class"].fillna(0)]
    edge = {"marker": "s", "s": _PILOT_SIZE, "edgecolors": "black", "linewidths": 1.6}
    axes.scatter(pilots["x_km"], pilots["y_km"], c=fill or None, zorder=6, **edge)
    number, treated = int(points["first_year"].notna().sum()), int(points["treated"].sum())
    return axes.scatter([], [], facecolors="white", label=f"pilot city ({number}; treated by {year}: {treated})", **edge)
