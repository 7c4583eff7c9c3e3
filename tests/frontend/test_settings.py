import re
import runpy

import pytest
from pydantic import BaseModel

from frontend.settings import (
    SHIPPED_ALIASES,
    InvalidSettings,
    Settings,
    load_settings,
)
from frontend.settings_page import markdown_list
from tests.conftest import make_settings


def test_every_default_is_within_its_bounds() -> None:
    settings = load_settings()
    assert Settings.model_validate(settings.model_dump()) == settings


def test_nested_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_TRITON__URL", "triton:8001")
    monkeypatch.setenv("TRITONE_PORT", "9000")
    settings = load_settings()
    assert settings.triton.url == "triton:8001"
    assert settings.port == 9000


def test_weights_name_tritons_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_TRITON__URL", "a:8001,b:8001")
    monkeypatch.setenv("TRITONE_TRITON__WEIGHTS", '{"b:8001": 2.5}')
    assert load_settings().triton.weights == {"b:8001": 2.5}


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_DEFAULT_MODEL", "")
    assert load_settings().default_model is None


def test_variables_of_the_stack_do_not_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_TRITON__HTTP_PORT", "8000")
    monkeypatch.setenv("TRITONE_MODEL_REPOSITORY", "somewhere")
    assert load_settings() == make_settings()


def test_aliases_extend_the_shipped_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_ALIASES", '{"mine": "starter", "stable-audio": "large"}')
    aliases = load_settings().aliases
    assert aliases["mine"] == "starter"
    assert aliases["stable-audio"] == "large"
    assert aliases.keys() == SHIPPED_ALIASES.keys() | {"mine"}


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        pytest.param("TRITONE_PORT", "99999", "TRITONE_PORT: ", id="out-of-bounds"),
        pytest.param("TRITONE_TIMEOUT_S", "nan", "TRITONE_TIMEOUT_S: ", id="not-a-number"),
        pytest.param("TRITONE_LOG_LEVEL", "loud", "TRITONE_LOG_LEVEL: ", id="not-a-choice"),
        pytest.param(
            "TRITONE_TRITON__REFRESH_S", "0", "TRITONE_TRITON__REFRESH_S: ", id="inside-a-group"
        ),
        pytest.param("TRITONE_ALIASES", "{x", "TRITONE_ALIASES: not valid JSON", id="json"),
        pytest.param("TRITONE_ALIASES", '{"a": 3}', "TRITONE_ALIASES: 'a': ", id="inside-json"),
        pytest.param(
            "TRITONE_TRITON__WEIGHTS",
            '{"127.0.0.1:8001": 0}',
            "TRITONE_TRITON__WEIGHTS: '127.0.0.1:8001': ",
            id="no-weight",
        ),
        pytest.param(
            "TRITONE_TRITON__WEIGHTS", '{"c:8001": 2}', "TRITONE_TRITON: ", id="weight-of-nobody"
        ),
        pytest.param("TRITONE_TRITON", "[]", "TRITONE_TRITON: ", id="not-a-group"),
    ],
)
def test_a_bad_value_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


def test_the_list_has_an_entry_with_a_description_for_every_variable() -> None:
    entries = re.split(r"^- ", markdown_list(), flags=re.MULTILINE)[1:]
    defaults = [field.default for field in Settings.model_fields.values()]
    groups = [each for each in defaults if isinstance(each, BaseModel)]
    inside = sum(len(type(group).model_fields) for group in groups)
    assert len(groups) == 6
    assert len(entries) == len(defaults) - len(groups) + inside
    assert all(len(entry.partition("): ")[2].strip()) > 10 for entry in entries)
    assert "- `TRITONE_DEFAULT_MODEL` (unset): " in markdown_list()


@pytest.mark.filterwarnings("ignore:'frontend.settings_page' found in sys.modules")
def test_the_module_prints_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("frontend.settings_page", run_name="__main__")
    assert capsys.readouterr().out == markdown_list()


@pytest.mark.parametrize("variable", ["TRITONE_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_the_collector_is_ours_or_the_standards(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://second:4318")
    monkeypatch.setenv(variable, "http://first:4318")
    assert load_settings().otlp_endpoint == "http://first:4318"
    monkeypatch.setenv(variable, "first:4318")
    with pytest.raises(InvalidSettings, match=variable):
        load_settings()
