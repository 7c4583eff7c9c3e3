import sys
from types import ModuleType

import numpy as np
import pytest

from tritone.engines import ENGINES, Environment
from tritone.isolated import find_fault, main

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def needing(*modules: str) -> Environment:
    return Environment(modules=modules, generator="x:X", n_bytes=0)


def test_an_environment_that_has_everything_has_no_fault() -> None:
    assert find_fault(needing("json")) is None


def test_what_is_missing_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = find_fault(needing("json", "nonesuch_xqkj"))
    assert fault == "nonesuch_xqkj cannot be imported: No module named 'nonesuch_xqkj'"
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert str(find_fault(needing())).startswith("numpy cannot be imported: ")


def test_a_module_that_fails_in_its_own_way_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> ModuleType:
        raise RuntimeError("a library is too old\nand more")

    monkeypatch.setattr("tritone.isolated.importlib.import_module", fail)
    assert find_fault(needing("any")) == "any cannot be imported: a library is too old"


def test_numpy_2_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "__version__", "2.4.6")
    assert find_fault(needing()) == "numpy is 2.4.6, and with 2 and newer every answer fails"


@pytest.mark.parametrize(
    ("engine", "version", "fault"),
    [
        ("hibari", OURS, "hibari is no engine with an environment of its own"),
        ("parler-tts", "3.8", f"its Python is {OURS}, and Triton's is 3.8"),
    ],
)
def test_the_fault_is_the_last_line(
    capsys: pytest.CaptureFixture[str], engine: str, version: str, fault: str
) -> None:
    assert main([engine, version]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == fault


def test_a_whole_environment_is_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tritone.isolated.find_fault", lambda _: None)
    assert all(main([each.name, OURS]) == 0 for each in ENGINES.values() if each.environment)
    assert capsys.readouterr().out == ""
