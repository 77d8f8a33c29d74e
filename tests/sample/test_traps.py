"""Traps: each changes what it names and nothing else, and those that readers must catch are caught."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from citycarbon.errors import UnusableInput
from citycarbon.paths import Home
from citycarbon.sample import list_traps
from citycarbon.sample.landing import Drop
from citycarbon.sample.traps import Trap
from citycarbon.sample.world import World
from citycarbon.sources.intake import IntakeReport, take_in

TRAPS = list_traps()
SLOW_TO_READ = ("chen_county", "compiled_city", "gov_reports", "edgar_city", "ceads_province", "green_patents", "patents")
NEEDS_PANEL = {"labels_known", "co2_jump_listed"}


def of(exit_code: int) -> list[Trap]:
    return [t for t in TRAPS if t.exit_code == exit_code]


def cases(traps: Iterable[Trap]) -> list[Any]:
    """Traps as parameters; those in large files belong to the slow tests."""
    return [
        pytest.param(t, id=t.name, marks=[pytest.mark.slow] if t.changes[0].startswith(SLOW_TO_READ) else []) for t in traps
    ]


def print_of(drop: Drop) -> str:
    """What a drop would write, as far as a trap can change it."""
    said = [(name, repr(content)) for name, content in sorted(drop.files.items())]
    return hashlib.sha256(repr((said, drop.has_marker, len(drop.after))).encode()).hexdigest()


@pytest.fixture(scope="module")
def prints(clean_drops: dict[str, Drop]) -> dict[str, str]:
    return {key: print_of(drop) for key, drop in clean_drops.items()}


def plant(trap: Trap, clean: dict[str, Drop], world: World) -> dict[str, Drop]:
    """The drops with the trap in copies of those it names."""
    drops = dict(clean)
    for key in trap.changes:
        if key in drops:
            drops[key] = copy.deepcopy(drops[key])
    trap.plant(drops, world)
    return drops


def test_registry_is_what_the_command_prints() -> None:
    names = [t.name for t in TRAPS]
    assert len(names) == len(set(names)) >= 30
    for trap in TRAPS:
        assert re.fullmatch(r"[a-z0-9_]+", trap.name)
        assert trap.exit_code in (0, 2, 3)
        assert "\t" not in trap.summary and "\n" not in trap.summary
        assert trap.check_id.startswith("unusable:") == (trap.exit_code == 2)
    assert len(of(0)) >= 8 and len(of(2)) >= 10 and len(of(3)) >= 12


def test_gate_traps_name_blocking_rules_and_warnings_name_rules() -> None:
    from expectations.rules import DECLARED

    severity = {rule.id: rule.severity for rule in DECLARED}
    for trap in of(3):
        assert severity[trap.check_id] == "blocking", trap.name
    for trap in of(0):
        if ":" not in trap.check_id:
            assert severity[trap.check_id] == "warning", trap.name


@pytest.mark.parametrize("trap", TRAPS, ids=lambda t: t.name)
def test_a_trap_changes_what_it_names_and_nothing_else(
    trap: Trap, clean_drops: dict[str, Drop], prints: dict[str, str], world: World
) -> None:
    drops = plant(trap, clean_drops, world)
    for key in trap.changes:
        assert key not in prints or print_of(drops[key]) != prints[key]
    assert {k for k in drops if drops[k] is not clean_drops.get(k)} == set(trap.changes)


def test_no_trap_touched_the_shared_drops(clean_drops: dict[str, Drop], prints: dict[str, str]) -> None:
    assert {key: print_of(drop) for key, drop in clean_drops.items()} == prints


def take(trap: Trap, clean: dict[str, Drop], world: World, tmp_path: Path) -> IntakeReport:
    """Take in the changed drops of a trap and nothing else."""
    drops = plant(trap, clean, world)
    for key in trap.changes:
        drops[key].write(tmp_path / "landing")
    (source,) = {key.split("/")[0] for key in trap.changes}
    return take_in(source, tmp_path / "landing", Home(tmp_path / "home"))


@pytest.mark.parametrize("trap", cases(of(2)))
def test_unusable_input_is_refused_with_one_clear_message(
    trap: Trap, clean_drops: dict[str, Drop], world: World, tmp_path: Path
) -> None:
    with pytest.raises(UnusableInput) as caught:
        take(trap, clean_drops, world, tmp_path)
    (source,) = {key.split("/")[0] for key in trap.changes}
    assert trap.check_id in (f"unusable:{source}", "unusable:landing")
    message = str(caught.value)
    assert "found" in message and "expected" in message and "\n" not in message
    assert caught.value.path.parent.name == trap.changes[0].split("/")[1]
    assert not (tmp_path / "home" / "raw" / f"{source}.parquet").exists(), "nothing of it was used"


@pytest.mark.parametrize("trap", cases(t for t in of(0) if t.check_id not in NEEDS_PANEL))
def test_a_small_fault_is_noted_and_the_rest_is_read(
    trap: Trap, clean_drops: dict[str, Drop], world: World, tmp_path: Path
) -> None:
    report = take(trap, clean_drops, world, tmp_path)
    kind, what = trap.check_id.split(":")
    if kind == "quarantine":
        codes = pq.read_table(report.quarantine_path)["reason_code"].to_pylist()
        assert what in codes
        assert report.rows > 100
    elif kind == "ignored":
        assert not report.editions and "ignored" in report.notes[0]
    else:
        assert what == "numbers_as_text"
        assert any("stored as text" in w for w in report.warnings)
