from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.contracts.shared_paths.sound_dialect import (
    LOCALAI_SOUND_FIELDS,
    Dialect,
    find_dialect,
)

SDK = {"x-fern-sdk-name": "elevenlabs"}
KEY = {"xi-api-key": "k"}
BEARER = {"authorization": "Bearer k"}
LOCAL = {"text": "rain", "model_id": "sound-model"}
OWN = {"text": "rain", "model_id": "eleven_text_to_sound_v2"}
BARE = {"text": "rain"}

E: Dialect = "elevenlabs"
L: Dialect = "localai"


@pytest.mark.parametrize(
    ("headers", "query", "body", "dialect"),
    [
        pytest.param(SDK, (), {**LOCAL, "bpm": 120}, E, id="1-python-sdk-beats-all"),
        pytest.param({"x-fern-sdk-name": "@elevenlabs/elevenlabs-js"}, (), LOCAL, E, id="1-js-sdk"),
        pytest.param({"user-agent": "elevenlabs/v2.18.0"}, (), LOCAL, E, id="1-older-python"),
        pytest.param(
            {"user-agent": "@elevenlabs/elevenlabs-js/2.73"}, (), LOCAL, E, id="1-js-agent"
        ),
        pytest.param({"user-agent": "my elevenlabs/1"}, (), LOCAL, L, id="1-not-in-the-middle"),
        pytest.param(KEY, ("output_format",), {**BARE, "bpm": 120}, L, id="2-beats-key-and-query"),
        pytest.param(KEY, (), {**BARE, "bpm": None}, E, id="2-null-is-absent"),
        pytest.param({}, (), {**BARE, "instrumental": False}, L, id="2-false-is-present"),
        pytest.param(KEY, (), LOCAL, E, id="3-key-beats-model"),
        pytest.param({**KEY, **BEARER}, (), BARE, E, id="3-key-beats-authorization"),
        pytest.param({}, ("output_format",), LOCAL, E, id="4-output-format"),
        pytest.param(BEARER, ("enable_logging",), LOCAL, E, id="4-enable-logging"),
        pytest.param({}, ("foo",), LOCAL, L, id="4-other-query"),
        pytest.param({}, (), LOCAL, L, id="5-local-model"),
        pytest.param({}, (), OWN, E, id="5-vendors-model"),
        pytest.param({}, (), {**BARE, "model_id": ""}, E, id="5-empty-is-absent"),
        pytest.param({}, (), {**BARE, "model_id": 7}, L, id="5-model-of-a-wrong-type"),
        pytest.param({}, (), {**BARE, "model_id": None}, E, id="5-null-is-absent"),
        pytest.param(BEARER, (), BARE, L, id="6-authorization"),
        pytest.param(BEARER, (), OWN, L, id="6-with-the-vendors-model"),
        pytest.param({}, (), BARE, E, id="7-bare"),
        pytest.param({}, (), None, E, id="7-unreadable"),
        pytest.param(BEARER, (), None, L, id="6-unreadable"),
        pytest.param(KEY, (), None, E, id="3-unreadable"),
    ],
)
def test_the_first_rule_that_applies_decides(
    headers: Mapping[str, str],
    query: tuple[str, ...],
    body: dict[str, object] | None,
    dialect: Dialect,
) -> None:
    assert find_dialect(headers, query, body) == dialect


@pytest.mark.parametrize(
    ("headers", "body", "dialect"),
    [
        pytest.param({}, BARE, L, id="bare"),
        pytest.param({}, {**BARE, "model_id": None}, L, id="null-model"),
        pytest.param({}, {**BARE, "model_id": ""}, L, id="empty-model"),
        pytest.param({}, OWN, E, id="a-model-is-named"),
        pytest.param({}, None, E, id="unreadable"),
        pytest.param(KEY, BARE, E, id="key"),
        pytest.param(SDK, BARE, E, id="sdk"),
    ],
)
def test_strictness_changes_the_bare_request_only(
    headers: Mapping[str, str], body: dict[str, object] | None, dialect: Dialect
) -> None:
    assert find_dialect(headers, (), body, strict=True) == dialect


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
bodies = st.none() | st.dictionaries(
    st.sampled_from([*LOCALAI_SOUND_FIELDS, "text", "model_id", "loop", "other"]), scalars
)
headers = st.dictionaries(
    st.sampled_from(["authorization", "xi-api-key", "user-agent", "accept"]), st.text(max_size=8)
)
queries = st.sets(st.sampled_from(["output_format", "enable_logging", "foo"]))


@given(headers, queries, bodies, st.booleans())
def test_an_official_client_is_always_understood(
    headers: dict[str, str], query: set[str], body: dict[str, object] | None, strict: bool
) -> None:
    assert find_dialect(headers | SDK, query, body, strict=strict) == E


@given(headers, queries, bodies, st.booleans())
def test_nulls_never_change_the_dialect(
    headers: dict[str, str], query: set[str], body: dict[str, object] | None, strict: bool
) -> None:
    given_only = body and {name: value for name, value in body.items() if value not in (None, "")}
    assert find_dialect(headers, query, body, strict=strict) == find_dialect(
        headers, query, given_only, strict=strict
    )


@given(headers, queries, bodies)
def test_strictness_only_ever_turns_elevenlabs_into_localai(
    headers: dict[str, str], query: set[str], body: dict[str, object] | None
) -> None:
    lenient, strict = (find_dialect(headers, query, body, strict=each) for each in (False, True))
    assert strict == lenient or (lenient, strict) == (E, L)


@given(headers, queries, bodies, st.sampled_from(sorted(LOCALAI_SOUND_FIELDS)))
def test_a_field_of_localai_decides_unless_an_official_client_sent_it(
    headers: dict[str, str], query: set[str], body: dict[str, object] | None, field: str
) -> None:
    assert find_dialect(headers, query, {**(body or {}), field: "x"}) in (
        {L}
        if not headers.get("user-agent", "").startswith(("elevenlabs/", "@elevenlabs/"))
        else {E}
    )
