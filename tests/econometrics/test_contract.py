"""Writing and reading estimates: no digit is lost, texts stay texts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel, make_study

from citycarbon.econometrics import estimate_columns, read_estimates, write_estimates
from citycarbon.econometrics.contract import effects_text, frame, number, parse_effects


def test_a_round_trip_keeps_every_bit_and_type(base_study, tmp_path):
    panel = make_panel()
    panel["edu"] = panel["market"]  # not estimable rows travel too
    got = estimate_columns(panel, make_study(base_study, CONTROLS))
    write_estimates(got, tmp_path / "a" / "estimates.csv", tmp_path / "a" / "estimates.parquet")
    back = read_estimates(tmp_path / "a" / "estimates.csv")
    pd.testing.assert_frame_equal(back, got, check_exact=True)
    parquet = frame(pd.read_parquet(tmp_path / "a" / "estimates.parquet").to_dict("records"))
    pd.testing.assert_frame_equal(parquet, got, check_exact=True)
    assert isinstance(back["column"].iloc[0], str)


def test_the_same_estimates_give_the_same_bytes(base_study, tmp_path):
    got = estimate_columns(make_panel(), make_study(base_study, CONTROLS))
    for name in "ab":
        write_estimates(got, tmp_path / f"{name}.csv", tmp_path / f"{name}.parquet")
    for kind in ("csv", "parquet"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_seventeen_digits_are_enough_for_any_number(value):
    assert float(number(np.float64(value))) == value


def test_a_row_outside_the_contract_is_refused():
    with pytest.raises(ValueError, match="extra"):
        frame([{"extra": 1}])


def test_effect_levels_are_text_that_can_be_parsed():
    levels = {"province": 31, "year": 19}
    assert parse_effects(effects_text(levels)) == levels
