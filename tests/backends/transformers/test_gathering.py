import threading

import pytest

from backends.transformers.gathering import Gatherer


def gather(most: int, items: list[str]) -> list[list[str]]:
    """Return the runs that items get which all come while the first run lasts."""
    runs: list[list[str]] = []
    is_running, may_end = threading.Event(), threading.Event()

    def make(batch: list[str]) -> list[str]:
        runs.append(list(batch))
        is_running.set()
        assert may_end.wait(30)
        return [each.upper() for each in batch]

    shared: Gatherer[str, str] = Gatherer(
        make,  # type: ignore[arg-type]
        most=most,
        may_share=lambda one, other: one[0] == other[0],
    )
    made: dict[str, str] = {}

    def ask(item: str) -> None:
        made[item] = shared(item)

    threads = [threading.Thread(target=ask, args=(item,)) for item in items]
    threads[0].start()
    assert is_running.wait(30)
    for thread in threads[1:]:
        thread.start()
    while len(shared._waiting) < len(items) - 1:
        threading.Event().wait(0.001)
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert made == {item: item.upper() for item in items}
    return runs


def test_those_that_come_during_a_run_share_the_next_one() -> None:
    first, *others = gather(8, ["a1", "a2", "a3", "a4"])
    assert first == ["a1"]
    assert [sorted(each) for each in others] == [["a2", "a3", "a4"]]


def test_only_those_share_a_run_that_may_and_not_too_many() -> None:
    runs = gather(2, ["a1", "a2", "b1", "a3", "b2"])
    assert all(len(each) <= 2 and len({item[0] for item in each}) == 1 for each in runs)
    assert len(runs) == 3


def test_a_failed_run_fails_for_each_of_its_callers_and_the_next_one_works() -> None:
    def make(batch: list[str]) -> list[str]:
        if "bad" in batch:
            raise ValueError("no")
        return batch

    shared: Gatherer[str, str] = Gatherer(make, most=8, may_share=lambda *_: True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no"):
        shared("bad")
    assert shared("good") == "good"
