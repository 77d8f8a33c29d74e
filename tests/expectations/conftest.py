"""A small world of marts with invented numbers: every unit of the code list, a short window, smooth growth, no fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from citycarbon.checks import CheckResult
from citycarbon.gate.inputs import GateInputs
from citycarbon.gate.scope import Scope
from citycarbon.gate.treatment import first_years
from citycarbon.sources.rawrows import QUARANTINE_SCHEMA
from expectations import engine
from expectations.gate import judge
from expectations.rules import RULES

FIRST, LAST = 2012, 2021
SCOPE = Scope(
    study="tiny",
    first_year=FIRST,
    last_year=LAST,
    policy="ai_pilot",
    year_rule="announcement",
    subcity_rule="treat",
    emission_series="chen_county",
    splice=None,
    variables=frozenset({"lnco2", "lnpgdp", "edu", "loans_yuan"}),
    policies=frozenset({"ai_pilot", "broadband"}),
)
# Provinces whose cities have printed indicators; emissions and the panel have every city. Each gate reads all of it.
PRINTED = ("130000", "150000", "220000", "310000", "340000", "370000", "460000", "630000", "640000")
# indicator -> (value of a middling city in the first year, growth a year)
LEVELS = {
    "gdp_yuan": (2e11, 0.08),
    "population_persons": (4e6, 0.005),
    "loans_yuan": (3e11, 0.1),
    "budget_expenditure_yuan": (3e10, 0.07),
    "education_expenditure_yuan": (5e9, 0.07),
    "fdi_usd": (3e8, 0.03),
    "area_km2": (1.2e4, 0.0),
}
INPUTS = {
    "lnco2": ["co2_mt"],
    "co2_mt": ["co2_mt_chen_county"],
    "lnpgdp": ["gdp_yuan", "population_persons"],
    "edu": ["education_expenditure_yuan", "budget_expenditure_yuan"],
    "loans_yuan": ["loans_yuan"],
}


@dataclass
class World:
    """Marts in memory; change them, then ``gate(ids)`` writes and judges them."""

    folder: Path
    panel: pd.DataFrame
    observations: pd.DataFrame
    quarantine: pd.DataFrame
    counties: pd.DataFrame  # raw rows of chen_county: raw_id, value
    raw: dict[str, pd.DataFrame] = field(default_factory=dict)
    scope: Scope = SCOPE
    seeds: dict[str, pd.DataFrame] = field(default_factory=dict)

    def at(self, city: str, year: int, indicator: str, source: str = "city_yearbook") -> pd.Series:
        """Mask of one observation."""
        o = self.observations
        return (o["place_id"] == city) & (o["year"] == year) & (o["indicator_id"] == indicator) & (o["source"] == source)

    def scale(
        self, by: float, indicator: str, source: str = "city_yearbook", *, city: str | None = None, years: object = None
    ) -> None:
        o = self.observations
        hit = o["indicator_id"].eq(indicator) & o["source"].eq(source)
        if city is not None:
            hit &= o["place_id"].eq(city)
        if years is not None:
            hit &= o["year"].isin(years if isinstance(years, range | list) else [years])
        assert hit.any(), "the fault must hit something"
        o.loc[hit, "value"] *= by

    def inputs(self) -> GateInputs:
        return self._write()

    def gate(self, *ids: str) -> dict[str, CheckResult]:
        """The results of the rules with these ids (all rules where none is named)."""
        rules = [r for r in RULES if not ids or r.id in ids]
        assert len(rules) == (len(set(ids)) or len(RULES)), "an id that no rule has"
        return {r.id: r for r in judge(self._write(), rules)}

    def _write(self) -> GateInputs:
        marts, raw = self.folder / "marts", self.folder / "raw"
        seeds = self._seeds()
        for folder in (marts, raw):
            folder.mkdir(parents=True, exist_ok=True)
        self.panel.to_parquet(marts / "city_panel.parquet")
        observations = pa.Table.from_pandas(self.observations, preserve_index=False)
        pq.write_table(observations, marts / "observations.parquet", compression="none", use_dictionary=False)
        self.quarantine.to_parquet(marts / "stage_quarantine.parquet")
        pq.write_table(_cells(), marts / "city_panel_cells.parquet")
        for source, rows in {"chen_county": self.counties, **self.raw}.items():
            printed = {"source": source, "edition": "table", "place_label": "济南市", "data_year": 2015}
            if "place_code" not in rows:
                rows = rows.assign(place_code=rows["raw_id"])  # each row a county of its own
            rows.assign(**{c: v for c, v in printed.items() if c not in rows}).to_parquet(raw / f"{source}.parquet")
        return GateInputs(scope=self.scope, marts=marts, raw=raw, **({"seeds": seeds} if seeds else {}))

    def _seeds(self) -> Path | None:
        """The project's seeds, with those of ``self.seeds`` in their place."""
        if not self.seeds:
            return None
        folder = self.folder / "seeds"
        folder.mkdir(exist_ok=True)
        for path in GateInputs(scope=self.scope, marts=self.folder, raw=self.folder).seeds.glob("*.csv"):
            (folder / path.name).write_bytes(path.read_bytes())
        for name, frame in self.seeds.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        return folder


def _cells() -> pa.Table:
    struct = pa.struct([("variable", pa.string()), ("value", pa.float64()), ("raw_ids", pa.list_(pa.string()))])
    inputs = [[{"variable": v, "value": 1.0, "raw_ids": ["x"]} for v in names] for names in INPUTS.values()]
    return pa.table({"variable": list(INPUTS), "inputs": pa.array(inputs, pa.list_(struct))})


def _observations(cities: list[str], size: np.ndarray) -> pd.DataFrame:
    years = np.arange(FIRST, LAST + 1)
    place, year = np.repeat(cities, len(years)), np.tile(years, len(cities))
    scale = np.repeat(size, len(years))

    def rows(source: str, indicator: str, base: float, growth: float, edition: object, is_used: bool) -> pd.DataFrame:
        flat = 1.0 if indicator == "area_km2" else scale
        year_of = int(edition) if isinstance(edition, str) else edition.astype("int64")
        return pd.DataFrame(
            {
                "source": source,
                "indicator_id": indicator,
                "level": "city",
                "place_id": place,
                "place_name": place,
                "year": year,
                "scope": "全市" if source != "edgar_city" else "",
                "value": base * flat * (1 + growth) ** (year - FIRST),
                "edition": edition,
                "edition_year": year_of,
                "is_current": True,
                "is_used": is_used,
                "is_interpolated": False,
            }
        )

    books = pd.Series((year + 1).astype(str))
    parts = [rows("city_yearbook", name, base, growth, books, True) for name, (base, growth) in LEVELS.items()]
    parts.append(rows("compiled_city", "gdp_yuan", *LEVELS["gdp_yuan"], "2022", False))
    parts.append(rows("chen_county", "co2_mt", 20.0, 0.03, "2022", True))
    parts.append(rows("edgar_city", "co2_mt", 24.0, 0.03, "2023", True))
    table = pd.concat(parts, ignore_index=True)
    keys = zip(table["source"], table["indicator_id"], table["place_id"], table["year"], strict=True)
    ids = ["|".join(map(str, key)) for key in keys]
    table["raw_ids"] = [[f"{i}|1", f"{i}|2"] if i.startswith("chen_county") else [i] for i in ids]
    return table


def _panel(observations: pd.DataFrame, inputs: GateInputs) -> pd.DataFrame:
    wide = observations[observations["source"].isin(["city_yearbook", "chen_county"])].pivot(
        index=["place_id", "year"], columns="indicator_id", values="value"
    )
    panel = wide.reset_index().rename(columns={"place_id": "city_id"}).rename_axis(columns=None)
    panel["lnco2"] = np.log(panel["co2_mt"])
    panel["lnpgdp"] = np.log(panel["gdp_yuan"] / panel["population_persons"])
    panel["edu"] = panel["education_expenditure_yuan"] / panel["budget_expenditure_yuan"]
    panel["lnpop"] = np.log(panel["population_persons"])
    first = first_years(inputs).set_index(["policy", "city_id"])["first_year"]
    for policy in ("ai_pilot", "broadband", "low_carbon"):
        panel[f"did_{policy}"] = (panel["year"] >= panel["city_id"].map(first[policy]).fillna(9999)).astype(int)
    panel["in_sample"] = True
    return panel


@pytest.fixture(scope="session")
def _clean() -> dict[str, pd.DataFrame]:
    inputs = GateInputs(scope=SCOPE, marts=Path(), raw=Path())
    cities = sorted(inputs.units["city_id"])
    size = np.exp(np.random.default_rng(3).normal(0, 0.5, len(cities)))
    observations = _observations(cities, size)
    chen = observations[observations["source"] == "chen_county"]
    counties = pd.DataFrame(
        {
            "raw_id": [i for ids in chen["raw_ids"] for i in ids],
            "edition": "2022",
            "value": np.repeat(chen["value"].to_numpy() / 2, 2),
        }
    )
    quarantine = pd.DataFrame({f.name: pd.Series(dtype="object") for f in QUARANTINE_SCHEMA})
    panel, emissions = _panel(observations, inputs), observations["indicator_id"].eq("co2_mt")
    printed = inputs.units.index[inputs.units["province_id"].isin(PRINTED)]
    observations = observations[emissions | observations["place_id"].isin(printed)].reset_index(drop=True)
    return {"panel": panel, "observations": observations, "quarantine": quarantine, "counties": counties}


@pytest.fixture(scope="session", autouse=True)
def _one_context() -> Iterator[None]:
    """One context of Great Expectations for all tests here: what a gate leaves in it is replaced by the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_definition", cache(engine._definition))
        yield


@pytest.fixture
def world(tmp_path: Path, _clean: dict[str, pd.DataFrame]) -> World:
    return World(folder=tmp_path, **{k: v.copy() for k, v in _clean.items()})


@pytest.fixture
def using() -> Callable[..., Scope]:
    """The scope of the tiny study with some fields changed."""
    return lambda **changes: replace(SCOPE, **changes)
