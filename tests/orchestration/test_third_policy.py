"""A policy is data: rows in the policy list and a folder in ``studies`` are all that a third one takes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from citycarbon.paths import PROJECT_ROOT, STUDIES

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("dbt")]

POLICY = "green_roofs"  # made up
ADOPTERS = {
    2012: {"130100": "石家庄市", "210200": "大连市", "330200": "宁波市", "420500": "宜昌市", "530100": "昆明市"},
    2016: {"220100": "长春市", "340200": "芜湖市", "360100": "南昌市", "450100": "南宁市"},
}
CODE = ("citycarbon", "expectations", "assets", "orchestration", "dbt_project", "studies")

# What the job does with a study between the raw tables and the estimates, in the copy's own code.
SCRIPT = """
import json, sys
from pathlib import Path
import pandas as pd
from citycarbon.dbt_runner import DATABASE, prepare_scratch, run_dbt, vars_argument
from citycarbon.econometrics import estimate_study
from citycarbon.paths import PROJECT_ROOT, Home
from citycarbon.study import load_study
from expectations.gate import run_gate

home, study = Home(Path(sys.argv[1])), load_study(sys.argv[2])
target = prepare_scratch(home, study.study)
run = run_dbt(["--quiet", "build", *vars_argument(study.dbt_vars(home))], target, target / DATABASE)
if not run.succeeded:
    raise run.failure()
panel = pd.read_parquet(home.marts(study.study) / "city_panel.parquet")
rows = estimate_study(panel, study).estimates
did = rows[rows["term"] == "did"].set_index("column")
print(json.dumps({
    "root": str(PROJECT_ROOT),
    "refused": [c.id for c in run_gate(home, study) if c.refuses],
    "did": {c: [float(did.loc[c, k]) for k in ("estimate", "std_error", "p_ri_t")] for c in did.index},
    "treated": {c: [int(did.loc[c, k]) for k in ("n_treated_units", "n_treated_cells")] for c in did.index},
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project's code and seeds, with the two steps of docs/architecture.md done."""
    root = tmp_path_factory.mktemp("copy")
    for name in CODE:
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    for name in ("pyproject.toml", "requirements.lock", "dagster.yaml"):
        shutil.copyfile(PROJECT_ROOT / name, root / name)
    add_to_the_list(root / "dbt_project" / "seeds" / "policy_adoptions.csv")
    (root / "studies" / POLICY).mkdir()
    (root / "studies" / POLICY / "study.yaml").write_text(study_file(), encoding="utf-8")
    return root


def add_to_the_list(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as handle:
        columns = next(csv.reader(handle))
    with path.open("a", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n", restval="")
        for year, cities in ADOPTERS.items():
            for code, name in cities.items():
                writer.writerow(
                    {
                        "policy": POLICY, "batch": "1", "year": year, "date": f"{year}-06-01", "row_type": "announced",
                        "raw_name": name, "unit_level": "city", "city_zh": name, "adcode": code, "source": "made up",
                        "source_status": "memory", "city_id": code, "is_subcity": "false", "year_announcement": year,
                        "year_first_full": year + 1,
                    }
                )  # fmt: skip


def study_file() -> str:
    data = yaml.safe_load((STUDIES / "ai_pilot" / "study.yaml").read_text(encoding="utf-8"))
    keep = ("outcome", "window", "unit_kinds", "gdp_base_year", "controls", "sample_variables", "fixed_effects", "cluster")
    columns = [c for c in data["tables"]["table2"]["columns"] if c["id"] in ("1", "2")]
    return yaml.safe_dump(
        {
            "study": POLICY,
            "title": "A made-up policy",
            **{key: data[key] for key in keep},
            "treatment": {"policy": POLICY, "year_rule": "announcement", "subcity_rule": "treat"},
            "tables": {"table2": {"kind": "regression", "title": "Baseline", "columns": columns}},
            "placebo": {"seed": 1, "draws": 199, "draws_shown": 10},
        },
        allow_unicode=True,
    )


@pytest.fixture(scope="module")
def found(copy, pipeline, tmp_path_factory):
    home = tmp_path_factory.mktemp("third-home")
    (home / "raw").symlink_to(pipeline.home.raw)
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(home), POLICY],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "home": home}


def test_only_a_seed_and_a_study_differ_from_the_project(copy, found):
    assert found["root"] == str(copy)  # the copy's own code ran
    mine = {p.relative_to(copy) for name in CODE for p in (copy / name).rglob("*") if p.is_file()}
    changed = {
        str(p)
        for p in mine
        if p.suffix in (".py", ".sql", ".csv", ".yaml", ".yml", ".j2")
        and (not (PROJECT_ROOT / p).is_file() or (PROJECT_ROOT / p).read_bytes() != (copy / p).read_bytes())
    }
    assert changed == {"dbt_project/seeds/policy_adoptions.csv", f"studies/{POLICY}/study.yaml"}


def test_the_panel_carries_the_policy_and_the_gate_agrees_with_the_list(found):
    panel = pd.read_parquet(found["home"] / "marts" / POLICY / "city_panel.parquet")
    first = panel.groupby("city_id")[f"first_year_{POLICY}"].first().dropna().astype(int).to_dict()
    assert first == {code: year for year, cities in ADOPTERS.items() for code in cities}
    assert found["refused"] == []


def test_its_estimate_is_that_of_the_same_dates_on_the_panel_of_another_study(found, pipeline):
    from citycarbon.econometrics import estimate_columns
    from citycarbon.study import load_study

    panel = pd.read_parquet(pipeline.home.marts("ai_pilot") / "city_panel.parquet")
    first = panel["city_id"].map({code: float(year) for year, cities in ADOPTERS.items() for code in cities})
    panel = panel.assign(first_year_ai_pilot=first, did_ai_pilot=(panel["year"] >= first).astype(int))
    study = load_study("ai_pilot")
    table = study.regression_tables()["table2"]
    only = table.model_copy(update={"columns": [c for c in table.columns if c.id in ("1", "2")]})
    rows = estimate_columns(panel, study.model_copy(update={"tables": {"table2": only}})).query("term == 'did'")
    for row in rows.itertuples():
        estimate, error, p = found["did"][row.column]
        assert (estimate, error) == pytest.approx((row.estimate, row.std_error), rel=1e-9) and 0 < p <= 1
        assert found["treated"][row.column] == [row.n_treated_units, row.n_treated_cells]
        assert row.n_treated_units >= 8
