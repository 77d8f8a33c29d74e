"""A home small enough to see through: two sources, 14 cities, eight years, marts made by hand, estimates by the estimator.

``make_home`` writes a landing folder, raw rows that point at real cells of real files, the marts and the results of a run, so
that everything downstream (bundle, trace, verify, page) runs as after a real run. All numbers are invented.
"""

from __future__ import annotations

import math
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from baseline import baseline_study

from citycarbon.checks import CheckResult
from citycarbon.paths import Home
from citycarbon.sources.landing import add, sha256_of
from citycarbon.sources.rawrows import QUARANTINE_SCHEMA, RAW_SCHEMA, RowCollector

PILOTS = {"370100": "济南市", "370200": "青岛市", "440100": "广州市"}  # on the policy list; all values are invented
CITIES = PILOTS | {f"3{n:02d}100": f"样{n:02d}市" for n in range(4, 15)}
YEARS = range(2014, 2022)
TREATED = {"370100": 2019, "370200": 2019, "440100": 2021}
CONTROLS = ("lnpgdp", "internet", "gov", "market", "edu", "industry", "lngreen", "er")
INPUT = pa.struct([("variable", pa.string()), ("value", pa.float64()), ("raw_ids", pa.list_(pa.string()))])
CELLS = pa.schema(
    [
        ("city_id", pa.string()),
        ("year", pa.int32()),
        ("variable", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("formula", pa.string()),
        ("flag", pa.string()),
        ("inputs", pa.list_(INPUT)),
    ]
)


@dataclass(frozen=True)
class Tiny:
    """A run that just ended; ``arguments`` are those of ``build_release`` after home and study."""

    home: Home
    landing: Path

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "landing": self.landing,
            "checks": checks(),
            "lineage": lineage(self.home),
            "run_info": {
                "run_id": "run-1",
                "started_at": "2024-05-01T08:00:00+00:00",
                "finished_at": "2024-05-01T08:01:00+00:00",
            },
        }

    def build(self, **changes: Any) -> Path:
        from citycarbon.release import build_release

        return build_release(self.home, baseline_study(), **{**self.arguments, **changes})


def make_home(root: Path, seed: int = 1, synthetic: bool = False) -> Tiny:
    """The home of a finished run of ``ai_pilot``, without a release."""
    home, landing = Home(root / "home"), root / "landing"
    draw = random.Random(seed)
    # Whole hundreds of kt, so that a workbook stores shares of them without rounding.
    co2 = {(c, y): 10 + draw.randrange(400) / 10 for c in CITIES for y in YEARS}
    controls = {(c, y, v): 1 + draw.random() for c in CITIES for y in YEARS for v in CONTROLS}
    _write_county_file(root / "county.xlsx", co2)
    _write_control_file(root / "controls.csv", controls)
    add("chen_county", [root / "county.xlsx"], "2022", landing, redistributable="no", synthetic=synthetic)
    add("compiled_city", [root / "controls.csv"], "2023", landing, redistributable="yes", licence="CC0", synthetic=synthetic)
    emissions, ids = _read_county(root / "county.xlsx", co2)
    rest, control_ids = _read_controls(root / "controls.csv", controls)
    for source, rows in {"chen_county": emissions, "compiled_city": rest}.items():
        _put(rows, home.raw / f"{source}.parquet")
    for drop in ("chen_county/2022/county.xlsx", "compiled_city/2023/controls.csv"):
        home.snapshots.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(landing / drop, home.snapshots / sha256_of(landing / drop))
    _put(_refused(), home.raw / "quarantine" / "compiled_city.parquet")
    _write_marts(home, co2, controls, ids, control_ids)
    _write_results(home, synthetic)
    if synthetic:
        (landing / "truth.json").write_text("{}", encoding="utf-8")
    return Tiny(home, landing)


def checks() -> list[CheckResult]:
    return [
        CheckResult("keys_unique", "blocking", True, "112 rows, 112 keys", "one row a key", title="One row per city and year"),
        CheckResult("co2_jump_listed", "warning", False, "1 jump above 100 %", "none", failing=[("304100", 2016)]),
    ]


def lineage(home: Home) -> dict[str, Any]:
    deps = {"raw_chen_county": [], "raw_compiled_city": [], "city_panel": ["raw_chen_county", "raw_compiled_city"]}
    assets = [
        {"key": k, "group": "g", "kinds": [], "deps": d, "code_version": "c1", "data_version": f"v-{k}", "row_count": 112}
        for k, d in deps.items()
    ]
    assets[2]["column_lineage"] = {"lnco2": [{"asset": "raw_chen_county", "column": "value"}]}
    assets[2]["path"] = str(home.marts("ai_pilot") / "city_panel.parquet")
    return {"run_id": "run-1", "job": "study", "assets": assets, "checks": []}


# --- the files of the two sources --------------------------------------------------------------------------------------------


def _write_county_file(path: Path, co2: dict) -> None:
    """One sheet, two county rows a city (30 and 70 % of it), one column a year."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "county"
    sheet.append(["name", *YEARS])
    for city, name in CITIES.items():
        for share, county in ((0.3, "甲县"), (0.7, "乙县")):
            sheet.append([name[:-1] + county, *(round(co2[city, y] * share, 6) for y in YEARS)])
    book.save(path)


def _write_control_file(path: Path, controls: dict) -> None:
    lines = [f"{c},{y},{v},{x!r}" for (c, y, v), x in controls.items()]
    path.write_text("\n".join(["city,year,indicator,value", *lines]) + "\n", encoding="utf-8")


def _read_county(path: Path, co2: dict) -> tuple[pa.Table, dict]:
    out = RowCollector(
        source="chen_county", edition="2022", edition_year=2022, file_name=path.name, file_sha256=sha256_of(path)
    )
    ids: dict = {}
    for n, city in enumerate(CITIES):
        for part, share in enumerate((0.3, 0.7)):
            for k, year in enumerate(YEARS):
                cell = f"{chr(ord('B') + k)}{2 + 2 * n + part}"
                value = round(co2[city, year] * share, 6)
                out.add(
                    text=repr(value),
                    value=value,
                    indicator_label="CO2",
                    place_label=f"{CITIES[city]}{part}",
                    data_year=year,
                    unit="Mt",
                    sheet="county",
                    cell=cell,
                )
                ids.setdefault((city, year), []).append(f"{sha256_of(path)[:16]}|county|{cell}")
    return out.result().rows, ids


def _read_controls(path: Path, controls: dict) -> tuple[pa.Table, dict]:
    out = RowCollector(
        source="compiled_city", edition="2023", edition_year=2023, file_name=path.name, file_sha256=sha256_of(path)
    )
    ids = {}
    for line, ((city, year, name), value) in enumerate(controls.items(), start=2):
        out.add(text=repr(value), value=value, indicator_label=name, place_label=city, data_year=year, scope="全市", line=line)
        ids[city, year, name] = f"{sha256_of(path)[:16]}||L{line}"
    return out.result().rows, ids


def _refused() -> pa.Table:
    row = {"source": "compiled_city", "edition": "2023", "file_name": "controls.csv", "file_sha256": "0" * 64, "line": 900}
    row |= {"text": "n/a", "reason_code": "text_in_number_cell", "reason": "a number is expected", "is_required": True}
    return pa.Table.from_pylist([row], schema=QUARANTINE_SCHEMA)


# --- what a run leaves -------------------------------------------------------------------------------------------------------


def _write_marts(home: Home, co2: dict, controls: dict, ids: dict, control_ids: dict) -> None:
    panel, cells = [], []
    for city, name in CITIES.items():
        for year in YEARS:
            panel.append(_panel_row(city, name, year, co2, controls))
            cells += _cell_rows(city, year, co2, controls, ids, control_ids)
    marts = home.marts("ai_pilot")
    frame = pd.DataFrame(panel).astype({"year": "int32", "first_year_ai_pilot": "Int32", "did_ai_pilot": "int32"})
    random.Random(5).shuffle(cells)  # a mart promises no order
    _put(pa.Table.from_pandas(frame.sample(frac=1, random_state=5), preserve_index=False), marts / "city_panel.parquet")
    _put(pa.Table.from_pylist(cells, schema=CELLS), marts / "city_panel_cells.parquet")
    attrition = frame[["city_id", "year", "in_sample", "drop_reason"]].assign(step=lambda f: (~f["in_sample"]).astype("int32"))
    _put(pa.Table.from_pandas(attrition, preserve_index=False), marts / "sample_attrition.parquet")
    applied = {"correction_id": "c1", "source": "compiled_city", "edition": "2023", "reason": "a decimal slip"}
    applied |= {"value_before": 12.5, "value_after": 1.25, "raw_ids": [control_ids["304100", 2016, "gov"]]}
    _put(pa.Table.from_pylist([applied]), marts / "corrections_applied.parquet")
    _put(QUARANTINE_SCHEMA.empty_table(), marts / "stage_quarantine.parquet")


def _panel_row(city: str, name: str, year: int, co2: dict, controls: dict) -> dict[str, Any]:
    first = TREATED.get(city)
    whole = (city, year) != ("314100", 2014)  # one city-year is not in the sample
    return {
        "city_id": city,
        "city_name": name,
        "province": f"样省{int(city[1:3]) % 3}",
        "province_id": f"{int(city[1:3]) % 3}0000",
        "unit_kind": "prefecture_city",
        "year": year,
        "co2_mt": co2[city, year],
        "lnco2": math.log(co2[city, year]),
        **{v: controls[city, year, v] if whole or v != "gov" else None for v in CONTROLS},
        "gov_flag": "chained" if year >= 2018 else None,
        "first_year_ai_pilot": first,
        "did_ai_pilot": int(first is not None and year >= first),
        "in_sample": whole,
        "drop_reason": None if whole else "gov is missing",
    }


def _cell_rows(city: str, year: int, co2: dict, controls: dict, ids: dict, control_ids: dict) -> list[dict[str, Any]]:
    mt, key = co2[city, year], {"city_id": city, "year": year, "flag": None}
    rows = [
        {
            **key,
            "variable": "co2_mt",
            "value": mt,
            "unit": "Mt",
            "formula": "sum of counties",
            "inputs": [{"variable": "co2_mt", "value": mt, "raw_ids": ids[city, year]}],
        },
        {
            **key,
            "variable": "lnco2",
            "value": math.log(mt),
            "unit": "ln(Mt)",
            "formula": "ln(co2_mt)",
            "inputs": [{"variable": "co2_mt", "value": mt, "raw_ids": []}],
        },
    ]
    for v in CONTROLS:
        if (city, year, v) != ("314100", 2014, "gov"):
            x = controls[city, year, v]
            given = [{"variable": v, "value": x, "raw_ids": [control_ids[city, year, v]]}]
            flag = "chained" if v == "gov" and year >= 2018 else None
            rows.append({**key, "variable": v, "value": x, "unit": "", "formula": v, "inputs": given, "flag": flag})
    return rows


def _write_results(home: Home, synthetic: bool) -> None:
    from citycarbon.econometrics import estimate_columns, read_estimates, write_estimates
    from citycarbon.report.tables import write_tables

    results, study = home.results("ai_pilot"), baseline_study()
    panel = pd.read_parquet(home.marts("ai_pilot") / "city_panel.parquet")
    write_estimates(estimate_columns(panel, study), results / "estimates.csv", results / "estimates.parquet")
    attrition = pd.read_parquet(home.marts("ai_pilot") / "sample_attrition.parquet")
    write_tables(study, panel, read_estimates(results / "estimates.csv"), attrition, results / "tables", synthetic)


def _put(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table if table.schema != RAW_SCHEMA else table.cast(RAW_SCHEMA), path)
