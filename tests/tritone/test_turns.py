"""The order of turns, on a machine that takes one step at a time."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritone.turns import AGING_S, BACKGROUND, INTERACTIVE, PATIENCE_S, QueuedWork, Turns

STEP_S = 0.5


@dataclass(slots=True, kw_only=True, eq=False)
class Work(QueuedWork):
    """Work that needs some steps of the machine."""

    starts_at: float = 0.0
    steps: int = 1
    ended_at: float | None = None

    @property
    def left(self) -> float:
        return self.steps


@dataclass
class Machine:
    """Steps whoever is next, one step at a time, until all work is done."""

    works: list[Work]
    now: float = 0.0
    turns: Turns = field(default_factory=Turns)
    log: list[Work] = field(default_factory=list)  # who was stepped

    def run(self) -> list[Work]:
        coming = sorted(self.works, key=lambda work: work.starts_at)
        here: list[Work] = []
        while coming or here:
            while coming and (coming[0].starts_at <= self.now or not here):
                work = coming.pop(0)
                self.now = max(self.now, work.starts_at)
                self.turns.enter(work, self.now)
                here.append(work)
            self._step(here)
        return sorted(self.works, key=lambda work: work.ended_at or 0.0)

    def _step(self, here: list[Work]) -> None:
        work = self.turns.order(here, self.now)[0]
        work.keeps_turn = True
        self.now += STEP_S
        self.turns.charge(work, STEP_S)
        self.log.append(work)
        work.steps -= 1
        if not work.steps:
            work.ended_at = self.now
            self.turns.leave(work)
            here.remove(work)


WORKS = st.builds(
    Work,
    owner=st.sampled_from(["", "a", "b", "c"]),
    priority=st.sampled_from([INTERACTIVE, BACKGROUND]),
    due_at=st.floats(0.0, 200.0),
    starts_at=st.floats(0.0, 60.0),
    steps=st.integers(1, 8),
)


@given(st.lists(WORKS, max_size=30))
def test_everything_that_came_gets_its_turn(works: list[Work]) -> None:
    assert all(work.ended_at is not None for work in Machine(works).run())


@given(st.lists(WORKS, max_size=30))
def test_nobody_is_remembered_when_all_have_gone(works: list[Work]) -> None:
    machine = Machine(works)
    machine.run()
    assert not machine.turns._used
    assert not machine.turns._n_queued


@given(st.lists(st.builds(Work, owner=st.sampled_from("abc"), starts_at=st.floats(0.0, 9.0))))
def test_what_has_begun_goes_on_while_nothing_more_urgent_comes(works: list[Work]) -> None:
    for work in works:
        work.steps = 3
    machine = Machine(works)
    machine.run()
    thirds = [machine.log[i : i + 3] for i in range(0, len(machine.log), 3)]
    assert all(len({id(work) for work in third}) == 1 for third in thirds)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6))
def test_two_owners_get_equal_shares_within_one_works_steps(
    n_many: int, n_few: int, steps: int
) -> None:
    works = [Work(owner=owner, steps=steps) for owner in ["many"] * n_many + ["few"] * n_few]
    machine = Machine(works)
    machine.run()
    # While both have work, neither is ahead by more than one piece of it.
    both = 2 * steps * min(n_many, n_few)
    for end in range(1, both + 1):
        ahead = sum(1 if work.owner == "many" else -1 for work in machine.log[:end])
        assert abs(ahead) <= steps


def test_an_owner_saves_up_no_turns_by_staying_away() -> None:
    always = [Work(owner="always", starts_at=0.0, steps=4) for _ in range(20)]
    later = [Work(owner="later", starts_at=20.0, steps=4) for _ in range(5)]
    order = [work.owner for work in Machine([*always, *later]).run()]
    first = order.index("later")
    assert order[first : first + 10] == ["later", "always"] * 5


def test_who_waits_for_an_answer_comes_before_jobs_and_interrupts_them() -> None:
    job = Work(priority=BACKGROUND, steps=10)
    request = Work(starts_at=2.0, steps=2)
    assert Machine([job, request]).run() == [request, job]
    assert request.ended_at == pytest.approx(2.0 + 2 * STEP_S)


@given(st.integers(1, 4), st.integers(60, 100), st.integers(1, 9))
def test_what_is_short_does_not_wait_for_what_is_long_of_who_used_more(
    n_many: int, long: int, short: int
) -> None:
    many = [Work(owner="many", steps=long) for _ in range(n_many)]
    few = Work(owner="few", starts_at=2.0, steps=short)
    Machine([*many, few]).run()
    assert few.ended_at is not None
    # Every other step is its own, from the first one that begins after it came.
    assert few.ended_at <= few.starts_at + (2 * short + 2) * STEP_S


@given(st.integers(2, 10), st.integers(40, 100))
def test_of_one_owner_the_short_waits_for_the_long(short: int, long: int) -> None:
    first = Work(owner="one", steps=long)
    second = Work(owner="one", starts_at=2.0, steps=short)
    assert Machine([first, second]).run() == [first, second]


def test_what_gave_way_goes_on_before_what_its_owner_has_not_begun() -> None:
    turns = Turns()
    begun, hasty = Work(owner="a", steps=100, keeps_turn=True), Work(owner="a", due_at=1.0)
    short, job = Work(owner="b", steps=2), Work(owner="b", steps=2, priority=BACKGROUND)
    for work in (begun, hasty, short, job):
        turns.enter(work, 0.0)
    turns.charge(begun, 1.0)
    assert turns.order([hasty, begun, short], 0.0) == [short, begun, hasty]
    assert turns.order([hasty, begun, job], 0.0) == [begun, hasty, job]


def test_what_is_long_gets_its_share_beside_what_is_short() -> None:
    long = Work(owner="long", steps=100)
    short = [Work(owner="short", starts_at=STEP_S * i, steps=2) for i in range(400)]
    machine = Machine([long, *short])
    machine.run()
    assert long.ended_at is not None
    assert sum(work is long for work in machine.log[:200]) >= 95


def test_a_job_starves_no_longer_than_it_ages() -> None:
    job = Work(priority=BACKGROUND, steps=2)
    # More requests than the machine can do, for ever: the job would never come.
    requests = [Work(starts_at=0.25 * i, steps=1) for i in range(400)]
    Machine([job, *requests]).run()
    assert job.ended_at is not None
    assert AGING_S < job.ended_at < 2 * AGING_S + 2 * STEP_S


@given(st.lists(st.floats(10.0, 100.0), min_size=2, max_size=10, unique=True))
def test_what_is_due_first_comes_first(times: list[float]) -> None:
    works = [Work(due_at=due_at) for due_at in times]
    order = Machine(works).run()
    assert [work.due_at for work in order] == sorted(times)


def test_what_is_due_first_starves_nobody_longer_than_our_patience() -> None:
    patient = Work(steps=1)
    urgent = [Work(starts_at=STEP_S * i, due_at=STEP_S * i + 10, steps=1) for i in range(800)]
    Machine([patient, *urgent]).run()
    assert patient.ended_at is not None
    assert PATIENCE_S - 11 < patient.ended_at < PATIENCE_S


def test_equal_work_is_served_as_they_came() -> None:
    works = [Work() for _ in range(5)]
    assert Machine(works).run() == works
