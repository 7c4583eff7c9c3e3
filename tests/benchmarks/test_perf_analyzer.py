import json
from pathlib import Path

import pytest

from benchmarks.clips import Clip
from benchmarks.perf_analyzer import read_export, write_inputs

_MS = 1_000_000


def _export(*requests: tuple[int, list[int]]) -> dict[str, object]:
    return {
        "experiments": [
            {
                "requests": [
                    {"timestamp": sent * _MS, "response_timestamps": [r * _MS for r in responses]}
                    for sent, responses in requests
                ]
            }
        ]
    }


def test_latency_ends_with_the_last_response_not_with_the_first() -> None:
    run = read_export(_export((1000, [1100, 1500]), (1200, [1300])))
    assert [answer.latency_s for answer in run.answers] == pytest.approx([0.5, 0.1])
    assert run.wall_s == pytest.approx(0.5)


def test_every_input_of_the_ensemble_is_named(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    write_inputs([Clip("a bell", 3), Clip("rain", 4)], path)
    data = json.loads(path.read_text())["data"]
    config = Path("model_repository/starter/config.pbtxt").read_text()
    inputs = config.partition("output [")[0]
    assert all(f'name: "{name}"' in inputs for name in data[0])
    assert inputs.count("name:") - 1 == len(data[0])  # the first name is the ensemble's
    assert data[1]["prompt"] == {"content": ["rain"], "shape": [1]}
