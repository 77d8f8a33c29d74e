"""Our own release in the format of a printed paper, so that the same rules judge it: exact digits, design from the study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.errors import UsageError
from citycarbon.forensics.design import Design
from citycarbon.forensics.design_file import load_design
from citycarbon.forensics.examine import examine
from citycarbon.forensics.findings import COLUMNS
from citycarbon.forensics.own_design import own_design
from citycarbon.forensics.read import (
    DESCRIPTIVE_COLUMNS,
    OPTIONAL_DESCRIPTIVES,
    OPTIONAL_PUBLISHED,
    PUBLISHED_COLUMNS,
    read_descriptives,
    read_published,
)

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.econometrics.sample import Sample
    from citycarbon.study.spec import Study


def own_tables(folder: Path, study: Study, panel: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame, Design]:
    """Published-format frame, descriptives-format frame and design of one run of ``study``: input of ``examine``.

    ``folder``: a release, or the results of a run; it holds ``estimates.csv``, and ``placebo.csv`` where placebos were drawn.
    ``panel``: the mart ``city_panel``; by default the release's ``panel.parquet``, else the mart of the home that the results
    lie in. Numbers keep 17 significant digits. Each regression column has the descriptives of its own rows (``sample`` =
    ``table:column``), and the variables of the descriptive table those of all rows. Raises UsageError where a file is missing.
    """
    import pandas as pd

    from citycarbon.econometrics.contract import read_estimates

    path = folder / "estimates.csv"
    if not path.is_file():
        raise UsageError(f"{path}: found no such file; expected the estimates of a run. Name a release or a results folder.")
    estimates = read_estimates(path)
    estimates = estimates[estimates["n_obs"].fillna(0) > 0]
    if panel is None:
        panel = pd.read_parquet(_panel_path(folder, study))
    samples = _samples(panel, study, estimates)
    published = pd.DataFrame(
        [_row(r) for r in estimates.to_dict("records")], columns=[*PUBLISHED_COLUMNS, *OPTIONAL_PUBLISHED], dtype=object
    )
    return published, _descriptives(panel, study, samples), own_design(folder, panel, study, estimates, samples)


def examine_own(panel: pd.DataFrame, study: Study, folder: Path) -> pd.DataFrame:
    """The rules on our own tables (``forensics_own.csv``): ``panel`` the mart, ``folder`` the run's results or a release."""
    published, descriptives, design = own_tables(folder, study, panel)
    return examine(published, descriptives, design)


def examine_study(study: Study) -> pd.DataFrame:
    """The rules on the printed tables of the study's paper (``forensics.csv``); no rows for a study without a paper.

    Raises UsageError naming file and line where one of the study's files cannot be used.
    """
    import pandas as pd

    if study.published is None:
        return pd.DataFrame(columns=list(COLUMNS), dtype=object)
    files = {name: study.companion(getattr(study.published, name)) for name in ("coefficients", "descriptives", "design")}
    published, descriptives = read_published(files["coefficients"]), read_descriptives(files["descriptives"])
    return examine(published, descriptives, load_design(files["design"]))


def _panel_path(folder: Path, study: Study) -> Path:
    """``panel.parquet`` of a release, or ``<home>/marts/<study>/city_panel.parquet`` beside ``<home>/results/<study>``."""
    places = (folder / "panel.parquet", folder.resolve().parents[1] / "marts" / study.study / "city_panel.parquet")
    found = next((p for p in places if p.is_file()), None)
    if found is None:
        raise UsageError(f"{folder}: found no panel ({' or '.join(map(str, places))}); expected one. Run the study first.")
    return found


def _samples(panel: pd.DataFrame, study: Study, estimates: pd.DataFrame) -> dict[tuple[str, str], Sample]:
    """The estimation rows of every column by the study; a doubly robust column uses a part of them that only its fit knows."""
    from citycarbon.econometrics.sample import estimation_sample

    tables, samples = study.regression_tables(), {}
    for table, number in estimates[["table", "column"]].drop_duplicates().itertuples(index=False):
        column = next((c for c in tables[table].columns if c.id == number), None) if table in tables else None
        if column is not None and column.estimator == "twfe":
            samples[table, number] = estimation_sample(panel, study, column)
    return samples


# --- coefficients -----------------------------------------------------------------------------------------------------------


def _row(row: dict[str, Any]) -> dict[str, str]:
    """One row of ``estimates.csv`` as a printed one. Stars follow ``star_rule``: t with its df, or the p-value of the rule."""
    from citycarbon.econometrics.columns import NO_RULE, no_star_reason
    from citycarbon.econometrics.contract import number, parse_effects

    effects = [name.capitalize() for name in parse_effects(row["fixed_effects"])]
    effects = sorted(effects, key=lambda name: name != "Year")
    rule = NO_RULE if no_star_reason(row["note"]) else row["star_rule"]
    return {
        "table": row["table"],
        "column_no": row["column"],
        "column_label": "",
        "outcome": row["outcome"],
        "term": row["term"],
        "estimate": number(row["estimate"]),
        "std_error": number(row["std_error"]) if number(row["estimate"]) else "",
        "stars": row["stars"],
        "N": number(row["n_obs"]),
        "adj_r2": number(row["r2_adj"]),
        "fe_label_1": effects[0] if effects else "",
        "fe_label_2": effects[1] if len(effects) > 1 else "",
        "df": number(row["df"]) if rule == "t" else "",
        "p_value": number(row[f"p_{rule}"]) if f"p_{rule}" in row else "",
        "star_rule": rule,
    }


# --- descriptives -----------------------------------------------------------------------------------------------------------


def _descriptives(panel: pd.DataFrame, study: Study, samples: dict[tuple[str, str], Sample]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        _statistics("", name, panel[study.panel_column(name)], None)
        for table in study.tables.values()
        if table.kind == "descriptives"
        for name in table.variables
    ]
    for (table, number), sample in samples.items():
        column = study.column(table, number)
        weights = sample.rows[sample.weights] if sample.weights else None
        rows += [
            _statistics(f"{table}:{number}", name, sample.rows[name], weights)
            for name in dict.fromkeys([column.outcome, *column.terms])
        ]
    kept = [r for r in rows if r is not None]
    return pd.DataFrame(kept, columns=[*DESCRIPTIVE_COLUMNS, *OPTIONAL_DESCRIPTIVES], dtype=object)


def _statistics(sample: str, name: str, values: pd.Series, weights: pd.Series | None) -> dict[str, str] | None:
    """sd (n - 1), n, mean, min, max of the finite values, weighted as the regression is. None without two values."""
    import numpy as np

    from citycarbon.econometrics.contract import number

    x = values.astype("float64").to_numpy()
    finite = np.isfinite(x)
    w = weights.to_numpy(dtype=float)[finite] if weights is not None else np.ones(int(finite.sum()))
    x = x[finite]
    if len(x) < 2:
        return None
    mean = float(np.average(x, weights=w))
    sd = float(np.sqrt(np.average((x - mean) ** 2, weights=w) * len(x) / (len(x) - 1)))
    return {
        "variable": name,
        "sd": number(sd),
        "n": str(len(x)),
        "mean": number(mean),
        "min": number(float(x.min())),
        "max": number(float(x.max())),
        "sample": sample,
        "weighted": "" if weights is None else "yes",
    }
