"""Every figure: four files whose bytes depend on nothing but the input, fit for a page, with the SYNTHETIC mark on a sample."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn import SVG, city_panel, event_frame, placebo, svg_of

from citycarbon.figures import draw_figure1, draw_figure2, draw_figure3, draw_placebo, inline_svg
from citycarbon.figures.figure3 import density, p_sentence
from citycarbon.figures.write import short_path
from citycarbon.paths import PROJECT_ROOT
from citycarbon.study import load_study


def draw_all(folder: Path) -> dict[str, list[Path]]:
    """Figures 1 to 3 from the small inputs, as of a sample."""
    return {
        "figure1": draw_figure1(city_panel(), load_study("ai_pilot"), folder, True, year=2020),
        "figure2": draw_figure2(event_frame(), folder, True),
        "figure3": draw_figure3(*placebo(), folder, True),
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_all(tmp_path_factory.mktemp("figures"))


@pytest.mark.slow
def test_another_process_draws_the_same_bytes(drawn, tmp_path):
    code = "import sys; from pathlib import Path; from test_figures import draw_all; draw_all(Path(sys.argv[1]))"
    path = os.pathsep.join([str(PROJECT_ROOT), str(Path(__file__).parent)])
    rc = tmp_path / "matplotlibrc"  # a reader's own settings change nothing
    rc.write_text("font.size: 30\nsavefig.dpi: 10\nlines.linewidth: 9\n", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "5", "MATPLOTLIBRC": str(rc)},
    )
    for paths in drawn.values():
        for one in paths:
            assert (tmp_path / one.name).read_bytes() == one.read_bytes(), one.name


@pytest.mark.parametrize("name", ["figure1", "figure2", "figure3"])
def test_files_are_fit_for_a_page(drawn, name):
    paths = drawn[name]
    assert [p.name for p in paths] == [f"{name}.{kind}" for kind in ("svg", "png", "csv", "txt")]
    svg, words = paths[0].read_text(encoding="utf-8"), paths[3].read_text(encoding="utf-8")
    assert paths[0].stat().st_size < 300_000
    root = svg_of(paths)
    assert root.get("role") == "img" and root.get("aria-labelledby") == f"{name}-title {name}-desc"
    assert root.find(f"{SVG}desc").text == words.strip() and root.find(f"{SVG}title").text
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)) and all(i.startswith(f"{name}-") for i in ids)  # several on one page do not collide
    used = re.findall(r'(?:url\(|href=")#([^)"]+)', svg)
    assert used and set(used) <= set(ids)
    assert "SYNTHETIC" in words and "<!-- SYNTHETIC" in svg  # the letters are outlines; the comment says what they spell
    assert not re.search(r"\d{4}-\d\d-\d\dT|<metadata|matplotlib v|nan", svg.lower())
    assert inline_svg(paths[0]).startswith("<svg ")
    assert "nan" not in words and len(words.strip().splitlines()) == 1


def test_a_png_has_the_house_width(drawn):
    head = drawn["figure2"][1].read_bytes()[:24]
    assert int.from_bytes(head[16:20], "big") == 1120


# Figure 2


def test_event_study_points_words_and_support(drawn):
    points = pd.read_csv(drawn["figure2"][2])
    assert list(points["variant"]) == ["binned"] * 5 + ["shortcut"] * 5
    assert points["n_treated_units"].tolist()[:5] == [9, 9, 9, 4, 0]
    words = drawn["figure2"][3].read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    assert "t: -0.250 [-0.500, 0.000]" in words and "t+2 and after: not estimable: nobody" in words
    assert "F(1, 99) = 0.25, p = 0.618 by the F distribution, p = 0.750 by 999 reassignments" in words
    assert "(12 undefined)" in words and "does not show that trends were parallel" in words
    assert "t+1 on 4 (first treated in 2019)" in words
    assert "Shortcut (years beyond the ends in the base period): coefficients differ by at most 0.125" in words
    assert "Without the cities first treated in 2022: coefficients differ by at most 0.031" in words
    assert "static did on the same rows, -0.300, lies inside" in words
    svg = drawn["figure2"][0].read_text(encoding="utf-8")
    assert "0.040 a year would make a single-year lead significant" in words and "0.060 with 80 %" in words
    for text in (
        "trend found with 50 % power",
        "trend found with 80 % power",
        "first treated 2019",
        "treated cities",
        "city-years",
        "base",
        "bin",
        "estimable",
    ):
        assert f"<!-- {text} -->" in svg, text


def test_an_event_study_that_was_not_asked_for_says_so(tmp_path):
    paths = draw_figure2(event_frame().iloc[:0], tmp_path, False)
    assert "asks for no event study" in paths[3].read_text(encoding="utf-8")


def test_a_static_effect_outside_the_hull_is_called_outside(tmp_path):
    paths = draw_figure2(event_frame().assign(static_in_hull=False), tmp_path, False)
    assert "lies outside the range" in paths[3].read_text(encoding="utf-8")
    assert all("SYNTHETIC" not in p.read_text(encoding="utf-8") for p in (paths[0], paths[3]))


# Figure 3


def test_density_is_that_of_scipy():
    from scipy.stats import gaussian_kde

    values = np.random.default_rng(2).standard_t(4, 700)
    grid, height = density(np.append(values, np.nan))
    exact = gaussian_kde(values)(grid)
    np.testing.assert_allclose(height, exact, atol=1e-3 * exact.max())
    assert np.trapezoid(height, grid) == pytest.approx(1, abs=5e-3)
    assert len(density(np.array([1.0, 1.0, np.nan]))[0]) == 0


def test_placebo_points_and_exact_p(drawn):
    points = pd.read_csv(drawn["figure3"][2])
    assert points["kind"].value_counts().to_dict() == {"density": 257, "draw": 50, "estimate": 1}
    assert points.loc[points["kind"] == "estimate", "coefficient"].item() == -0.6
    words = drawn["figure3"][3].read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    assert "p = (1 + 3) / (398 + 1) = 0.01 by the coefficient, 0.02 by the t statistic (2 undefined)" in words
    assert "Standard deviation of the draws 0.125, 95 % of them from -0.200 to 0.200" in words
    assert "benchmark and not identification" in words and "Table 2 column 2 (scheme cohorts, seed 7)" in words
    assert "2 of 49 are at or below 0.05" in words


def test_a_placebo_without_an_estimate_says_why(tmp_path):
    beta, p, _, summary = placebo()
    summary = summary | {"p_ri_beta": np.nan, "note": "not estimable: 0 treated cities in this sample"}
    paths = draw_figure3(np.full_like(beta, np.nan), p[:0], np.nan, summary, tmp_path, False)
    assert "0 treated cities in this sample" in paths[3].read_text(encoding="utf-8")
    assert all("SYNTHETIC" not in p.read_text(encoding="utf-8") for p in (paths[0], paths[3]))
    assert p_sentence(summary | {"note": ""}, np.nan) == "Not estimable: no estimate to compare with the draws."
    with pytest.raises(ValueError, match="figure 3"):
        draw_figure3(beta[:3], p, 0.1, summary, tmp_path, False)


def test_placebo_figure_from_the_tables_of_results(tmp_path):
    estimates = pd.DataFrame(
        {
            "table": "table2", "column": ["1", "2", "2"], "term": ["did", "did", "lnpgdp"], "estimate": [-0.5, -0.6, 1.0],
            "df": 99, "fixed_effects": "city (100 levels) + year (19 levels)", "note": "",
        }
    )  # fmt: skip
    shown = pd.DataFrame(
        {"table": "table2", "column": "2", "scheme": ["cohorts"] * 3 + ["all_pilots"], "draw": [2, 1, 3, 1]}
        | {"beta": [0.1, -0.2, 0.3, 9.0], "t": [1.0, -1.9842169515086827, np.nan, 5.0]}
    )
    summary = placebo()[3] | {"draws": 999, "undefined": 2, "p_ri_beta": 0.01, "size_t_5pct": 0.113}
    paths = draw_placebo(pd.DataFrame([summary]), shown, estimates, tmp_path, False)
    points = pd.read_csv(paths[2])
    draws = points[points["kind"] == "draw"]
    assert draws["coefficient"].tolist() == [-0.2, 0.1, 0.3] and draws["draw"].tolist() == [1, 2, 3]
    assert draws["p_value"].iloc[0] == pytest.approx(0.05, abs=1e-9)  # the 97.5 % point of t(99)
    words = paths[3].read_text(encoding="utf-8")
    assert "the first 3 of 999 draws" in words and "at a nominal 5 % rejects in 11.3 % of all draws" in words
    # 9.98 draws cannot reach the estimate: then the ratio is not printed
    assert "p = 0.01 by the coefficient" in words
    none = draw_placebo(pd.DataFrame([summary]), shown, estimates, tmp_path, False, table="table2", column="1")
    assert "Not estimable: no redraws were asked for." in none[3].read_text(encoding="utf-8")
    with pytest.raises(KeyError, match="table9"):
        draw_placebo(pd.DataFrame([summary]), shown, estimates, tmp_path, False, table="table9", column="1")


def test_path_data_are_shortened_without_moving_a_point():
    assert short_path("M 1.23456 2 \nL 3.999 4.5 \nL -0.001 6 \nz \nM 1 1 \nC 1 2 3 4 5 6 \nL 7 8") == (
        "M 1.23 2 4 4.5 -0 6 z M 1 1 C 1 2 3 4 5 6 L 7 8"
    )
