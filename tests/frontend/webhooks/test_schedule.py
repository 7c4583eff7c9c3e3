import pytest

from frontend.webhooks.model import AttemptOutcome
from frontend.webhooks.schedule import choose_pause_s
from frontend.webhooks.settings import WebhookSettings

SCHEDULE = (5.0, 300.0, 1800.0)


def _answer(status: int | None, retry_after_s: float | None = None) -> AttemptOutcome:
    return AttemptOutcome(
        status_code=status, problem="no", seconds=0.1, retry_after_s=retry_after_s
    )


@pytest.mark.parametrize("status", [None, 302, 400, 404, 500, 503])
def test_pauses_follow_the_schedule_with_jitter_and_then_end(status: int | None) -> None:
    for tries, pause in enumerate(SCHEDULE, start=1):
        found = {choose_pause_s(_answer(status), tries, SCHEDULE) for _ in range(50)}
        assert len(found) > 1
        assert all(each is not None and pause <= each <= 1.2 * pause for each in found)
    assert choose_pause_s(_answer(status), 4, SCHEDULE) is None


def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    assert choose_pause_s(_answer(410), 1, SCHEDULE) is None


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_overloaded_receiver_gets_more_time(status: int) -> None:
    pause = choose_pause_s(_answer(status), 1, SCHEDULE)
    assert pause is not None
    assert pause >= 10.0


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        pytest.param(60.0, 60.0, 72.0, id="later"),
        pytest.param(1.0, 5.0, 6.0, id="never-earlier-than-planned"),
        pytest.param(1e9, 86_400.0, 1.2 * 86_400.0, id="not-for-ever"),
    ],
)
def test_retry_after_is_honoured_within_reason(asked: float, least: float, most: float) -> None:
    pause = choose_pause_s(_answer(503, asked), 1, SCHEDULE)
    assert pause is not None
    assert least <= pause <= most


def test_the_shipped_schedule_tries_ten_times_over_about_three_days() -> None:
    schedule = WebhookSettings.model_validate({}).schedule_s
    assert len(schedule) + 1 == 10
    assert 2 * 86_400 < sum(schedule) < 4 * 86_400
    assert sorted(schedule) == list(schedule)
