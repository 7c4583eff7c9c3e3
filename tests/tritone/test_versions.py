import pytest

from tritone.versions import InvalidLineup, Lineup, candidate_name


@pytest.mark.parametrize(
    "lineup",
    [Lineup(), Lineup(previous=1), Lineup(previous=3, candidates={4: 0.05, 5: 0.0})],
)
def test_a_lineup_survives_its_json(lineup: Lineup) -> None:
    assert Lineup.from_json(lineup.to_json()) == lineup


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"previous": null, "candidates": {"2": "much"}}',
        '{"previous": null, "candidates": {"two": 0.1}}',
        '{"previous": null, "candidates": {"2": 1.5}}',
        '{"previous": null, "candidates": {"2": -0.1}}',
        '{"previous": null, "candidates": {"2": 0.6, "3": 0.6}}',
        '{"previous": null, "candidates": {"2": NaN}}',
        '{"previous": "old", "candidates": {}}',
    ],
)
def test_what_is_no_lineup_is_refused(text: str) -> None:
    with pytest.raises(InvalidLineup):
        Lineup.from_json(text)


def test_a_candidate_is_named_after_its_version() -> None:
    assert candidate_name("starter", 12) == "starter@12"
