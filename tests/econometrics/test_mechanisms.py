"""The mediated share: its algebra, its covariance against an explicit stacked system, its coverage; and controls that move."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from simulated_panels import CONTROLS, make_panel, make_study

from citycarbon.econometrics import estimate_columns, fwl
from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.mechanisms import (
    LABEL,
    MECHANISM_COLUMNS,
    MOVED_COLUMNS,
    controls_moved,
    mechanisms,
    mediated_share,
)
from citycarbon.study.spec import Column, RegressionTable

MEDIATED = ("1", "lnco2"), ("2", "lngreen"), ("3", "er")


def mediated_panel(seed=2, missing_er=12):
    """did moves lngreen by 0.5; lnco2 falls by 0.4 a unit of it and by 0.2 beside: a share of one half."""
    panel = make_panel(seed, effect=-0.2, missing=0.05, noise=0.05, treated=8)
    rng = np.random.default_rng(seed)
    panel["lngreen"] = 1 + 0.5 * panel["did_ai_pilot"] + 0.3 * panel["lnpgdp"] + rng.normal(0, 0.1, len(panel))
    panel["lnco2"] -= 0.4 * panel["lngreen"]
    panel["er"] = rng.normal(0, 1, len(panel))
    panel.loc[panel.index[:missing_er], "er"] = np.nan
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    return panel.assign(first_year_ai_pilot=panel["city_id"].map(first).astype(float))


def mediated_study(base, effects=("city", "year"), only=("1", "2", "3")):
    columns = [
        Column(id=i, label=y, outcome=y, treatment="did", controls=CONTROLS, fixed_effects=effects)
        for i, y in MEDIATED
        if i in only
    ]
    return base.model_copy(
        update={"tables": {"table3": RegressionTable(kind="regression", title="t", columns=columns)}, "controls": CONTROLS}
    )


@pytest.fixture(scope="module")
def found(base_study):
    panel, study = mediated_panel(), mediated_study(base_study)
    return panel, study, mechanisms(panel, study, estimate_columns(panel, study)).set_index("column")


def test_the_planted_share_is_found_and_an_unrelated_mediator_has_none(found):
    _, _, frame = found
    assert list(frame.reset_index().columns.sort_values()) == sorted(MECHANISM_COLUMNS)
    green, er = frame.loc["2"], frame.loc["3"]
    assert green["share_low"] < 0.5 < green["share_high"] and green["share_low"] > 0.2
    assert er["share_low"] < 0 < er["share_high"] and "contains zero" in er["sentence"]
    assert f"95 % interval with t({er['df']})" in er["sentence"]
    assert "does not contain zero" in green["sentence"]
    assert (frame["label"] == LABEL).all() and frame["sentence"].str.contains("no mediation claim").all()


def test_total_less_direct_is_effect_times_slope_on_the_same_rows(found):
    """The algebra of least squares: so the share may be read as either."""
    _, _, frame = found
    np.testing.assert_allclose(
        frame["total"] - frame["direct"], frame["effect"] * frame["mediator_slope"], rtol=1e-9, atol=1e-13
    )
    np.testing.assert_allclose(frame["share"], frame["indirect"] / frame["total"], rtol=1e-9)


def test_n_is_that_of_the_mediator(found):
    panel, _, frame = found
    assert frame.loc["3", "n_obs"] == (panel["in_sample"] & panel["er"].notna()).sum() < frame.loc["2", "n_obs"]


@pytest.mark.parametrize("effects", [("city", "year"), ("province", "year")])
def test_errors_are_those_of_the_estimator_of_record(base_study, effects):
    panel, study = mediated_panel(missing_er=0), mediated_study(base_study, effects, only="2")
    row = mechanisms(panel, study, estimate_columns(panel, study)).set_index("column").loc["2"]
    column = study.column("table3", "2").model_copy(update={"outcome": "lnco2"})
    direct = column.model_copy(update={"controls": [*CONTROLS, "lngreen"]})
    for name, one in (("total", column), ("direct", direct)):
        estimate = fit_column(panel, study, one)[1].estimates[0]
        np.testing.assert_allclose([row[name], row[f"{name}_se"]], [estimate.value, estimate.std_error], rtol=1e-8)


def test_the_covariance_is_that_of_the_stacked_system():
    """Both regressions as one of 2 N rows in blocks, clustered across the blocks; no small-sample factor on either side."""
    rng = np.random.default_rng(5)
    units, years = 15, 6
    clusters, time = np.repeat(np.arange(units), years), np.tile(np.arange(years), units)
    did = ((clusters < 5) & (time >= 4)).astype(float)
    x, mediator = rng.normal(size=(90, 2)), did + rng.normal(size=90)
    y = did - mediator + x[:, 0] + rng.normal(size=90)
    effects, k = fwl.Effects(clusters, time), 9
    share = mediated_share(y, did, mediator, x, effects, clusters, k)
    left = effects.residualise(np.column_stack([y, did, x, mediator]))
    short, whole = left[:, 1:-1], left[:, 1:]
    stacked = np.block([[short, np.zeros_like(whole)], [np.zeros_like(short), whole]])
    outcome, twice = np.tile(left[:, 0], 2), np.tile(clusters, 2)
    b = np.linalg.lstsq(stacked, outcome, rcond=None)[0]
    scores = np.zeros((units, stacked.shape[1]))
    np.add.at(scores, twice, stacked * (outcome - stacked @ b)[:, None])
    bread = np.linalg.inv(stacked.T @ stacked)
    cov = (bread @ scores.T @ scores @ bread)[np.ix_([0, 3, 6], [0, 3, 6])]
    factor = np.sqrt([15 / 14 * 89 / (90 - k), 15 / 14 * 89 / (90 - k - 1), 15 / 14 * 89 / (90 - k - 1)])
    np.testing.assert_allclose(share.cov, cov * np.outer(factor, factor), rtol=1e-8)
    np.testing.assert_allclose([share.total, share.direct, share.slope], b[[0, 3, 6]], rtol=1e-9)
    step = 1e-6  # the delta method's gradient, numerically
    by_total = (1 - b[3] / (b[0] + step) - (1 - b[3] / (b[0] - step))) / (2 * step)
    by_direct = (1 - (b[3] + step) / b[0] - (1 - (b[3] - step) / b[0])) / (2 * step)
    np.testing.assert_allclose(share.share_error, share.error((by_total, by_direct, 0)), rtol=1e-6)


def test_the_interval_covers_about_as_often_as_it_says():
    """9 of 60 treated, AR(1) errors: between 90 and 99 % over 200 panels (docs/methods.md has the large runs)."""
    units, years, treated = 60, 10, 9
    clusters, time = np.repeat(np.arange(units), years), np.tile(np.arange(years), units)
    did = ((clusters < treated) & (time >= 7)).astype(float)
    effects, rng, hits = fwl.Effects(clusters, time), np.random.default_rng(11), 0
    critical = student.ppf(0.975, treated - 1)
    for _ in range(200):
        errors = rng.normal(size=(2, units, years))
        for t in range(1, years):
            errors[:, :, t] = 0.7 * errors[:, :, t - 1] + errors[:, :, t] * np.sqrt(1 - 0.49)
        mediator = 0.4 * did + 0.3 * errors[0].ravel()
        y = -0.3 * did - 0.5 * mediator + 0.2 * errors[1].ravel()
        share = mediated_share(y, did, mediator, np.zeros((600, 0)), effects, clusters, 11)
        hits += abs(share.share - 0.4) <= critical * share.share_error
    assert 180 <= hits <= 198


def test_a_mediator_that_is_a_control_or_absorbed_keeps_its_row(base_study):
    panel, study = mediated_panel(), mediated_study(base_study)
    table = study.regression_tables()["table3"]
    own = table.columns[1].model_copy(update={"controls": [*CONTROLS, "lngreen"]})
    study = study.model_copy(update={"tables": {"table3": table.model_copy(update={"columns": [own, table.columns[2]]})}})
    panel = panel.assign(er=panel["city_id"].astype(float))
    frame = mechanisms(panel, study, estimate_columns(panel, study)).set_index("column")
    assert "is a control" in frame.loc["2", "sentence"] and "absorbed or collinear" in frame.loc["3", "sentence"]
    assert frame["share"].isna().all() and frame["note"].str.startswith("not estimable").all()


def test_one_treated_city_has_a_share_without_an_interval(base_study):
    panel = mediated_panel()
    panel["did_ai_pilot"] *= panel["city_id"] == "110000"
    study = mediated_study(base_study, only="2")
    row = mechanisms(panel, study, estimate_columns(panel, study)).iloc[0]
    assert np.isfinite(row["share"]) and np.isnan(row["share_low"]) and "no interval" in row["note"]


def moved_panel():
    """The policy moves lnpgdp by half a unit and leaves the rest alone."""
    panel = mediated_panel(seed=4)
    return panel.assign(lnpgdp=panel["lnpgdp"] + 0.5 * panel["did_ai_pilot"])


def test_a_control_that_the_policy_moves_is_flagged(base_study):
    panel, study = moved_panel(), mediated_study(base_study)
    frame = controls_moved(panel, study, draws=499).set_index("control")
    assert list(frame.reset_index().columns.sort_values()) == sorted(MOVED_COLUMNS)
    assert frame["flagged"].to_dict() == {"lnpgdp": True, "market": False, "edu": False}
    assert "may take a part of the effect" in frame.loc["lnpgdp", "sentence"]
    for name in CONTROLS[:2]:
        fitted = fit_column(panel, study, study.column("table3", "1").model_copy(update={"outcome": name, "controls": []}))[1]
        estimate = fitted.estimates[0]
        np.testing.assert_allclose(
            frame.loc[name, ["estimate", "std_error"]].astype(float), [estimate.value, estimate.std_error], rtol=1e-8
        )
    again = controls_moved(panel.sample(frac=1, random_state=1), study, draws=499).set_index("control")
    pd.testing.assert_frame_equal(frame, again)


def test_degenerate_panels_give_rows_and_no_crash(base_study, tmp_path):
    panel, study = moved_panel(), mediated_study(base_study)
    frame = controls_moved(panel.assign(did_ai_pilot=0), study, draws=9)
    assert frame["note"].str.contains("0 treated").all() and not frame["flagged"].any()
    flat = controls_moved(panel.assign(market=1.0), study, draws=9).set_index("control")
    assert "does not vary" in flat.loc["market", "note"] and np.isnan(flat.loc["market", "p_ri_t"])
    write_csv(frame, tmp_path / "a.csv")
    for few in (panel.iloc[:0], panel[panel["city_id"] == "110000"]):
        assert controls_moved(few, study, draws=9)["estimate"].isna().all()
        empty = mechanisms(few, study, estimate_columns(few, study))
        assert len(empty) == 2 and empty["share"].isna().all()
        write_csv(empty, tmp_path / "b.csv")
    assert not any("nan" in (tmp_path / f"{n}.csv").read_text() for n in "ab")


def test_studies_without_mechanisms_or_controls_give_no_rows(base_study):
    study = make_study(base_study, []).model_copy(update={"controls": []})
    assert mechanisms(moved_panel(), study, pd.DataFrame()).empty and controls_moved(moved_panel(), study).empty
