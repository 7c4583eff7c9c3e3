"""/docs shows the bodies, the formats and the errors that are really there."""

from typing import Any

import pytest
from fastapi import FastAPI

from frontend.contracts.elevenlabs.envelope import ENVELOPE as ELEVENLABS
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.localai.envelope import ENVELOPE as LOCALAI
from frontend.contracts.serving import include_contracts
from frontend.contracts.vllm_omni.envelope import ENVELOPE as VLLM_OMNI

Operation = dict[str, Any]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    app = FastAPI()
    include_contracts(app)
    return app.openapi()


def _operation(schema: dict[str, Any], path: str) -> Operation:
    operation: Operation = schema["paths"][path]["post"]
    return operation


def _body(operation: Operation) -> dict[str, Any]:
    body: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return body


@pytest.mark.parametrize(
    ("path", "required", "some"),
    [
        ("/v1/audio/generate", ["input"], {"audio_length", "seed", "response_format"}),
        ("/elevenlabs/v1/sound-generation", ["text"], {"prompt_influence", "loop", "lyrics"}),
        ("/localai/v1/sound-generation", ["model_id"], {"caption", "response_format", "text"}),
    ],
)
def test_bodies_are_shown(
    path: str, required: list[str], some: set[str], schema: dict[str, Any]
) -> None:
    body = _body(_operation(schema, path))
    assert body["required"] == required
    assert some <= set(body["properties"])


def test_the_shared_path_shows_both_bodies(schema: dict[str, Any]) -> None:
    shared = _body(_operation(schema, "/v1/sound-generation"))
    assert shared["anyOf"] == [
        _body(_operation(schema, f"/{name}/v1/sound-generation"))
        for name in ("elevenlabs", "localai")
    ]


@pytest.mark.parametrize(
    ("path", "envelope"),
    [
        ("/v1/audio/generate", VLLM_OMNI),
        ("/elevenlabs/v1/sound-generation", ELEVENLABS),
        ("/localai/v1/sound-generation", LOCALAI),
    ],
)
def test_errors_are_shown_with_their_models(
    path: str, envelope: Envelope, schema: dict[str, Any]
) -> None:
    responses = _operation(schema, path)["responses"]
    assert set(responses) == {"200"} | {str(row.status) for row in envelope.table.values()}
    for status, response in responses.items():
        if status == "200":
            continue
        model = "FaultList" if status == "422" else envelope.model.__name__
        shown = response["content"]["application/json"]["schema"]
        assert shown == {"$ref": f"#/components/schemas/{model}"}
        assert response["description"]


def test_the_shared_path_shows_the_errors_of_both(schema: dict[str, Any]) -> None:
    responses = _operation(schema, "/v1/sound-generation")["responses"]
    both = {str(row.status) for each in (ELEVENLABS, LOCALAI) for row in each.table.values()}
    assert set(responses) == {"200"} | both
    shown = responses["400"]["content"]["application/json"]["schema"]["anyOf"]
    assert {each["$ref"].rsplit("/", 1)[1] for each in shown} == {"ElevenLabsError", "ErrorObject"}


def test_formats_and_headers_are_shown(schema: dict[str, Any]) -> None:
    answer = _operation(schema, "/v1/audio/generate")["responses"]["200"]
    assert set(answer["content"]) == {
        *("audio/wav", "audio/mpeg", "audio/flac", "audio/pcm", "audio/aac", "audio/opus"),
    }
    assert "x-tritone-seed" in answer["headers"]


def test_the_output_format_is_shown_with_every_value(schema: dict[str, Any]) -> None:
    parameters = _operation(schema, "/elevenlabs/v1/sound-generation")["parameters"]
    (output_format,) = (each for each in parameters if each["name"] == "output_format")
    assert len(output_format["schema"]["enum"]) == 28
    assert output_format["schema"]["default"] == "mp3_44100_128"


def test_no_phantom_validation_error_is_shown(schema: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in schema["components"]["schemas"]
