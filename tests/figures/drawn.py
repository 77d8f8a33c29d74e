"""Small inputs for the figures, and how to read a drawn svg. No tests here."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd

from citycarbon.econometrics.event_study import EVENT_COLUMNS

SVG = "{http://www.w3.org/2000/svg}"


def city_panel() -> pd.DataFrame:
    """Twelve real city codes in two years; two pilots; one city without a value, one whose code has no centroid."""
    cities = [
        "110000",
        "120000",
        "130100",
        "130200",
        "310000",
        "320100",
        "330100",
        "370100",
        "440100",
        "440300",
        "510100",
        "999999",
    ]
    first = {"310000": 2019.0, "320100": 2022.0}
    rows = [
        {
            "city_id": c,
            "city_name": f"c{c}",
            "year": y,
            "co2_mt": 5.0 * (i + 1) + (y - 2019),
            "first_year_ai_pilot": first.get(c),
        }
        for i, c in enumerate(cities)
        for y in (2019, 2020)
    ]
    panel = pd.DataFrame(rows)
    panel.loc[panel["city_id"] == "130200", "co2_mt"] = np.nan
    panel["did_ai_pilot"] = (panel["year"] >= panel["first_year_ai_pilot"]).astype(int)
    return panel


def event_frame() -> pd.DataFrame:
    """An event study with round numbers: two variants and one without late adopters; nobody is observed at t+2."""
    rows = []
    cities = {-2: "2019:4; 2021:5", -1: "2019:4; 2021:5", 0: "2019:4; 2021:5", 1: "2019:4", 2: ""}
    for variant, change in (("binned", 0.0), ("shortcut", -0.125), ("without_2022", 0.03125)):
        for e, value in {-2: 0.0625, -1: 0.0, 0: -0.25, 1: -0.5, 2: np.nan}.items():
            known = e != -1 and np.isfinite(value)
            label = {0: "t"}.get(e, f"t{e:+d}")
            ends = {-2: " and before", 2: " and after"} if variant != "shortcut" else {}
            n = 9 if e < 1 else 4 if e == 1 else 0
            row = dict.fromkeys(EVENT_COLUMNS, None) | {
                "study": "ai_pilot", "variant": variant, "is_headline": variant == "binned", "event_time": e,
                "label": label + ends.get(e, ""), "is_bin": e in ends, "is_base": e == -1,
                "estimate": value + change if known else value, "std_error": 0.125 if known else np.nan, "df": 99,
                "conf_low": value + change - 0.25 if known else np.nan,
                "conf_high": value + change + 0.25 if known else np.nan, "n_treated_units": n, "n_treated_cells": n,
                "cohorts": cities[e], "outcome": "lnco2", "outcome_unit": "Mt", "transform": "ln", "n_obs": 1900,
                "n_units": 100, "n_clusters": 100, "n_ever_treated": 9, "fixed_effects": "city (100 levels) + year (19 levels)",
                "controls": "lnpgdp, market", "pretrend_F": 0.25, "pretrend_df1": 1, "pretrend_df2": 99, "pretrend_p": 0.618,
                "pretrend_p_ri": 0.75, "slope_power_50": 0.04,
                "slope_power_80": 0.06, "pretrend_note": "", "ri_draws": 999, "ri_undefined": 12, "ri_seed": 1,
                "static_estimate": -0.3, "mean_pre": 0.05, "hull_low": -0.55, "hull_high": -0.3, "static_in_hull": True,
                "singletons_dropped": 0, "sample": "", "note": "" if known else "not estimable: nobody" if e == 2 else "base",
            }  # fmt: skip
            rows.append(row)
    return pd.DataFrame(rows)


def placebo() -> tuple[np.ndarray, np.ndarray, float, dict[str, object]]:
    """400 draws, two undefined, p of the first 50, an estimate that three draws reach, and their summary."""
    beta = np.random.default_rng(1).normal(0, 0.1, 400)
    beta[:3], beta[7], beta[300] = [0.9, -0.8, 0.7], np.nan, np.nan
    p = np.linspace(0.01, 1, 50)
    p[7] = np.nan
    summary = {
        "table": "table2", "column": "2", "scheme": "cohorts", "draws": 400, "undefined": 2, "sd": 0.125, "q025": -0.2,
        "q975": 0.2, "p_ri_beta": 4 / 399, "p_ri_t": 8 / 399, "seed": 7, "note": "",
    }  # fmt: skip
    return beta, p, -0.6, summary


def svg_of(paths: list[Path]) -> ET.Element:
    """The parsed svg among the written files."""
    return ET.fromstring(paths[0].read_text(encoding="utf-8"))
