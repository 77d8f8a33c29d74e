import pytest

from citycarbon.errors import UnusableInput, UsageError
from citycarbon.paths import Home
from citycarbon.sources.landing import add
from orchestration.refreshing import MAX_ATTEMPTS, landed_version, next_refresh, released_version, watch


def made(n):
    return lambda version: n


def never(version):
    raise AssertionError("attempts are asked only where a version is new")


def test_nothing_landed_is_nothing_due():
    assert not next_refresh(None, None, never).is_due
    assert not next_refresh(None, "released", never).is_due


def test_same_bytes_are_not_released_again():
    decision = next_refresh("v1", "v1", never)
    assert not decision.is_due
    assert "up to date" in decision.sentence


def test_new_bytes_are_due_and_their_key_holds_the_attempt():
    assert next_refresh("v2", "v1", made(0)).run_key == "v2:1"
    assert next_refresh("v2", None, made(1)).run_key == "v2:2"


def test_a_failed_version_is_tried_a_bounded_number_of_times():
    keys, attempts = [], 0
    while (decision := next_refresh("v2", "v1", made(attempts))).is_due:
        keys.append(decision.run_key)
        attempts += 1
    assert keys == [f"v2:{n}" for n in range(1, MAX_ATTEMPTS + 1)]
    assert decision.is_given_up
    assert "last release stays" in decision.sentence


def test_a_version_once_given_up_is_due_again_when_its_bytes_change():
    assert next_refresh("v3", "v1", lambda version: MAX_ATTEMPTS if version == "v2" else 0).is_due


@pytest.fixture
def landing(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("city,year\n甲市,2019\n", encoding="utf-8")
    add("policy_list", [file], "2024", tmp_path / "landing")
    return tmp_path / "landing"


def test_version_follows_content_not_times_or_half_written_drops(landing):
    before = landed_version(landing, "ai_pilot")
    half = landing / "policy_list" / "2025"
    half.mkdir()
    (half / "list.csv").write_text("city,ye", encoding="utf-8")
    (landing / "policy_list" / "2024" / "list.csv").touch()
    assert landed_version(landing, "ai_pilot") == before
    assert landed_version(landing, "ai_pilot_edgar") != before


def test_version_of_an_empty_landing_is_none(tmp_path):
    assert landed_version(tmp_path, "ai_pilot") is None
    assert released_version(Home(tmp_path), "ai_pilot") is None


def test_a_finished_drop_whose_bytes_changed_is_an_error_and_not_silence(landing):
    (landing / "policy_list" / "2024" / "list.csv").write_text("other", encoding="utf-8")
    with pytest.raises(UnusableInput, match="policy_list"):
        landed_version(landing, "ai_pilot")


def test_watch_goes_on_after_an_error_and_says_it_once(capsys):
    looks = []

    def look():
        looks.append(1)
        raise UsageError("the same fault")

    def sleep(seconds):
        if len(looks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(look, 5, sleep)
    assert capsys.readouterr().err == "the same fault\n"
