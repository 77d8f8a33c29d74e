"""Both readers of YAML give the same data and the same lines, and a fault is told in the same words."""

import pytest
import yaml

from citycarbon import yaml_text
from citycarbon.paths import STUDIES


def lines_of(node: yaml.Node) -> list[tuple[int, str, object]]:
    """Line, tag and text of a node and of all below it, in the order of the file."""
    if isinstance(node, yaml.MappingNode):
        below = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = node.value
    else:
        return [(node.start_mark.line, node.tag, node.value)]
    return [(node.start_mark.line, node.tag, None), *(found for child in below for found in lines_of(child))]


def test_a_study_is_read_alike():
    text = (STUDIES / "low_carbon_edgar" / "study.yaml").read_text(encoding="utf-8")
    assert yaml_text.load(text) == yaml.safe_load(text)
    found = lines_of(yaml_text.compose(text))
    assert len(found) > 100 and found == lines_of(yaml.compose(text, Loader=yaml.SafeLoader))


@pytest.mark.parametrize("text", ["a: b: c", "a: [1", "a: 1\n\tb: 2", "*x"])
def test_a_fault_is_told_alike(text):
    with pytest.raises(yaml.YAMLError) as by_python:
        yaml.safe_load(text)
    with pytest.raises(yaml.YAMLError) as by_us:
        yaml_text.load(text)
    assert str(by_us.value) == str(by_python.value)
