"""Chained levels are written out, and what is written comes to the value that the panel has."""

import math
import re

import pytest

from citycarbon.provenance.chains import chain_notes


def test_investment_after_its_last_level():
    (note,) = chain_notes(
        [("fai_yuan[2017]", 100.0), ("fai_growth_pct[2018]", 10.0), ("fai_growth_pct[2019]", -5.0), ("x", 1.0)]
    )
    assert note == "fai_yuan = fai_yuan[2017] x product of (1 + fai_growth_pct / 100) over 2018-2019 = 104.5"


def test_real_gdp_and_real_gdp_of_a_city_whose_borders_changed():
    (plain,) = chain_notes([("gdp_yuan[2003]", 200.0), ("gdp_index[2004]", 110.0)])
    assert plain.endswith("over 2004 = 220")
    own = [("gdp_yuan[2003, own borders]", 100.0), ("gdp_yuan[2010, own borders]", 150.0), ("gdp_index[2010]", 120.0)]
    (rebased,) = chain_notes([("gdp_yuan[2011]", 300.0), *own, ("gdp_index[2012]", 110.0)])
    assert rebased.endswith(f"= {300 / (150 / 120) * 1.1:.10g}")


def test_a_formula_without_a_chain_has_no_note():
    assert chain_notes([("gdp_yuan", 1.0), ("population_persons", 2.0)]) == []


@pytest.mark.pipeline
def test_the_note_comes_to_the_value_of_the_panel(pipeline):
    import pandas as pd

    cells = pd.read_parquet(pipeline.release / "panel_cells.parquet")
    cells = cells[cells["variable"].isin(["gov", "lnpgdp"]) & cells["value"].notna()]
    seen = 0
    for cell in cells.iloc[::37].itertuples():
        inputs = [(i["variable"], i["value"]) for i in cell.inputs]
        for note in chain_notes(inputs):
            level, plain = float(re.search(r"= ([^=]+)$", note)[1]), dict(inputs)
            if cell.variable == "gov":
                expected = level / plain["budget_expenditure_yuan"]
            else:
                expected = math.log(level / plain["population_persons"])
            assert cell.value == pytest.approx(expected, rel=1e-8), (cell.city_id, cell.year, note)
            seen += 1
    assert seen > 100
