"""What several tests of the `tritone` command need."""

import pytest

from ops.stack import leftovers


@pytest.fixture
def no_dead_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what dead stacks of this machine left behind: it is none of a unit test's business."""
    monkeypatch.setattr(leftovers, "find_abandoned_prefixes", list)
