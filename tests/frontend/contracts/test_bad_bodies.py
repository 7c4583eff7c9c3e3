"""No bytes make a contract answer 500, or in another's words; and the server goes on."""

import gzip
import json

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes import FakeGateway

JSON = {"content-type": "application/json"}
CONTRACTS = {
    "elevenlabs": ("/elevenlabs/v1/sound-generation", "text", 422),
    "localai": ("/localai/v1/sound-generation", "text", 400),
    "vllm-omni": ("/v1/audio/generate", "input", 422),
}
MODEL = '"model_id": "starter", '

BODIES = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="unclosed"),
    pytest.param(b"\x00\x01", id="binary"),
    pytest.param(b"[]", id="array"),
    pytest.param(b"null", id="null"),
    pytest.param(b'"TEXT"', id="string"),
    pytest.param(b"{}", id="no-fields"),
    pytest.param(b'{MODEL"TEXT": "\xff\xfe"}', id="not-utf-8"),
    pytest.param(b'{MODEL"TEXT": "\\ud800"}', id="surrogate"),
    pytest.param(b'{MODEL"TEXT": "rain\\u0000"}', id="nul"),
    pytest.param(b'{MODEL"TEXT": ""}', id="empty-prompt"),
    pytest.param(b'{MODEL"TEXT": "\\t \\n"}', id="blank-prompt"),
    pytest.param(b'{MODEL"TEXT": 123}', id="prompt-of-a-wrong-type"),
    pytest.param(b'{MODEL"TEXT": null}', id="null-prompt"),
    pytest.param(b'{MODEL"TEXT": "rain", "x": NaN}', id="nan"),
    pytest.param(b'{MODEL"TEXT": "rain", "x": -Infinity}', id="infinity"),
    pytest.param(b'{MODEL"TEXT": "rain", "x": ' + b"1" * 5000 + b"}", id="5000-digits"),
    pytest.param(b"[" * 100_000, id="deep-arrays"),
    pytest.param(b'{"TEXT":' * 100_000, id="deep-objects"),
]


def _body(raw: bytes, field: str) -> bytes:
    return raw.replace(b"MODEL", MODEL.encode()).replace(b"TEXT", field.encode())


async def _is_refused(contract: str, raw: bytes, client: httpx2.AsyncClient) -> None:
    path, field, status = CONTRACTS[contract]
    response = await client.post(path, content=_body(raw, field), headers=JSON)
    assert response.status_code == status
    assert list(response.json()) == ["detail" if status == 422 else "error"]


@pytest.mark.parametrize("raw", BODIES)
async def test_a_hostile_body_is_refused_and_the_server_goes_on(
    raw: bytes, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    await _is_refused("vllm-omni", raw, client)
    assert gateway.passes == []
    assert (await client.post("/v1/audio/generate", json={"input": "rain"})).status_code == 200


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_hostile_body_gets_the_contracts_own_refusal(
    contract: str, client: httpx2.AsyncClient
) -> None:
    for raw in (b"", b"{", b"[]", b"{}", b'{MODEL"TEXT": "\\ud800"}', b'{MODEL"TEXT": " "}'):
        await _is_refused(contract, raw, client)


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_another_content_type_gets_the_contracts_own_refusal(
    contract: str, client: httpx2.AsyncClient
) -> None:
    path, field, status = CONTRACTS[contract]
    body = _body(b'{MODEL"TEXT": "rain"}', field)
    response = await client.post(path, content=body, headers={"content-type": "text/plain"})
    assert response.status_code == status
    assert "Content-Type should be application/json" in response.text


@pytest.mark.parametrize(
    "path", ["/v1/sound-generation", *(path for path, *_ in CONTRACTS.values())]
)
async def test_a_compressed_body_is_a_415_that_names_the_header(
    path: str, client: httpx2.AsyncClient
) -> None:
    body = gzip.compress(json.dumps({"text": "rain", "input": "rain"}).encode())
    response = await client.post(path, content=body, headers=JSON | {"content-encoding": "gzip"})
    assert response.status_code == 415
    assert "Content-Encoding" in response.text


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_numbers_over_a_doubles_range_are_refused_without_an_echo(
    contract: str, client: httpx2.AsyncClient
) -> None:
    path, field, status = CONTRACTS[contract]
    number = "audio_length" if contract == "vllm-omni" else "duration_seconds"
    for value in ("1e400", "-1e400", "9" * 400):
        body = f'{{{MODEL}"{field}": "rain", "{number}": {value}}}'
        response = await client.post(path, content=body, headers=JSON)
        assert response.status_code == status
        assert number in response.text
        assert "999" not in response.text


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_prompt_is_taken_up_to_the_limit(contract: str, client: httpx2.AsyncClient) -> None:
    path, field, _ = CONTRACTS[contract]
    body = {"model_id": "starter", field: "🌧" * 2500}
    assert (await client.post(path, json=body)).status_code == 200
    body[field] += "!"
    assert (await client.post(path, json=body)).status_code in {400, 422}


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_repeated_and_unknown_keys_are_no_error(
    contract: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    path, field, _ = CONTRACTS[contract]
    body = f'{{{MODEL}"{field}": 7, "{field}": "rain", "voice": {{"a": [1e400, "\\ud800"]}}}}'
    response = await client.post(path, content=body, headers=JSON)
    assert response.status_code == 200
    assert gateway.passes[0].prompt == "rain"


ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.just("\ud800"),
    st.just([]),
    st.just({"a": 1}),
)
FIELDS = [
    *("text", "input", "model_id", "model", "loop", "duration_seconds", "prompt_influence", "bpm"),
    *("lyrics", "caption", "response_format", "output_format", "speed", "stream_format"),
    *("audio_length", "audio_start", "negative_prompt", "guidance_scale", "num_inference_steps"),
    *("seed", "keyscale", "timesignature", "think", "instrumental", "language"),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    body=st.dictionaries(st.sampled_from(FIELDS), ODD_VALUES),
    contract=st.sampled_from([*CONTRACTS]),
)
async def test_no_object_makes_a_500(
    body: dict[str, object], contract: str, client: httpx2.AsyncClient
) -> None:
    raw = json.dumps(body).encode()  # Python writes NaN and lone surrogates without a blink
    response = await client.post(CONTRACTS[contract][0], content=raw, headers=JSON)
    assert response.status_code in {200, 400, 404, 422}
