"""What a run over the real files found, as plain JSON values: rows by reader, coefficients, list differences, errors caught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.paths import Home
from orchestration.real_inputs import FILES, KnownError

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.checks import CheckResult

COEFFICIENT = (
    "table", "column", "term", "estimate", "std_error", "p_value", "p_ri_t", "p_ri_beta", "conf_low_ri", "conf_high_ri",
    "stars", "n_obs", "n_clusters", "n_treated_units", "n_treated_cells", "fixed_effects", "note",
)  # fmt: skip
LARGEST = 10  # cities named by the size of their influence


def count_rows(home: Home) -> dict[str, dict[str, int]]:
    """Per source and edition: values, places as printed, data years, cells in the quarantine."""
    import duckdb

    out: dict[str, dict[str, int]] = {}
    for real in FILES:
        raw, refused = home.raw / f"{real.source}.parquet", home.raw / "quarantine" / f"{real.source}.parquet"
        with duckdb.connect() as db:
            row = db.execute(
                "select count(*), count(distinct coalesce(place_code, place_label)), count(distinct data_year) "
                "from read_parquet(?) where edition = ?",
                [str(raw), real.edition],
            ).fetchone()
            aside = db.execute(
                "select count(*) from read_parquet(?) where edition = ?", [str(refused), real.edition]
            ).fetchone()
        out[f"{real.source}/{real.edition}"] = dict(zip(("values", "places", "years"), row, strict=True)) | {
            "set_aside": aside[0]
        }
    return out


def study_findings(release: Path) -> dict[str, Any]:
    """Every row of the treatment in every column, what the event study's leads say, and the columns nobody supplies."""
    import pandas as pd

    from citycarbon.report.sentences import TREATMENTS

    table = pd.read_parquet(release / "estimates.parquet")
    rows = table[table["term"].isin(TREATMENTS)]
    absent = rows[rows["note"].str.contains("not supplied")]
    return {
        "did": records(rows[list(COEFFICIENT)]),
        "not_supplied": {f"{r.table}:{r.column}": r.note.partition("not supplied: ")[2] for r in absent.itertuples()},
        "leads": leads(release),
    }


def leads(release: Path) -> dict[str, Any]:
    """The joint test of the leads and the coefficients of the headline event study."""
    import pandas as pd

    path = release / "event_study.csv"
    rows = pd.read_csv(path) if path.is_file() else pd.DataFrame()
    if rows.empty:
        return {}
    rows = rows[rows["is_headline"] & (rows["variant"] == rows["variant"].iloc[0])]
    first = rows.iloc[:1][["pretrend_F", "pretrend_df1", "pretrend_df2", "pretrend_p", "pretrend_p_ri"]]
    points = ["label", "estimate", "std_error", "p_ri_t", "n_treated_units", "n_treated_cells"]
    return records(first)[0] | {"points": records(rows[points])}


def policy_lists(folder: Path) -> dict[str, Any]:
    """Each published list: rows that differ by kind and name, estimates by its dating, kinds and cities by their influence."""
    import pandas as pd

    rows = pd.read_csv(folder / "policy_lists.csv", dtype={"city_id": str}, keep_default_na=False)
    effects = pd.read_csv(folder / "policy_list_effects.csv", dtype={"city_id": str, "column": str})
    out: dict[str, Any] = {}
    for name in dict.fromkeys(effects["list"]):
        mine, own = rows[rows["list"] == name], effects[effects["list"] == name]
        odd = mine[mine["kind"] != "agrees"]
        headline = own[own["column"] == headline_column(own)]
        cities = headline[headline["switch"] == "city"].head(LARGEST)
        out[name] = {
            "label": own["label"].iloc[0],
            "rows": int((mine["list_year"] != "").sum()),
            "agree": int(mine["agrees"].astype(str).str.lower().eq("true").sum()),
            "kinds": odd["kind"].value_counts(sort=False).to_dict(),
            "differences": records(odd[["kind", "city_id", "city_name", "place_label", "note"]]),
            "estimates": records(
                own.loc[
                    own["switch"].isin(["sourced", "list"]),
                    [
                        "column",
                        "switch",
                        "estimate",
                        "std_error",
                        "change",
                        "change_in_se",
                        "n_treated_units",
                        "n_treated_cells",
                    ],
                ]
            ),
            "headline": headline_column(own),
            "by_kind": records(headline.loc[headline["switch"] == "kind", ["kind", "cities", "change"]]),
            "rest": records(headline.loc[headline["switch"] == "rest", ["change"]]),
            "by_city": records(cities[["city_id", "city_name", "kind", "change"]]),
        }
    return out


def headline_column(effects: pd.DataFrame) -> str:
    """The column with city effects and most controls: the last one with city effects in the study's first table."""
    return list(dict.fromkeys(effects.loc[effects["fixed_effects"].str.startswith("city"), "column"]))[-1]


def failed_checks(checks: list[CheckResult]) -> dict[str, Any]:
    """How many rules judged the panel, and those that failed with the number of keys they name."""
    judged = [c for c in checks if c.engine == "great_expectations"]
    failed = [{"id": c.id, "severity": c.severity, "failing": len(c.failing)} for c in judged if not c.passed]
    return {"judged": len(judged), "failed": failed}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON values; missing as null, numbers in full."""
    return json.loads(frame.to_json(orient="records", double_precision=15, force_ascii=False))


def describe(
    error: KnownError, before: list[CheckResult], after: list[CheckResult], home: Home, study: str, lists: Path
) -> dict[str, Any]:
    """Which checks name the error before any correction, and whether they still do after the declared ones."""
    told = {"id": error.id, "what": error.what, "expected": error.caught_by}
    kind, _, detail = error.caught_by.partition(":")
    if kind == "no_row_without_key":
        rows = rows_without_key(home)
        return told | {"caught": rows == 0, "cells": rows}
    if kind == "quarantine":
        cells = set_aside(home, study, detail, error.label)
        return told | {"caught": cells > 0, "cells": cells}
    if kind == "policy_lists":
        return told | listed_as(lists, detail, error)
    named = naming(error, before)
    return told | {
        "caught": any(n.startswith(error.caught_by) for n in named),
        "named_by": named,
        "named_after_corrections": naming(error, after),
    }


def naming(error: KnownError, checks: list[CheckResult]) -> list[str]:
    """Failed checks of the gate that name all keys of the error (or all its places, where it has no year)."""
    out = []
    for check in checks:
        keys = {(place, year) for place, year in check.failing}
        hit = error.keys <= keys if error.keys else set(error.places) <= {place for place, _ in keys}
        if hit and not check.passed and check.engine == "great_expectations":
            out.append(check.id)
    return out


def listed_as(folder: Path, kind: str, error: KnownError) -> dict[str, Any]:
    """Whether one and the same list has all places of the error under this kind of difference."""
    import pandas as pd

    rows = pd.read_csv(folder / "policy_lists.csv", dtype={"city_id": str}, keep_default_na=False)
    rows = rows[rows["kind"] == kind]
    lists = []
    for name, mine in rows.groupby("list", sort=False):
        here = {error.label} <= set(mine["place_label"]) if error.label else set(error.places) <= set(mine["city_id"])
        lists += [str(name)] if here else []
    return {"caught": bool(lists), "lists": lists}


def set_aside(home: Home, study: str, code: str, label: str) -> int:
    """Cells in the readers' and the staging's quarantine under a reason (and of one place, where ``label`` names it)."""
    import duckdb

    files = [str(home.raw / "quarantine" / "*.parquet"), str(home.marts(study) / "stage_quarantine.parquet")]
    with duckdb.connect() as db:
        return db.execute(
            "select count(*) from read_parquet(?, union_by_name = true) where reason_code = ? and (? = '' or place_label = ?)",
            [files, code, label, label],
        ).fetchone()[0]


def rows_without_key(home: Home) -> int:
    """Raw rows of the compiled tables that lack a place or a year: the readers must have passed every empty row by."""
    import duckdb

    with duckdb.connect() as db:
        return db.execute(
            "select count(*) from read_parquet(?) where data_year is null or trim(place_label) = ''",
            [str(home.raw / "compiled_city.parquet")],
        ).fetchone()[0]


def correction_ids(home: Home, study: str) -> list[str]:
    """Declared corrections that were applied."""
    import duckdb

    with duckdb.connect() as db:
        path = str(home.marts(study) / "corrections_applied.parquet")
        sql = "select distinct correction_id from read_parquet(?) where guard_holds order by 1"
        return [r[0] for r in db.execute(sql, [path]).fetchall()]
