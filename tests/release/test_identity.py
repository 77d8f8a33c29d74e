"""The id of a release: the same for the same bytes, another for one other byte, whatever the times say."""

import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.errors import UsageError
from citycarbon.release import identity
from citycarbon.release.identity import git_commit, hash_of, identify, release_id
from citycarbon.sources.landing import add

FILES = {
    "citycarbon/a.py": "x = 1\n",
    "assets/b.py": "y = 1\n",
    "dbt_project/models/m.sql": "select 1\n",
    "dbt_project/dbt_project.yml": "name: p\n",
    "dbt_project/seeds/s.csv": "a\n1\n",
    "studies/s/study.yaml": "study: s\n",
    "studies/other/study.yaml": "study: other\n",
    "requirements.lock": "a==1\n",
    "tests/test_a.py": "z = 1\n",
    "README.md": "words\n",
}
COUNT_FOR_THE_ID = sorted(set(FILES) - {"studies/other/study.yaml", "tests/test_a.py", "README.md"})


code_version = identity.code_version  # the real one, before any fixture of this folder stills it


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder and a landing folder with one drop."""
    monkeypatch.setattr(identity, "code_version", code_version)
    for name, text in FILES.items():
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text(text, encoding="utf-8")
    _drop(tmp_path, "1")
    return tmp_path


def _drop(folder, number, **record):
    (folder / "f.csv").write_text(f"city,value\nA,{number}\n", encoding="utf-8")
    shutil.rmtree(folder / "landing", ignore_errors=True)
    add("compiled_city", [folder / "f.csv"], "2020", folder / "landing", **record)


def _id(folder, **more):
    return release_id(folder / "landing", "s", root=folder / "project", **more)


@pytest.mark.parametrize("name", COUNT_FOR_THE_ID)
def test_one_byte_of_a_project_file_makes_another_id(project, name):
    before = _id(project)
    (project / "project" / name).write_text(FILES[name] + "#", encoding="utf-8")
    assert _id(project) != before


@pytest.mark.parametrize("name", sorted(set(FILES) - set(COUNT_FOR_THE_ID)))
def test_documents_tests_and_other_studies_do_not_count(project, name):
    before = _id(project)
    (project / "project" / name).write_text("changed", encoding="utf-8")
    assert _id(project) == before


def test_one_byte_of_a_source_file_or_of_its_record_makes_another_id(project):
    before = _id(project)
    _drop(project, "2")
    assert _id(project) != before
    _drop(project, "1")
    assert _id(project) == before
    _drop(project, "1", licence="another licence")
    assert _id(project) != before


def test_times_and_the_order_of_folders_do_not_count(project):
    before = _id(project)
    for file in project.rglob("*"):
        os.utime(file, (1, 1))
    shutil.copytree(project / "landing", project / "copy")
    shutil.rmtree(project / "landing")
    (project / "copy").rename(project / "landing")
    assert _id(project) == before


def test_a_drop_that_is_not_finished_does_not_count(project):
    before = _id(project)
    shutil.copytree(project / "landing/compiled_city/2020", project / "landing/compiled_city/2021")
    (project / "landing/compiled_city/2021/_SUCCESS").unlink()
    assert _id(project) == before


def test_a_random_seed_a_public_bundle_and_a_shorter_run_make_another_id(project):
    options = [{}, {"seed_info": {"n": 1}}, {"seed_info": {"n": 2}}, {"public": True}, {"left_out": ["extensions"]}]
    assert len({_id(project, **option) for option in options}) == len(options)


def test_an_unknown_study_is_named_with_those_there_are(project):
    with pytest.raises(UsageError, match="'nosuch'.*other, s"):
        identify(project / "landing", "nosuch", root=project / "project")


def test_code_version_and_commit_without_git(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert len(code_version(project / "project")) == 64
    assert git_commit(project / "project") is None


def test_the_id_is_asked_for_without_loading_a_heavy_package():
    code = (
        "import sys, citycarbon.release as r, pathlib; r.release_id(pathlib.Path('nowhere'), 'ai_pilot');"
        "print([m for m in ('dagster', 'great_expectations', 'pandas', 'pyarrow', 'duckdb', 'pyfixest') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(st.dictionaries(st.text('aBß济南 0"\\\n\u0301', max_size=5), st.integers()))
def test_a_hash_does_not_depend_on_the_order_of_keys(body):
    assert hash_of(body) == hash_of(dict(reversed(body.items())))
