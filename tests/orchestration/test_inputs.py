from types import SimpleNamespace

import pytest

from citycarbon.errors import CityCarbonError, UnusableInput, UsageError
from citycarbon.paths import Home
from citycarbon.sources.landing import add
from orchestration import inputs
from orchestration.inputs import choose_landing, landing_to_show, note_landing


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("city,year\n甲市,2019\n", encoding="utf-8")
    return file


@pytest.fixture
def made(monkeypatch):
    """Seeds of the samples that were made; none is really written."""
    seeds = []

    def make_sample(home, seed, meanwhile):
        seeds.append(seed)
        return home.root / "sample" / f"seed-{seed}"

    monkeypatch.setattr(inputs, "make_sample", make_sample)
    return seeds


def test_without_a_landing_the_sample_is_made_and_is_synthetic(home, made):
    chosen = choose_landing(home, seed=7)
    assert made == [7] and chosen.is_synthetic and chosen.path.name == "seed-7"


def test_own_landing_is_read_and_the_sample_only_on_demand(home, file, made):
    add("policy_list", [file], "2024", home.landing)
    chosen = choose_landing(home)
    assert chosen.path == home.landing and not chosen.is_synthetic and made == []
    assert choose_landing(home, sample=True).is_synthetic and made == [1]


def test_a_record_that_says_synthetic_makes_the_run_synthetic(home, file):
    add("policy_list", [file], "2024", home.landing, synthetic=True)
    assert choose_landing(home).is_synthetic


def test_given_folder_without_a_complete_drop_is_refused_and_names_what_it_holds(home, file, made):
    half = home.root / "given" / "policy_list" / "2024"
    half.mkdir(parents=True)
    with pytest.raises(UsageError, match="policy_list/2024: no _SUCCESS marker"):
        choose_landing(home, home.root / "given")
    with pytest.raises(UsageError, match="exclude each other"):
        choose_landing(home, home.root / "given", sample=True)
    assert made == []


def test_a_broken_drop_stops_the_choice(home, file):
    drop = add("policy_list", [file], "2024", home.landing)
    (drop / "list.csv").write_text("changed", encoding="utf-8")
    with pytest.raises(UnusableInput, match="bytes were changed"):
        choose_landing(home)


def test_sample_is_written_once_and_again_when_its_code_changes(home, monkeypatch):
    written = []

    def write_apart(folder, seed, meanwhile):
        assert not any(folder.iterdir())
        written.append(seed)
        (folder / "truth.json").write_text("{}")

    monkeypatch.setattr(inputs, "write_apart", write_apart)
    inputs.make_sample(home, 3)
    inputs.make_sample(home, 3)
    assert written == [3]
    monkeypatch.setattr(inputs, "_sample_code", lambda: "another version")
    inputs.make_sample(home, 3)
    assert written == [3, 3]


def test_a_sample_that_cannot_be_written_is_told_and_leaves_no_stamp(home, monkeypatch):
    monkeypatch.setattr(inputs, "sys", SimpleNamespace(executable="/bin/false"))
    done = []
    with pytest.raises(CityCarbonError, match="could not be written"):
        inputs.make_sample(home, 3, lambda: done.append(1))
    assert done == [1] and not (home.root / "sample" / "seed-3" / ".made-by").exists()


# --- which folder 'sources' looks at ----------------------------------------------------------------------------------------


def test_sources_look_at_the_folder_of_the_last_run_where_the_home_holds_no_drop(tmp_path, monkeypatch):
    monkeypatch.delenv("CITYCARBON_LANDING", raising=False)
    home, elsewhere = Home(tmp_path / "home"), tmp_path / "elsewhere"
    home.root.mkdir()
    assert landing_to_show(home) == (home.landing, "")
    elsewhere.mkdir()
    note_landing(home, elsewhere)
    assert landing_to_show(home) == (elsewhere, f"the last run or check read it; {home.landing} holds no drop")
    assert landing_to_show(home, tmp_path) == (tmp_path, "")
    monkeypatch.setenv("CITYCARBON_LANDING", str(tmp_path / "set"))
    assert landing_to_show(home) == (tmp_path / "set", "")
    monkeypatch.delenv("CITYCARBON_LANDING")
    (home.landing / "policy_list" / "2024").mkdir(parents=True)  # unfinished, and yet what a person wants to see
    assert landing_to_show(home) == (home.landing, "")


def test_a_folder_of_the_last_run_that_is_gone_is_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.delenv("CITYCARBON_LANDING", raising=False)
    home = Home(tmp_path / "home")
    home.root.mkdir()
    note_landing(home, tmp_path / "gone")
    assert landing_to_show(home) == (home.landing, "")


def test_the_same_folder_again_is_not_written_again(tmp_path):
    home = Home(tmp_path)
    note_landing(home, tmp_path / "a")
    (written,) = [p for p in tmp_path.iterdir() if p.is_file()]
    before = written.stat().st_mtime_ns
    note_landing(home, tmp_path / "a")
    assert written.stat().st_mtime_ns == before
