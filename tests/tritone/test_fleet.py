import pytest

from tritone.fleet import FleetState, InvalidFleetState, Wanted
from tritone.versions import Lineup


def test_a_state_is_the_same_after_it_was_written() -> None:
    lineup = Lineup(previous=1, candidates={3: 0.25}, plans={2: ("transformer",)})
    state = FleetState().with_model("starter", Wanted(version=2, lineup=lineup))
    state = state.with_model("bells", Wanted(version=1, coming=2))
    assert FleetState.from_json(state.to_json()) == state


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"models": []}',
        '{"models": {"a": {"version": "new", "previous": 1, "candidates": {}, "coming": null}}}',
        '{"models": {"a": {"version": 2, "previous": 1, "candidates": {"3": 4}, "coming": null}}}',
    ],
)
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(InvalidFleetState):
        FleetState.from_json(text)


def test_a_version_that_is_coming_is_allowed_beside_the_one_that_is_wanted() -> None:
    wanted = Wanted(version=2, coming=3)
    assert [wanted.allows(version) for version in (1, 2, 3)] == [False, True, True]
    assert not Wanted(version=2).allows(3)
