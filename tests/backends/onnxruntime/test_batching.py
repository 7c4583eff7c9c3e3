import numpy as np
import pytest

from backends.onnxruntime.batching import WrongBatch, run_in_groups
from backends.tensors import Tensors


def double(feed: Tensors) -> Tensors:
    return {"y": feed["x"] * 2}


def test_requests_of_equal_shapes_share_a_run() -> None:
    runs = []

    def run(feed: Tensors) -> Tensors:
        runs.append(feed["x"].shape)
        return double(feed)

    feeds: list[Tensors] = [
        {"x": np.full((1, 3), 1.0)},
        {"x": np.full((2, 5), 2.0)},
        {"x": np.full((2, 3), 3.0)},
    ]
    answers = run_in_groups(run, feeds)
    assert runs == [(3, 3), (2, 5)]
    for feed, answer in zip(feeds, answers, strict=True):
        assert isinstance(answer, dict)
        np.testing.assert_array_equal(answer["y"], feed["x"] * 2)


def test_an_error_reaches_the_requests_of_its_run_only() -> None:
    def run(feed: Tensors) -> Tensors:
        if feed["x"].shape[1] == 5:
            raise RuntimeError("too long")
        return double(feed)

    good, bad = run_in_groups(run, [{"x": np.ones((1, 3))}, {"x": np.ones((1, 5))}])
    assert isinstance(good, dict)
    assert isinstance(bad, RuntimeError)


@pytest.mark.parametrize("rows", [1, 3])
def test_an_output_without_a_row_for_each_input_row_is_an_error(rows: int) -> None:
    feeds: list[Tensors] = [{"x": np.ones((1, 3))}, {"x": np.ones((1, 3))}]
    answers = run_in_groups(lambda _: {"y": np.ones((rows, 2))}, feeds)
    assert all(isinstance(answer, WrongBatch) for answer in answers)
