import pytest

from tritone.placement import runs_in_process


@pytest.mark.parametrize(
    ("value", "has_onnxruntime", "expected"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("true", False, True),
        ("false", True, False),
        (None, True, False),  # a configuration of before
        ("", True, False),  # protobuf's way of saying that there is none
    ],
)
def test_who_loads_the_transformer(
    monkeypatch: pytest.MonkeyPatch, value: str | None, has_onnxruntime: bool, expected: bool
) -> None:
    found = object() if has_onnxruntime else None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert runs_in_process(value) is expected
