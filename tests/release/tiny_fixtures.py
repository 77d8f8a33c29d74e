"""Fixtures over the tiny home, for every folder that looks at a release. Import them in a conftest."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from tiny_home import Tiny, make_home

from citycarbon.paths import Home
from citycarbon.release import identity

CODE = "c" * 64


@cache
def template(synthetic: bool, released: bool, public: bool = False) -> Path:
    """Made once a process; tests get copies."""
    root = Path(tempfile.mkdtemp(prefix="tiny-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    if released:
        shutil.copytree(template(synthetic, False), root, dirs_exist_ok=True)
        at(root).build(public=public)
    else:
        make_home(root, synthetic=synthetic)
    return root


def at(root: Path) -> Tiny:
    return Tiny(Home(root / "home"), root / "landing")


def copy_of(root: Path, target: Path) -> Tiny:
    shutil.copytree(root, target, symlinks=True)
    return at(target)


@pytest.fixture(autouse=True)
def one_code_version(monkeypatch):
    """The same code version all along: a file that is edited while the tests run would otherwise make another release."""
    monkeypatch.setattr(identity, "code_version", lambda root=None: CODE)


@pytest.fixture
def tiny(tmp_path) -> Tiny:
    """A finished run without a release."""
    return copy_of(template(False, False), tmp_path / "tiny")


@pytest.fixture
def released(tmp_path) -> Tiny:
    """A finished run and its release, which ``latest`` points to."""
    return copy_of(template(False, True), tmp_path / "released")


@pytest.fixture
def synthetic(tmp_path) -> Tiny:
    """The same from sources that say they are synthetic."""
    return copy_of(template(True, True), tmp_path / "synthetic")


@pytest.fixture
def public(tmp_path) -> Tiny:
    """The same run with a public bundle."""
    return copy_of(template(False, True, True), tmp_path / "public")


@pytest.fixture
def release(released) -> Path:
    return (released.home.releases / "latest").resolve()
