"""The asset of large tables alone: from the landing folder to ``large_tables.csv``."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_the_asset_writes_the_table_from_what_was_taken_in(tmp_path):
    import dagster as dg
    import pandas as pd

    from assets.extensions import large_tables
    from assets.sources import raw_key, source_assets
    from citycarbon.cities import roster
    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.large_tables import LARGE_COLUMNS
    from citycarbon.paths import Home
    from citycarbon.sample.large_table import LargeTableDesign, write_large_table
    from citycarbon.sources.intake import receive
    from citycarbon.study import load_study
    from citycarbon.study.extensions import Extensions, LargeTable

    home = Home(tmp_path)
    codes = [c.adcode for c in roster()][:20]
    first = {codes[3]: 2020, codes[8]: 2020, codes[9]: 2021}
    write_large_table(
        tmp_path / "sectors.parquet",
        LargeTableDesign(cities=codes, counties=2, months=36, sectors=3, controls=1, first_year=first),
    )
    receive("large_table", [tmp_path / "sectors.parquet"], "2024", home.landing, home, synthetic=True)
    table = LargeTable(id="a", label="a", edition="2024", outcome="ln_co2", controls=["x1"], unit=["county_id"], time=["month"])
    study = load_study("ai_pilot").model_copy(update={"extensions": Extensions(large_tables=[table])})
    home.marts("ai_pilot").mkdir(parents=True)
    panel = pd.DataFrame({"city_id": codes, "first_year_ai_pilot": [first.get(c) for c in codes]})
    panel.to_parquet(home.marts("ai_pilot") / "city_panel.parquet")
    source = next(a for a in source_assets if a.key == raw_key("large_table"))
    resources = {"home": home, "landing": home.landing, "study": study}
    done = dg.materialize([source, large_tables], resources=resources)
    assert done.success
    told = done.asset_materializations_for_node("large_tables")[0].metadata
    assert told["dagster/row_count"].value == 2
    types = {name: kind for name, kind in LARGE_COLUMNS.items() if kind is not float}
    rows = read_results(home.results("ai_pilot") / "large_tables.csv", types)
    assert rows["term"].tolist() == ["did", "x1"]
    assert rows["n_cells"].tolist() == [40 * 36] * 2 and rows["n_obs"].tolist() == [40 * 36 * 3] * 2
    assert 0 < rows["p_ri_t"][0] <= 1
