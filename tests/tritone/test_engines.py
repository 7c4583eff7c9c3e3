from importlib import import_module
from pathlib import Path

import pytest

from backends.speech.engine import Engine
from tritone.engines import DEFAULT_ENGINE, ENGINES, EngineFacts

ROOT = Path(__file__).parents[2]
METHODS = [name for name in vars(Engine) if not name.startswith("_")]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=lambda engine: engine.name)
def test_every_engine_has_its_class_and_its_page(engine: EngineFacts) -> None:
    module, name = engine.implementation.split(":")
    made = getattr(import_module(f"backends.speech.{module}"), name)
    assert sorted(METHODS) == ["read", "speak"]
    assert all(callable(getattr(made, method)) for method in METHODS)
    assert (ROOT / "docs" / "voices" / engine.page).is_file()
    assert f"[{engine.page}]({engine.page})" in (ROOT / "docs/voices/README.md").read_text()


def test_the_default_engine_is_one_of_them() -> None:
    assert DEFAULT_ENGINE in ENGINES
