"""What the raw tables' checks mean for the panel."""

import pytest

from citycarbon.checks import CheckResult

pytestmark = pytest.mark.usefixtures("manifest")


def test_a_blocking_fault_of_a_raw_table_stops_at_the_panel():
    from assets.panel import raw_verdict

    fault = CheckResult("raw_edgar_city_raw_id_unique", "blocking", False, "2 of 9 rows outside", "each raw id once")
    assert raw_verdict([]).passed
    verdict = raw_verdict([fault])
    assert not verdict.passed and "raw_edgar_city_raw_id_unique" in verdict.metadata["failed"].value


def test_only_checks_of_the_panel_block():
    """A blocking check of a raw table would have to end before staging, and this step comes after it."""
    from assets.panel import PANEL, RAW_SOUND, SPECS

    assert {spec.asset_key for spec in SPECS if spec.blocking} == {PANEL}
    assert RAW_SOUND in {spec.name for spec in SPECS if spec.blocking}
