"""Which code a measured table stands for: a hash of what the modules do, without comments, docstrings and layout."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

from citycarbon.paths import PROJECT_ROOT


def fingerprint(paths: list[str], root: Path = PROJECT_ROOT) -> str:
    """First 16 hex digits of the SHA-256 over the syntax trees of some modules (paths below ``root``)."""
    digest = hashlib.sha256()
    for name in sorted(paths):
        tree = ast.parse((root / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            _forget_docstring(node)
        digest.update(f"{name}\n{ast.dump(tree)}\n".encode())
    return digest.hexdigest()[:16]


def _forget_docstring(node: ast.AST) -> None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:]
