import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from frontend.contracts.kit.body import MalformedRequest, parse_object, validate
from frontend.contracts.kit.fields import Integer, Name, Prompt, RequestModel, StrictBody, Text
from frontend.contracts.table import CONTRACTS

JSON = "application/json"


class Needed(StrictBody):
    """What has no default."""

    prompt: Prompt
    name: Name


class Everything(StrictBody):
    text: Text | None = None
    number: float | None = Field(None, ge=0, le=10)
    integer: Integer | None = Field(None, ge=-5, le=5)
    flag: bool | None = None
    words: list[str] = Field(["rain"])
    inner: Needed | None = None


def faults_of(
    raw: bytes, content_type: str | None = JSON
) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(MalformedRequest) as caught:
        validate(Everything, parse_object(raw, content_type), "body")
    assert caught.value.faults
    return [(fault.location, fault.type) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        pytest.param(b"", "missing", id="empty"),
        pytest.param(b"{", "json_invalid", id="unclosed"),
        pytest.param(b'{"number": 1,}', "json_invalid", id="trailing-comma"),
        pytest.param(b'{"number": 1} {}', "json_invalid", id="two-documents"),
        pytest.param(b"{'number': 1}", "json_invalid", id="single-quotes"),
        pytest.param(b'{"text": "\xff"}', "json_invalid", id="not-utf-8"),
        pytest.param('{"text": "é"}'.encode("utf-16"), "json_invalid", id="utf-16"),
        pytest.param(b'{"number": NaN}', "json_invalid", id="nan"),
        pytest.param(b'{"number": Infinity}', "json_invalid", id="infinity"),
        pytest.param(b'{"number": -Infinity}', "json_invalid", id="minus-infinity"),
        pytest.param(b'{"unknown": NaN}', "json_invalid", id="nan-in-an-unknown-field"),
        pytest.param(b'{"integer": ' + b"9" * 5000 + b"}", "json_invalid", id="5000-digits"),
        pytest.param(b"[" * 100_000, "recursion_loop", id="deep-arrays"),
        pytest.param(b'{"a":' * 100_000, "recursion_loop", id="deep-objects"),
        pytest.param(b"[]", "dict_type", id="array"),
        pytest.param(b'"rain"', "dict_type", id="string"),
        pytest.param(b"null", "dict_type", id="null"),
        pytest.param(b"7", "dict_type", id="number"),
    ],
)
def test_what_is_no_json_object_is_refused_as_a_whole(raw: bytes, kind: str) -> None:
    ((location, found),) = faults_of(raw)
    assert (location[0], found) == ("body", kind)


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"],
)
def test_other_content_types_are_refused(content_type: str | None) -> None:
    assert faults_of(b"{}", content_type) == [(("body",), "content_type")]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x+json",
    ],
)
def test_every_spelling_of_json_is_taken(content_type: str) -> None:
    assert parse_object(b'{"a": 1}', content_type) == {"a": 1}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("number", '"5"', "float_type"),
        ("number", "true", "float_type"),
        ("number", "[]", "float_type"),
        ("number", "1e400", "finite_number"),
        ("number", "-1e400", "finite_number"),
        ("number", "9" * 400, "float_type"),
        ("number", "11", "less_than_equal"),
        ("number", "-0.5", "greater_than_equal"),
        ("integer", "1.5", "int_type"),
        ("integer", "6.0", "less_than_equal"),
        ("integer", "1e300", "less_than_equal"),
        ("integer", '"1"', "int_type"),
        ("integer", "false", "int_type"),
        ("integer", "9" * 30, "less_than_equal"),
        ("flag", "1", "bool_type"),
        ("flag", '"true"', "bool_type"),
        ("text", "5", "string_type"),
        ("text", "{}", "string_type"),
        ("text", r'"\ud800"', "string_unicode"),
        ("text", r'"rain \udfff"', "string_unicode"),
        ("text", r'"\u0000"', "string_unicode"),
        ("words", '["a", null]', "string_type"),
        ("inner", "{}", "missing"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    field: str, value: str, kind: str
) -> None:
    (location, found), *_ = faults_of(f'{{"{field}": {value}}}'.encode())
    assert (location[:2], found) == (("body", field), kind)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ('""', "string_too_short"),
        (r'" \n\t\u2003 "', "string_too_short"),
        (r'"\ud800"', "string_unicode"),
        ("null", "string_type"),
    ],
)
def test_what_has_no_default_must_say_something(prompt: str, kind: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        validate(Needed, parse_object(f'{{"prompt": {prompt}, "name": ""}}'.encode(), JSON), "body")
    prompt_fault, name_fault = caught.value.faults
    assert (prompt_fault.location, prompt_fault.type) == (("body", "prompt"), kind)
    assert (name_fault.location, name_fault.type) == (("body", "name"), "string_too_short")


@pytest.mark.parametrize("value", [None, "", ...])
def test_null_empty_and_absent_are_one_thing_where_there_is_a_default(value: object) -> None:
    content = {} if value is ... else dict.fromkeys(Everything.model_fields, value)
    made = validate(Everything, content, "body")
    assert made == Everything()
    assert made.notes == ()


def test_an_empty_list_is_absent_where_a_list_has_a_default() -> None:
    assert validate(Everything, {"words": []}, "body").words == ["rain"]


@pytest.mark.parametrize("number", ["3", "3.0", "0.3e1"])
def test_a_whole_number_may_be_written_as_any_number(number: str) -> None:
    made = validate(Everything, parse_object(f'{{"integer": {number}}}'.encode(), JSON), "body")
    assert (made.integer, type(made.integer)) == (3, int)


def _all_models(kind: type[RequestModel] = RequestModel) -> Iterator[type[RequestModel]]:
    for child in kind.__subclasses__():
        yield child
        yield from _all_models(child)


def test_no_contract_has_a_number_with_a_rule_of_its_own() -> None:
    assert len(CONTRACTS) > 1  # they are imported
    for model in _all_models():
        for name, field in model.model_fields.items():
            is_integer = "int" in re.findall(r"\w+", str(field.annotation))
            takes_floats = "_make_whole" in f"{field.annotation} {field.metadata}"
            assert not is_integer or takes_floats, f"{model.__name__}.{name} must be an `Integer`"


def test_what_is_skipped_is_named_within_bounds() -> None:
    content: dict[str, object] = {"n": 2, "voice": None, "a\nb": 1, "ü": 1}
    assert validate(Everything, content, "body").notes == (
        "n ignored",
        "2 unknown fields ignored",
    )
    many: dict[str, object] = {f"x{i}": 1 for i in range(1000)}
    assert len("; ".join(validate(Everything, many, "body").notes)) < 200


def test_all_faults_are_told_at_once_and_the_message_names_their_fields() -> None:
    with pytest.raises(MalformedRequest) as caught:
        validate(Everything, {"number": "x", "flag": 3}, "query")
    assert [fault.location for fault in caught.value.faults] == [
        ("query", "number"),
        ("query", "flag"),
    ]
    assert caught.value.field == "number"
    assert "number: " in caught.value.message
    assert "flag: " in caught.value.message


@pytest.mark.parametrize(
    "raw",
    [
        b'{"number": 5, "integer": -5, "flag": false, "text": "\\ud83c\\udf27 r\\u00e9"}',
        b'{"unknown": 1e400, "\\ud800": "\\ud800"}',
        b'{"number": "x", "number": 3}',
        b'\xef\xbb\xbf{"number": 1}',
        '{"text": "дождь по крыше 🌧"}'.encode(),
    ],
    ids=[
        "types",
        "unknown-keys",
        "the-last-of-equal-keys-wins",
        "byte-order-mark",
        "utf-8",
    ],
)
def test_what_is_valid_is_taken(raw: bytes) -> None:
    validate(Everything, parse_object(raw, JSON), "body")


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_parse_or_be_refused(raw: bytes) -> None:
    try:
        assert isinstance(parse_object(raw, JSON), dict)
    except MalformedRequest as error:
        json.dumps(error.message).encode()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(Everything.model_fields)), values))
def test_no_object_does_anything_but_fit_or_be_refused(content: dict[str, object]) -> None:
    try:
        validate(Everything, content, "body")
    except MalformedRequest as error:
        json.dumps(error.message, allow_nan=False).encode()
