"""The specification curve: point and clustered error of every reading that the study leaves open, on the simulated panel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measure import Figure, Group, Settings, interleaved
from benchmarks.simulated import OUTCOME, SEED, UNIT, YEAR, Shape, first_years, panel
from citycarbon.econometrics.curve_choices import POPULATION, Pilot
from citycarbon.econometrics.curve_points import curve_points
from citycarbon.study import load_study
from citycarbon.study.extensions import SERIES_COLUMN

if TYPE_CHECKING:
    import pandas as pd

STUDY = "ai_pilot"
PER = 1000  # the figure is of so many specifications


def measure(settings: Settings) -> list[Figure]:
    """All readings of the study at once, as a run does it; the figure is the time of a thousand of those that are estimable."""
    study, mart = load_study(STUDY), curve_panel(settings.shape)
    adopters = pilots(settings.shape)
    frame = curve_points(mart, study, adopters=adopters)
    repeat = settings.repeat
    seconds = interleaved({"curve": lambda: curve_points(mart, study, adopters=adopters)}, repeat)["curve"]
    estimable = int(frame["std_error"].notna().sum())
    note = f"{len(frame):,} specifications, {estimable:,} of them estimable, in {seconds:.1f} s; the value is per thousand"
    return [Figure("curve_1000_seconds", seconds * PER / estimable, "s", n=repeat, note=note)]


def curve_panel(shape: Shape) -> pd.DataFrame:
    """The simulated panel in the mart's columns: its rows are the sample, the other city-years lack what that asks for."""
    study = load_study(STUDY)
    complete = replace(shape, rows=shape.cities * (shape.last - shape.first + 1))
    rows, kept = panel(complete), panel(shape)
    present = set(zip(kept[UNIT], kept[YEAR], strict=True))
    rng = np.random.default_rng(SEED)
    cities = rows[UNIT].to_numpy()
    in_sample = np.array([key in present for key in zip(rows[UNIT], rows[YEAR], strict=True)])
    names = dict(zip(study.controls, complete.control_names, strict=False))
    missing = [name for name in study.controls if name not in {n for n, x in names.items() if x in rows}]
    mart = rows.assign(
        city_id=[city_code(c) for c in cities],
        province_id=[f"{110000 + 10000 * (c % 30)}" for c in cities],
        unit_kind=np.where(cities < 4, "municipality", "prefecture_city"),
        in_sample=in_sample,
        drop_step=np.where(in_sample, 0, 3),
        **{f"did_{STUDY}": rows["did"], POPULATION: 1e6 * np.exp(rng.normal(1, 0.3, len(rows)))},
        **{column: _series(rng, rows[OUTCOME].to_numpy()) for column in SERIES_COLUMN.values()},
        **{n: np.where(in_sample | (rng.random(len(rows)) < 0.5), rows[x], np.nan) for n, x in names.items() if x in rows},
        **{name: rng.normal(size=len(rows)) for name in missing},
    )
    return mart.sample(frac=1, random_state=SEED).reset_index(drop=True)


def _series(rng: np.random.Generator, logs: np.ndarray) -> np.ndarray:
    """An emission series in Mt with errors and gaps of its own, so that each has a sample of its own."""
    values = np.exp(logs + rng.normal(0, 0.05, len(logs)))
    return np.where(rng.random(len(logs)) < 0.03, np.nan, values)


def pilots(shape: Shape) -> dict[str, Pilot]:
    """The treated cities as a policy list would date them; every third one by a zone that is a part of the city."""
    out = {}
    for i, (city, year) in enumerate(sorted(first_years(panel(shape)).items())):
        dates = {"announcement": year, "first_full_year": year + 1}
        out[city_code(city)] = Pilot(dates, {} if i % 3 == 2 else dates)
    return out


def city_code(city: int) -> str:
    """A city's number as an identifier of six digits."""
    return f"{100000 + int(city)}"


GROUPS = (Group(("curve_1000_seconds",), measure),)
