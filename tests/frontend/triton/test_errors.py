import grpc
import pytest
from structlog.testing import capture_logs
from tritonclient.utils import InferenceServerException

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GenerationFailed,
    Overloaded,
    TritoneError,
)
from frontend.triton.errors import raise_domain_errors
from frontend.triton.gateway import SoundPass, collect
from frontend.triton.single import SingleTriton
from tests.fake_triton import (
    FakeTriton,
    error_answer,
)
from tests.frontend.triton.servers import (
    CALL,
    aborting,
    answering,
)

PREFIX = "in ensemble 'starter', [request id: r] "
TEXTS = [
    ("denoiser queue is full", Overloaded),
    ("Exceeds maximum queue size", Overloaded),
    ("Request timeout expired", DeadlineExceeded),
    ("deadline exceeded at step 3/20", DeadlineExceeded),
    ("Server is stopping, scheduler for model has stopped accepting requests", BackendUnavailable),
    ("denoiser is stopping", BackendUnavailable),
    ("Server not ready", BackendUnavailable),
    ("Request for unknown model: 'starter' has no available versions", BackendUnavailable),
    ("Request for unknown model: 'starter' is not found", BackendUnavailable),
    ("Stub process 'starter_denoiser_0_0' is not healthy.", BackendUnavailable),
    ("cancelled at step 3/20", GenerationFailed),
    ("Internal error from Core", BackendUnavailable),
    ("speech queue is full", Overloaded),
    ("speech is stopping", BackendUnavailable),
    ("deadline exceeded at sentence 1/3", DeadlineExceeded),
    ("cancelled at sentence 1/3", GenerationFailed),
    ("the latents are not finite", GenerationFailed),
    ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : secret path", GenerationFailed),
]


@pytest.mark.parametrize("prefix", ["", PREFIX], ids=["plain", "ensemble"])
@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[text[:24] for text, _ in TEXTS])
async def test_an_error_in_the_stream_is_known_by_its_text(
    *,
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    prefix: str,
    text: str,
    expected: type[TritoneError],
) -> None:
    triton.respond = answering(error_answer(prefix + text))
    with capture_logs() as logs, pytest.raises(TritoneError) as caught:
        await collect(gateway.stream(pass_, CALL))
    assert type(caught.value) is expected
    assert text not in caught.value.message
    assert logs[0]["detail"] == prefix + text


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, "Socket closed", BackendUnavailable),
        (grpc.StatusCode.UNAVAILABLE, "whatever", BackendUnavailable),
        (grpc.StatusCode.UNAVAILABLE, PREFIX + "Exceeds maximum queue size", Overloaded),
        (grpc.StatusCode.UNAVAILABLE, "Request timeout expired", DeadlineExceeded),
        (grpc.StatusCode.INTERNAL, "Internal error from Core", BackendUnavailable),
        (grpc.StatusCode.UNKNOWN, "UNAVAILABLE:GOAWAY received", BackendUnavailable),
        (grpc.StatusCode.NOT_FOUND, "no such thing", BackendUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", DeadlineExceeded),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "message too large", GenerationFailed),
        (grpc.StatusCode.INVALID_ARGUMENT, "unexpected shape", GenerationFailed),
        (grpc.StatusCode.INTERNAL, "Traceback ...", GenerationFailed),
        (grpc.StatusCode.UNKNOWN, "", GenerationFailed),
        (grpc.StatusCode.CANCELLED, "CANCELLED", GenerationFailed),
    ],
)
async def test_an_error_of_the_connection_is_known_by_text_or_status(
    *,
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    code: grpc.StatusCode,
    text: str,
    expected: type[TritoneError],
) -> None:
    triton.abort = aborting(code, text)
    with pytest.raises(TritoneError) as caught:
        await collect(gateway.stream(pass_, CALL))
    assert type(caught.value) is expected


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_has_a_meaning(code: grpc.StatusCode) -> None:
    with pytest.raises(TritoneError), raise_domain_errors():
        raise InferenceServerException("text", status=str(code))


def test_what_is_not_tritons_passes() -> None:
    with pytest.raises(LookupError), raise_domain_errors():
        raise LookupError
