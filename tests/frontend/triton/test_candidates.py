import pytest

from frontend.triton.candidates import Candidate, choose_candidate, is_candidate, read_candidates
from tritone.versions import InvalidLineup, Lineup

TWO = Candidate("starter@2", "2", 0.3)
THREE = Candidate("starter@3", "3", 0.1)


def test_only_candidates_with_a_share_get_requests() -> None:
    lineup = Lineup(previous=1, candidates={3: 0.1, 2: 0.3, 4: 0.0})
    assert read_candidates("starter", lineup.to_json()) == (TWO, THREE)


def test_what_is_no_lineup_is_an_error() -> None:
    with pytest.raises(InvalidLineup):
        read_candidates("starter", "{")


def test_each_gets_its_share() -> None:
    picks = [choose_candidate((TWO, THREE), f"request-{i}") for i in range(4000)]
    assert picks.count(TWO) / len(picks) == pytest.approx(0.3, abs=0.03)
    assert picks.count(THREE) / len(picks) == pytest.approx(0.1, abs=0.02)


def test_a_request_goes_to_one_version_however_often_it_is_asked() -> None:
    assert {choose_candidate((TWO, THREE), "a") for _ in range(10)} == {
        choose_candidate((TWO, THREE), "a")
    }


def test_of_no_candidates_none_is_chosen() -> None:
    assert choose_candidate((), "a") is None


def test_everything_goes_to_a_share_of_one() -> None:
    everything = Candidate("starter@2", "2", 1.0)
    assert all(choose_candidate((everything,), str(i)) is everything for i in range(100))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("starter@2", True), ("starter", False), ("starter@two", False), ("other@2", False)],
)
def test_a_candidate_is_known_by_its_name(name: str, expected: bool) -> None:
    assert is_candidate(name, {"starter", "starter@2", "starter@two", "other@2"}) is expected
