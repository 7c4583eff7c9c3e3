"""Every contract × every error. The expected answers lie in `snapshots/`, one file per contract."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from frontend.contracts.elevenlabs.envelope import CannotClone, HistoryItemNotFound, shorten_id
from frontend.contracts.kit.body import Fault, MalformedRequest, UnreadableBody
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.errors import (
    BodyTooLarge,
    NoSuchPath,
    RangeNotSatisfiable,
    Unexpected,
    UnsupportedEncoding,
    WrongMethod,
)
from frontend.contracts.table import CONTRACTS
from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    Forbidden,
    GenerationFailed,
    InvalidRequest,
    JobNotFound,
    MissingKey,
    NothingToSpeak,
    Overloaded,
    RateLimited,
    RequestTooLarge,
    TooManyAtOnce,
    TritoneError,
    Unauthenticated,
    UnknownModel,
    UnknownVoice,
    UnsupportedLanguage,
)
from frontend.jobs.errors import JobConflict
from frontend.speech.dictionaries.store import DictionaryNotFound
from tests.fakes import FakeGateway

SNAPSHOTS = Path(__file__).parent / "snapshots"
ENVELOPES = [contract.envelope for contract in CONTRACTS]
REQUEST_ID = "0123456789abcdef0123456789abcdef"
ERRORS: list[TritoneError] = [
    MalformedRequest(
        [
            Fault(("body", "text"), "Field required", "missing"),
            Fault(("body", "bpm"), "Input should be a valid integer", "int_type"),
        ]
    ),
    UnreadableBody([Fault(("body", 1), "JSON decode error: Expecting value", "json_invalid")]),
    InvalidRequest("The sound is too long.", field="seconds", kind="above_maximum"),
    UnknownModel("xxx"),
    UnknownVoice("xxx", ["heart"]),
    UnsupportedLanguage("it", ["en-US"]),
    NothingToSpeak("There is nothing to speak.", field="text"),
    DictionaryNotFound("There is no such dictionary.", field="pronunciation_dictionary_id"),
    CannotClone("This path clones no voice; `tritone voices engines` says what can."),
    JobConflict("The idempotency key was used for another request.", field="Idempotency-Key"),
    UnsupportedEncoding("Send the body as it is."),
    RangeNotSatisfiable("The file has 9 bytes."),
    RequestTooLarge("The text is too long.", field="text", kind="too_long"),
    BodyTooLarge("The request body is too large."),
    Unauthenticated("The key is wrong."),
    MissingKey("Show a key."),
    Forbidden("The key does not allow this."),
    Overloaded("All slots are taken; try again later.", retry_after_s=1.2),
    RateLimited("This key asks too often.", retry_after_s=0.2),
    TooManyAtOnce("Wait for one to end.", retry_after_s=1.0),
    BackendUnavailable("The model is not available right now; try again later."),
    DeadlineExceeded("The sound was not finished in time."),
    GenerationFailed("The sound could not be made."),
    Unexpected("Something went wrong on our side."),
    JobNotFound("There is no such job."),
    HistoryItemNotFound("There is no such item in the history."),
    NoSuchPath("Resource not found"),
    WrongMethod("Method not allowed"),
]


def _kinds(kind: type[TritoneError] = TritoneError) -> Iterator[type[TritoneError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _kinds(child)


def _rendered(envelope: Envelope, error: TritoneError) -> JSONResponse:
    request = Request({"type": "http", "method": "POST", "path": "/a/path", "headers": []})
    request.state.request_id = REQUEST_ID
    return envelope.render(error, request)


def _snapshot(envelope: Envelope, error: TritoneError) -> dict[str, object]:
    response = _rendered(envelope, error)
    own = {"content-length", "content-type"}
    body = json.loads(bytes(response.body))
    if "timestamp" in body:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
        body["timestamp"] = "now"
    return {
        "status": response.status_code,
        "headers": {name: value for name, value in response.headers.items() if name not in own},
        "body": body,
    }


def test_every_error_is_in_the_snapshots() -> None:
    assert {type(error) for error in ERRORS} == set(_kinds())


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda envelope: envelope.name)
def test_errors_look_as_the_contract_says(envelope: Envelope) -> None:
    expected = json.loads((SNAPSHOTS / f"{envelope.name}.json").read_text("utf-8"))
    assert {type(error).__name__: _snapshot(envelope, error) for error in ERRORS} == expected


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda envelope: envelope.name)
def test_errors_are_what_the_documentation_shows(envelope: Envelope) -> None:
    for error in ERRORS:
        response = _rendered(envelope, error)
        model = envelope.get_model(response.status_code)
        body = json.loads(bytes(response.body))
        assert model.model_validate(body, strict=True, extra="forbid").model_dump() == body


@pytest.mark.parametrize(
    ("path", "body", "statuses"),
    [
        ("/elevenlabs/v1/sound-generation", {"text": "rain"}, (429, 503, 504, 500)),
        (
            "/localai/v1/sound-generation",
            {"text": "rain", "model_id": "starter"},
            (503, 503, 504, 500),
        ),
        ("/v1/audio/generate", {"input": "rain"}, (503, 503, 504, 400)),
    ],
    ids=["elevenlabs", "localai", "vllm-omni"],
)
async def test_errors_of_the_gateway_arrive_in_the_contracts_envelope(
    path: str,
    body: dict[str, str],
    statuses: tuple[int, ...],
    client: httpx2.AsyncClient,
    gateway: FakeGateway,
) -> None:
    errors = (
        Overloaded("Busy.", retry_after_s=2.5),
        BackendUnavailable("Away."),
        DeadlineExceeded("Late."),
        GenerationFailed("Failed."),
    )
    for error, status in zip(errors, statuses, strict=True):
        gateway.error = error
        response = await client.post(path, json=body)
        assert response.status_code == status
        assert error.message in response.text
        assert ("retry-after" in response.headers) == (status in {429, 503})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/sound-generation", {"text": "rain"}),
        ("/localai/v1/sound-generation", {"text": "rain", "model_id": "starter"}),
        ("/v1/audio/generate", {"input": "rain"}),
    ],
)
async def test_what_nobody_foresaw_is_a_500_that_leaks_nothing(
    path: str, body: dict[str, str], client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    gateway.error = RuntimeError("/secret/path")
    response = await client.post(path, json=body)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "Something went wrong on our side." in response.text


@pytest.mark.parametrize(
    "request_id", ["", "a", "a:b-c", REQUEST_ID, "0" * 128, "8f9a3433-e289-4a78-8e0b-42a75575f26a"]
)
def test_a_short_id_has_twenty_alphanumerics_and_starts_as_the_long_one(request_id: str) -> None:
    own = shorten_id(request_id)
    assert len(own) == 20
    assert own.isalnum()
    assert own == shorten_id(request_id)
    plain = request_id.replace("-", "").replace(":", "")
    assert own.startswith(plain[:20])
