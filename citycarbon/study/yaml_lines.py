"""Reading YAML so that every value keeps its line: messages about a study file name the line, not only the key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from citycarbon import yaml_text
from citycarbon.errors import UsageError


class Document:
    """The parsed content of one YAML file and the line (counted from 1) of every key and item."""

    def __init__(self, path: Path, node: yaml.Node, data: Any) -> None:
        self.path, self.data, self._root = path, data, node

    def line(self, where: Sequence[str | int]) -> int:
        """Line of the deepest existing element on the way ``where``; elements that are not in the file are passed over."""
        node, line = self._root, self._root.start_mark.line
        for step in where:
            found = _child(node, step)
            if found is not None:
                node, line = found
        return line + 1


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item.start_mark.line
    return None


def _refuse_repeated_keys(node: yaml.Node, path: Path, above: tuple[int, ...] = ()) -> None:
    """PyYAML keeps the last of two equal keys and says nothing; here that is an error."""
    if id(node) in above:
        raise UsageError(f"{path}, line {node.start_mark.line + 1}: an anchor contains itself")
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item, path, above)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in seen:
            raise UsageError(f"{path}, line {line}: the key '{key.value}' stands twice (first on line {seen[key.value]})")
        seen[key.value] = line
        _refuse_repeated_keys(value, path, above)


def read_yaml(path: Path) -> Document:
    """Parse ``path``. Raises UsageError naming path and line for bad syntax, bad encoding, an empty file or a repeated key."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from error
    try:
        node = yaml_text.compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise UsageError(f"{path}, line {line}: not valid YAML ({getattr(error, 'problem', None) or error})") from error
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{path}, line 1: a study file is a list of 'key: value' lines, found nothing of the kind")
    _refuse_repeated_keys(node, path)
    return Document(path, node, yaml_text.load(text))
