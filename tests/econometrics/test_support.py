"""A filter that leaves no treated city: refused in a headline table, printed in one of variants."""

from __future__ import annotations

import pytest
from simulated_panels import make_panel, make_study

from citycarbon.econometrics.support import require_treated
from citycarbon.errors import UsageError

NOBODY = [{"variable": "did_ai_pilot", "op": "eq", "value": 0}]


def study(base_study, variants: bool, rule: list):
    made = make_study(base_study, [], filter=rule)
    table = made.tables["table2"].model_copy(update={"variants": variants})
    return made.model_copy(update={"tables": {"table2": table}})


def test_a_headline_filter_without_treated_cities_is_refused_with_its_place(base_study):
    with pytest.raises(
        UsageError, match="did_ai_pilot eq 0' leaves no treated city-year of 'ai_pilot' in column '1'"
    ) as caught:
        require_treated(make_panel(), study(base_study, False, NOBODY))
    assert caught.value.exit_code == 2 and "tables.table2.columns.0.filter" in str(caught.value)


def test_a_variant_may_print_that_it_is_not_estimable(base_study):
    require_treated(make_panel(), study(base_study, True, NOBODY))


def test_a_filter_that_leaves_some_is_let_through(base_study):
    require_treated(make_panel(), study(base_study, False, [{"variable": "year", "op": "ge", "value": 2004}]))
