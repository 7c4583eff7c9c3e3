"""Several requests, one run: requests of equal shapes are joined and their answers split again.

Knows no Triton.
"""

from collections.abc import Callable, Sequence

import numpy as np

from backends.tensors import Tensors

Run = Callable[[Tensors], Tensors]


class WrongBatch(RuntimeError):
    """The network's outputs do not have one row for each row of its inputs."""


def run_in_groups(run: Run, feeds: Sequence[Tensors]) -> list[Tensors | Exception]:
    """Return each request's outputs, or the error of the run that it was part of."""
    answers: list[Tensors | Exception] = [{}] * len(feeds)
    for members in _groups(feeds):
        try:
            outputs = _run_together(run, [feeds[i] for i in members])
        except Exception as error:  # ONNX Runtime's errors share no base class
            outputs = [error] * len(members)
        for i, output in zip(members, outputs, strict=True):
            answers[i] = output
    return answers


def _groups(feeds: Sequence[Tensors]) -> list[list[int]]:
    groups: dict[tuple[tuple[str, tuple[int, ...]], ...], list[int]] = {}
    for i, feed in enumerate(feeds):
        key = tuple((name, feed[name].shape[1:]) for name in sorted(feed))
        groups.setdefault(key, []).append(i)
    return list(groups.values())


def _run_together(run: Run, feeds: Sequence[Tensors]) -> list[Tensors | Exception]:
    if len(feeds) == 1:
        return [run(feeds[0])]
    rows = [len(next(iter(feed.values()))) for feed in feeds]
    joined = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
    outputs = run(joined)
    for name, output in outputs.items():
        if output.shape[:1] != (sum(rows),):
            raise WrongBatch(f"output '{name}' has shape {output.shape} for {sum(rows)} rows")
    ends = np.cumsum(rows).tolist()
    slices = [slice(end - count, end) for end, count in zip(ends, rows, strict=True)]
    return [{name: output[part] for name, output in outputs.items()} for part in slices]
