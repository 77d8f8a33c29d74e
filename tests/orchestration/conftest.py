"""What tests of the command and of the UI's small jobs share."""

import pytest


@pytest.fixture
def lock_in_step(monkeypatch):
    """The doctor finds the lock installed: whether this environment was made from it says nothing of the home under test."""
    from orchestration import doctor

    monkeypatch.setattr(doctor, "_lock_installed", lambda home: doctor.Finding("lock", "not looked at"))
