"""A design that cannot be used is refused with path and line; one that can keeps table ids as text."""

import pytest

from citycarbon.errors import UsageError
from citycarbon.forensics import default_design_path, load_design
from citycarbon.forensics.design import Design
from citycarbon.forensics.examine import titles
from citycarbon.paths import PROJECT_ROOT, STUDIES

COHORTS = "treatment:\n  cohorts:\n    - {year: 2019, units: 4}\n"
PANEL = "panel: {first_year: 2003, last_year: 2021}\n"


def write(tmp_path, text):
    path = tmp_path / "p.design.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f"{PANEL}pannel: 1\n", 2, "pannel: found the unknown key 'pannel'"),
        (COHORTS + "    - {year: 2021, unit: 5}\n", 4, "found the unknown key 'unit'"),
        ("treatment:\n  cohorts:\n    - {year: 2019}\n", 3, "found no key 'units'"),
        ("treatment:\n  cohorts:\n    - {year: 2019, units: four}\n", 3, "found 'four'; expected"),
        ("standard_errors: {stated: white}\n", 1, "'robust', 'classical', 'cluster' or 'not_stated'"),
        ("panel:\n  first_year: 2003\n  last_year: 1999\n", 3, "found 1999; expected a year not before 2003"),
        ("placebo:\n  of: {table: 2, column: 2}\n  peak_density: about 2\n", 3, "found 'about 2'; expected a number"),
        (COHORTS + "    - {year: 2019, units: 4}\n", 4, "the cohort 2019 a second time"),
        ("claims:\n  - {id: a, where: w, quote: q, rule: {kind: bigger}}\n", 2, "found 'bigger'; expected"),
        ("claims:\n  - id: a\n    where: w\n    quote: q\n    rule: {kind: sign, term: did, sgin: negative}\n", 5, "'sgin'"),
        ("claims:\n  - {id: a, where: w, quote: q, rule: {term: did}}\n", 2, "without the key 'kind'"),
        (f"{PANEL}{PANEL}", 2, "stands twice"),
        ("panel: [\n", 2, "not valid YAML"),
        ("", 1, "found nothing of the kind"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line(tmp_path, text, line, said):
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as error:
        load_design(path)
    assert f"{path}, line {line}" in str(error.value) and said in str(error.value), str(error.value)


def test_a_missing_design_is_refused(tmp_path):
    with pytest.raises(UsageError, match="found no such file; expected a design yaml"):
        load_design(tmp_path / "none.yaml")


def test_ids_are_text_and_every_key_is_optional(tmp_path):
    of = "of: {table: 2, column: 2}"
    design = load_design(write(tmp_path, f"subsamples:\n  - {{table: 4, column: 1, {of}, kind: lag}}\n"))
    assert (design.subsamples[0].table, design.subsamples[0].of.column) == ("4", "2")
    assert load_design(write(tmp_path, "subject: s\n")) == Design(subject="s")


def test_the_default_lies_beside_the_table():
    path = STUDIES / "ai_pilot" / "published.csv"
    assert default_design_path(path).name == "published.design.yaml" and default_design_path(path).is_file()


def keys(model, seen=()):
    """Names of all keys of a model and of those inside it."""
    from typing import get_args

    from pydantic import BaseModel

    out = set()
    for name, field in model.model_fields.items():
        out.add(name)
        inside = [field.annotation]
        while inside:
            kind = inside.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
                out |= keys(kind, (*seen, kind))
            inside += get_args(kind)
    return out


def test_every_key_is_explained():
    text = (PROJECT_ROOT / "docs" / "forensics.md").read_text(encoding="utf-8")
    assert {"quote", "peak_density", "first_year", "kind"} <= keys(Design)
    assert not {k for k in keys(Design) if f"`{k}`" not in text}


def test_every_rule_is_explained():
    text = (PROJECT_ROOT / "docs" / "forensics.md").read_text(encoding="utf-8")
    assert [line[2:5] for line in text.splitlines() if line.startswith("| L")] == list(titles())
