"""Which two releases are compared, what the bundle holds of it, and what limits a comparison: said, never a traceback."""

from __future__ import annotations

import json
import shutil
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from altered import OTHER_ID, alter_panel, drop_parts, follow, other, state, write_table
from tiny_fixtures import CODE, copy_of, template

from citycarbon.errors import UsageError
from citycarbon.release import identity
from citycarbon.release import manifest as manifests
from citycarbon.release.bundle import is_whole
from citycarbon.release.diff import compare, compare_named, summary_sentences, to_markdown, write_diff
from citycarbon.release.pointers import latest_release

SEED_2 = {"run_info": {"seed_info": {"n": 2}}}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A home with a release and a second one that another random seed made. Read it; a test that writes makes a copy."""
    tiny = copy_of(template(False, True), tmp_path_factory.mktemp("two") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "code_version", lambda root=None: CODE)
        old = latest_release(tiny.home, "ai_pilot")
        return tiny, old, tiny.build(**SEED_2)


@pytest.fixture
def again(two, tmp_path):
    """The same to write in."""
    tiny = copy_of(two[0].landing.parent, tmp_path / "again")
    return tiny, tiny.home.releases / two[1].name, tiny.home.releases / two[2].name


def read(release, name="diff.json"):
    return json.loads((release / name).read_text(encoding="utf-8"))


# --- the files of a bundle ---------------------------------------------------------------------------------------------------


def test_the_first_release_says_that_there_is_none_before(release):
    body = read(release)
    assert body["old"] is None and body["new"]["id"] == release.name
    assert "no release before" in (release / "diff.md").read_text(encoding="utf-8")
    assert ["first release of study ai_pilot" in s for s in summary_sentences(body)] == [True]
    assert read(release, "manifest.json")["predecessor"] is None


def test_a_new_release_states_its_predecessor_and_what_differs(two):
    _, old, new = two
    manifest = read(new, "manifest.json")
    assert manifest["predecessor"] == old.name
    assert {"diff.json", "diff.md"} <= manifest["files"].keys()
    body = read(new)
    assert (body["old"]["id"], body["new"]["id"]) == (old.name, new.name)
    assert body["seeds"]["random"] == [{"seed": "n", "old": None, "new": 2}]
    assert is_whole(new)


def test_what_the_bundle_says_is_what_anyone_computes_from_the_two_bundles(two):
    _, old, new = two
    body = compare(old, new)
    assert body == read(new)
    assert to_markdown(body) == (new / "diff.md").read_text(encoding="utf-8")
    assert json.dumps(compare(old, new), allow_nan=False) == json.dumps(body, allow_nan=False)


def test_a_whole_release_made_again_keeps_its_difference(again):
    tiny, old, new = again
    kept = (old / "diff.json").read_bytes()
    assert tiny.build() == old  # now after the second one; it was made before any
    assert (old / "diff.json").read_bytes() == kept and is_whole(old)
    assert read(new, "manifest.json")["predecessor"] == old.name


def test_a_damaged_release_made_again_follows_what_it_followed(again):
    tiny, old, new = again
    (new / "panel.parquet").write_bytes(b"broken")
    assert tiny.build(**SEED_2) == new
    assert read(new, "manifest.json")["predecessor"] == old.name
    assert not read(new)["notes"]


def test_a_release_before_that_cannot_be_read_is_said_in_the_new_one(release):
    (release / "manifest.json").write_text("{", encoding="utf-8")
    new = release.with_name("new")
    shutil.copytree(release, new)
    manifests.write_json(new / "manifest.json", {"id": "new", "study": "ai_pilot"})
    body = write_diff(new, release)
    assert body == read(new) and body["old"] is None
    assert "cannot be read" in " ".join(summary_sentences(body)) and "cannot be read" in (new / "diff.md").read_text("utf-8")


# --- public bundles ----------------------------------------------------------------------------------------------------------


def _closed_values(marts):
    panel = pd.read_parquet(marts / "city_panel.parquet")
    values = panel[["co2_mt", "lnco2"]].to_numpy().ravel()
    return {form for v in values for form in (repr(float(v)), f"{v:.6g}", f"{v:.17g}")}


def test_the_difference_of_public_bundles_prints_no_withheld_value(public):
    first = latest_release(public.home, "ai_pilot", public=True)
    marts = public.home.marts("ai_pilot")
    closed = _closed_values(marts)
    for name, value in (("city_panel", "co2_mt"), ("city_panel_cells", "value")):
        table = pq.read_table(marts / f"{name}.parquet")
        at = table.schema.get_field_index(value)
        doubled = pa.array(
            [None if v is None else v * 1.3719 for v in table[value].to_pylist()], table.schema.field(value).type
        )
        pq.write_table(table.set_column(at, table.schema.field(at), doubled), marts / f"{name}.parquet")
    closed |= _closed_values(marts)
    second = public.build(public=True, **SEED_2)
    assert read(second, "manifest.json")["predecessor"] == first.name
    body, text = read(second), (second / "diff.md").read_text(encoding="utf-8")
    assert body["old"]["public"] and body["new"]["public"]
    variables = {v["variable"]: v for v in body["panel"]["variables"]}
    assert variables["co2_mt"]["changed"] == 0 and variables["co2_mt"]["largest"] == []
    _assert_tells_none(closed, body, text)


@pytest.mark.parametrize("public_first", [True, False])
def test_a_public_bundle_beside_a_whole_release_counts_what_is_withheld(public, released, public_first):
    bundle, whole = latest_release(public.home, "ai_pilot", public=True), latest_release(released.home, "ai_pilot")
    body = compare(bundle, whole) if public_first else compare(whole, bundle)
    variables = {v["variable"]: v for v in body["panel"]["variables"]}
    assert [variables["lnco2"][k] for k in ("withheld", "added", "removed", "changed")] == [112, 0, 0, 0]
    assert variables["er"]["same"] == 112
    assert any("public bundle" in n for n in body["notes"])
    _assert_tells_none(_closed_values(public.home.marts("ai_pilot")), body, to_markdown(body))


def test_a_licence_that_closed_between_two_public_bundles_gives_no_value_away(public):
    """What was open before and is withheld now is not printed from the older bundle."""
    first = latest_release(public.home, "ai_pilot", public=True)
    second = other(first)
    before = pd.read_parquet(first / "panel.parquet")["edu"]
    alter_panel(second, lambda f: f.assign(edu=np.nan))
    body = compare(first, second)
    edu = next(v for v in body["panel"]["variables"] if v["variable"] == "edu")
    assert (edu["withheld"], edu["removed"], edu["largest"]) == (112, 0, [])
    _assert_tells_none({repr(float(v)) for v in before}, body, to_markdown(body))


def _assert_tells_none(values, body, text):
    # The extremes of Table 1 are aggregates, but no part of a difference prints them either.
    whole = json.dumps(body, ensure_ascii=False) + text
    assert len(values) > 100
    assert [v for v in values if len(v) > 5 and v in whole] == []


# --- which two ---------------------------------------------------------------------------------------------------------------


def test_releases_are_chosen_as_people_name_them(released, release):
    second = follow(release, "2" * 16, "2024-06-01T00:00:00+00:00")
    third = follow(second, "3" * 16, "2024-07-01T00:00:00+00:00")

    def ids(*names):
        body = compare_named(released.home, *names)
        return body["old"]["id"], body["new"]["id"]

    assert ids() == (second.name, third.name)
    assert ids(release.name) == (release.name, third.name)
    assert ids("latest") == ids("ai_pilot") == (second.name, third.name)  # the latest beside itself says nothing
    assert ids(second.name, release.name) == (second.name, release.name)
    assert ids(None, second.name) == (release.name, second.name)
    assert compare_named(released.home, release.name, release.name)["files"]["changed"] == []


def test_an_unknown_release_is_named_with_those_there_are(released, release):
    for names in (("nosuch",), (release.name, "nosuch"), ("nosuch", release.name)):
        with pytest.raises(UsageError, match=f"'nosuch'.*{release.name}"):
            compare_named(released.home, *names)


def test_the_difference_is_read_from_the_bundle_where_the_one_before_is_gone(again):
    tiny, old, new = again
    shutil.rmtree(old)
    body = compare_named(tiny.home)
    assert body["old"]["id"] == old.name and "not in this home" in body["notes"][0]
    assert "not in this home" in to_markdown(body)
    (new / "diff.json").unlink()
    with pytest.raises(UsageError, match=f"{old.name}, is not in this home"):
        compare_named(tiny.home)


def test_the_order_of_names_against_the_order_of_making_is_said(release):
    new = other(release)
    state(new, created_at="2030-01-01T00:00:00+00:00")
    assert any("was made after" in n for n in compare(new, release)["notes"])
    assert not compare(release, new)["notes"]


# --- what limits a comparison ------------------------------------------------------------------------------------------------


def test_different_studies_are_compared_by_name_and_say_so(release):
    new = other(release)
    state(new, study="another")
    body = compare(release, new)
    assert "different studies (ai_pilot, another)" in body["notes"][0]
    assert not [s for s in summary_sentences(body) if "comes from" in s or "cannot be laid" in s]


def test_an_older_layout_is_compared_as_far_as_it_goes(released, release):
    old = other(release)
    for name in ("checks.json", "seeds/corrections.csv", "panel_cells.parquet"):
        (old / name).unlink()
    drop_parts(old, "packages", "seeds", "predecessor", "files", "row_counts", "identity")
    body = compare(old, release)
    text = to_markdown(body)
    assert "older layout: its manifest states no packages, seeds, identity, row_counts, files" in text
    for name in ("checks.json", "panel_cells.parquet"):
        assert f"has no {name}" in text
    assert body["coefficients"]["headline"]["status"] == "same"
    with pytest.raises(UsageError, match=f"which one came before it.*{release.name}"):
        compare_named(released.home, None, OTHER_ID)


def test_estimates_of_an_older_layout_are_compared_by_the_columns_there_are(release):
    old = other(release)
    rows = pd.read_csv(release / "estimates.csv", dtype=str, keep_default_na=False)
    write_table(old, "estimates.csv", rows[["table", "column", "term", "estimate", "std_error"]].to_csv(index=False))
    head = compare(old, release)["coefficients"]["headline"]
    assert head["difference"] is None and head["status"] == "other_outcome"
    assert head["old"]["estimate"] == head["new"]["estimate"] and head["old"]["n_obs"] is None


GARBLED = b"\xff\xfe broken ["


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (n, GARBLED)
        for n in ("panel.parquet", "panel_cells.parquet", "estimates.csv", "checks.json", "study.yaml", "quarantine.csv")
    ]
    + [("panel.parquet", b""), ("estimates.csv", b""), ("estimates.csv", b"a,b\n1\n"), ("checks.json", b"{}")],
)
def test_a_damaged_file_is_named_and_the_rest_compared(release, name, found):
    new = other(release)
    (new / name).write_bytes(found)
    body = compare(release, new)
    text = to_markdown(body)
    assert f"Damaged: {name} of release {OTHER_ID} is not what the manifest says" in text
    sections = [body[k] for k in ("panel", "cells", "coefficients", "checks", "study", "quarantine")]
    assert sum("not_compared" in s for s in sections if isinstance(s, dict)) <= 1 or name == "panel.parquet"
    assert summary_sentences(body)


def test_files_that_can_be_read_and_make_no_sense_are_said_too(release):
    new = other(release)
    panel = pq.read_table(release / "panel.parquet").to_pandas().assign(year="two thousand")
    pq.write_table(pa.Table.from_pandas(panel, preserve_index=False), new / "panel.parquet")
    checks = {"checks": [{"id": "keys_unique", "engine": "great_expectations", "passed": True, "failing": [370100]}]}
    (new / "checks.json").write_text(json.dumps(checks), encoding="utf-8")
    body = compare(release, new)
    assert "keys that cannot be read" in body["panel"]["not_compared"] and body["checks"]["changed"]
    assert to_markdown(body)


def test_a_missing_file_is_named(release):
    new = other(release)
    (new / "estimates.csv").unlink()
    body = compare(release, new)
    assert any("estimates.csv" in n and "missing" in n for n in body["notes"])
    assert "coefficients could not be compared" in to_markdown(body)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"id": 1, "study": "s"}', '{"id": "x", "study": "s", "inputs": 3}']
    + ['{"id": "x", "study": "s", "inputs": [{"source": "a"}]}', '{"id": "x", "study": "s", "files": {"a": 1}}']
    + ['{"id": "x", "study": "s", "seeds": {"files": 3}}', '{"id": "x", "study": "s", "created_at": 3}'],
)
def test_a_manifest_that_cannot_be_used_is_one_message(released, release, text):
    new = other(release)
    (new / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"{OTHER_ID}/manifest\.json: found .*damaged"):
        compare_named(released.home, release.name, OTHER_ID)


# --- size --------------------------------------------------------------------------------------------------------------------


def test_two_bundles_of_real_size_are_compared_in_two_seconds(release, tmp_path):
    """5,500 city-years x 40 numeric variables, 100,000 cells with formulas, half of the values changed."""
    draw = np.random.default_rng(1)
    cities, years = [f"{110000 + n}" for n in range(290)], range(2003, 2022)
    keys = pd.DataFrame([(c, y) for c in cities for y in years], columns=["city_id", "year"])
    values = pd.DataFrame(draw.normal(10, 1, (len(keys), 40)), columns=[f"v{n}" for n in range(40)])
    cells = pa.table(
        {
            "city_id": np.tile(keys["city_id"], 19)[:100_000],
            "year": np.tile(keys["year"], 19)[:100_000],
            "variable": np.repeat([f"v{n}" for n in range(19)], len(keys))[:100_000],
            "unit": np.full(100_000, "Mt"),
            "formula": np.full(100_000, "a / b"),
        }
    )
    new = other(release)
    for n, bundle in enumerate((release, new)):
        moved = values.where(draw.random(values.shape) < 0.5, values * (1 + 0.01 * n))
        frame = pd.concat([keys, moved], axis=1).assign(in_sample=True, drop_reason="", city_name="样")
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), bundle / "panel.parquet")
        pq.write_table(cells, bundle / "panel_cells.parquet")
        state(bundle)
    began = time.process_time()  # what the comparison costs, not what else the machine does meanwhile
    body = compare(release, new)
    to_markdown(body)
    assert time.process_time() - began < 2
    assert sum(v["changed"] for v in body["panel"]["variables"]) > 100_000
