"""Variables that nobody reads are told from settings."""

from collections.abc import Iterator

import pytest
import typer
from pydantic import BaseModel

import frontend.settings
import ops.settings
from tritone.variables import KNOWN, find_unknown, list_complaints

MISSPELT = "TRITONE_JOBS__MAX_QUEUE"


def list_variables(settings: type[BaseModel], prefix: str = "TRITONE_") -> Iterator[str]:
    for name, field in settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from list_variables(type(field.default), f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"


def test_every_setting_of_every_program_is_known_and_nothing_else() -> None:
    programs = (frontend.settings.Settings, ops.settings.Settings)
    assert {name for each in programs for name in list_variables(each)} == KNOWN


def test_what_is_misspelt_is_named_with_what_is_near() -> None:
    names = ["PATH", "TRITONE_PORT", "tritone_host", "TRITONE_PROT", "TRITONE_KEY", "TRITONE_XQKJ"]
    assert find_unknown(names) == ["TRITONE_PROT", "TRITONE_XQKJ"]
    assert list_complaints(names) == [
        "TRITONE_PROT is no setting; did you mean TRITONE_PORT?",
        "TRITONE_XQKJ is no setting",
    ]


def test_a_misspelt_variable_is_named_at_the_start_and_refused_where_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(MISSPELT, "5")
    told: list[str] = []
    ops.settings.check_variables(ops.settings.load_settings(), told.append)
    frontend.settings.load_settings()
    said = f"{MISSPELT} is no setting; did you mean TRITONE_JOBS__MAX_QUEUED?"
    assert told == [f"tritone: {said}"]
    assert MISSPELT not in ops.settings.copy_environment()

    monkeypatch.setenv("TRITONE_STRICT", "1")
    with pytest.raises(typer.Exit):
        ops.settings.check_variables(ops.settings.load_settings(), told.append)
    with pytest.raises(frontend.settings.InvalidSettings, match=said.replace("?", r"\?")):
        frontend.settings.load_settings()
