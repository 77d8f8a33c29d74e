"""The folders import one way: citycarbon nothing of ours, expectations citycarbon, assets both, orchestration all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "citycarbon": set(),
    "expectations": {"citycarbon"},
    "assets": {"citycarbon", "expectations"},
    "orchestration": {"citycarbon", "expectations", "assets"},
}
# What takes seconds to import stays inside the functions that need it.
HEAVY = {"dagster", "dagster_dbt", "great_expectations", "pyfixest", "linearmodels", "matplotlib"}
HOUSE = {*MAY_IMPORT, "tests", "benchmarks"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path, *, top_level_only: bool = False) -> list[tuple[str, int]]:
    """Top-level package and line of every import of a module; blocks under TYPE_CHECKING do not run and do not count."""
    found = []
    for node in _top_level(tree_of(path)) if top_level_only else _statements(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name.split(".")[0], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.module.split(".")[0], node.lineno))
    return found


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


def _statements(block: ast.AST) -> Iterator[ast.AST]:
    """Every statement below ``block``; imports are statements, and the far more numerous expressions hold none."""
    for field in ("body", "orelse", "handlers", "finalbody", "cases"):
        for node in getattr(block, field, ()):
            yield node
            yield from _statements(node)


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folder_imports_only_what_its_row_allows(folder):
    allowed = {*MAY_IMPORT[folder], folder}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {package}"
        for path in modules(folder)
        for package, line in imports(path)
        if package in HOUSE - allowed
    ]
    assert not wrong


def test_domain_knows_no_framework():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {package}"
        for path in modules("citycarbon")
        for package, line in imports(path)
        if package in {"dagster", "dagster_dbt", "great_expectations", "dbt"}
    ]
    assert not wrong


@pytest.mark.parametrize("folder", ["citycarbon", "expectations", "assets"])
def test_heavy_packages_are_imported_where_they_are_used(folder):
    # assets are Dagster by nature; dbt's adapter of it comes with the manifest.
    heavy = HEAVY - ({"dagster", "dagster_dbt"} if folder == "assets" else set())
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {package} at its top"
        for path in modules(folder)
        for package, line in imports(path, top_level_only=True)
        if package in heavy
    ]
    assert not wrong


def test_command_line_starts_without_frameworks():
    light = [
        "cli.py",
        "pipeline.py",
        "inputs.py",
        "lock.py",
        "console.py",
        "doctor.py",
        "manifest.py",
        "refreshing.py",
        "names.py",
    ]
    wrong = [
        f"orchestration/{name}:{line} imports {package}"
        for name in light
        for package, line in imports(ROOT / "orchestration" / name, top_level_only=True)
        if package in {*HEAVY, "assets", "pandas", "duckdb"}
    ]
    assert not wrong


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_every_module_says_what_belongs_in_it(folder):
    assert modules(folder)
    assert not [str(path.relative_to(ROOT)) for path in modules(folder) if not ast.get_docstring(tree_of(path))]
