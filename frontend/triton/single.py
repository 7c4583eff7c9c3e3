"""The gateway to one Triton."""

import asyncio
import time
import uuid
from dataclasses import dataclass, replace
from functools import partial

import grpc
import structlog
from tritonclient.utils import InferenceServerException

from frontend.errors import BackendUnavailable, GenerationFailed, TritoneError
from frontend.settings import TritonSettings
from frontend.triton.background import BackgroundTasks
from frontend.triton.candidates import Candidate, choose_candidate
from frontend.triton.catalog import ServedModels
from frontend.triton.connection import Connection
from frontend.triton.control import Control
from frontend.triton.errors import raise_domain_errors
from frontend.triton.foreign_passes import PATIENCE_S, ForeignPasses
from frontend.triton.gateway import (
    Catalog,
    Chunk,
    Chunks,
    FailedPass,
    Pass,
    PassOptions,
    Progress,
    SpeechPass,
)
from frontend.triton.grants import Grants
from frontend.triton.pass_tensors import make_infer_request, read_chunk
from frontend.triton.second_try import stream_or_retry
from frontend.triton.stream import AnswerReader
from frontend.triton.watchdog import Watchdog

log = structlog.get_logger(__name__)

_CANCEL_TIMEOUT_S = 60.0  # until a cancelled pass counts as ended, whatever it still does


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One request to Triton for a pass."""

    name: str  # Triton's: the pass' model, or a candidate
    pass_: Pass
    options: PassOptions
    failures: tuple[FailedPass, ...] = ()  # candidates that failed before it


class SingleTriton:
    """A `Gateway` over one Triton server. Use from one event loop only."""

    def __init__(self, settings: TritonSettings, patience_s: float = PATIENCE_S) -> None:
        """Keep the settings; `open` connects. `patience_s` bounds a question about its load."""
        self._settings = settings
        self._connection = Connection(settings.url)
        self._served = ServedModels(self._connection, settings)
        self._control = Control(self._connection, self._served, settings.rpc_timeout_s)
        self._background = BackgroundTasks()
        self._foreign = ForeignPasses(self._control, self._background, patience_s)

    @property
    def catalog(self) -> Catalog:
        """See `Gateway`."""
        return self._served.catalog

    @property
    def foreign_passes(self) -> int:
        """Passes that other processes gave Triton, as it said last; 0 where it does not say."""
        return self._foreign.total

    async def count_foreign_passes(self, model: str) -> None:
        """Ask a model now. Returns soon, also where it does not answer."""
        await self._foreign.look_now(model)

    async def open(self) -> None:
        """See `Gateway`."""
        await self._served.open()

    async def close(self) -> None:
        """Stop looking, let pending cancels go out, disconnect."""
        self._served.close()
        await self._background.close(self._settings.rpc_timeout_s)
        await self._connection.close()

    async def refresh(self) -> Catalog:
        """See `Gateway`."""
        catalog = await self._served.refresh()
        self._foreign.look({card.name for card in catalog.served})
        return catalog

    async def cancel(self, model: str, pass_id: str) -> None:
        """See `Gateway`."""
        await self._control.cancel(model, pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """See `Gateway`."""
        return await self._control.progress(model, pass_id)

    def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        """See `Gateway`.

        Where a candidate fails, the version that serves is asked: a candidate costs nobody.
        """
        model = pass_.card.name
        candidate = choose_candidate(self._served.candidates(model), options.request_id)
        if candidate is None:
            return self._run(_Attempt(model, pass_, options))
        deadline = time.monotonic() + options.timeout_s
        first = _Attempt(candidate.name, pass_, options)
        return stream_or_retry(
            self._run(first), partial(self._serve_instead, candidate, first, deadline)
        )

    def _serve_instead(
        self, candidate: Candidate, first: _Attempt, deadline: float, error: TritoneError
    ) -> Chunks:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise error
        model = first.pass_.card.name
        log.warning("candidate_failed", model=model, version=candidate.version)
        # Under another name, so that the first one's cancellation does not reach it.
        options = replace(first.options, pass_id=uuid.uuid4().hex, timeout_s=left_s)
        failure = FailedPass(candidate.version, type(error).__name__)
        return self._run(_Attempt(model, first.pass_, options, (failure,)))

    async def _run(self, attempt: _Attempt) -> Chunks:
        model, pass_id = attempt.pass_.card.name, attempt.options.pass_id
        request = make_infer_request(attempt.name, attempt.pass_, attempt.options)
        reader = AnswerReader(self._connection.client, request)
        reading = self._background.start(reader.run())
        watchdog = Watchdog(
            partial(self._control.is_known, model, pass_id), self._settings.watchdog_s
        )
        self._foreign.begin_own(model)
        speaks = isinstance(attempt.pass_, SpeechPass)
        grants = Grants(self._control, self._background, model, pass_id, speaks)
        try:
            while (chunk := await _next_chunk(watchdog, reader, attempt)) is not None:
                grants.hear(chunk)
                yield chunk
                grants.take()
            if not grants.version:
                log.error("no_pcm", model=model)
                raise GenerationFailed
        except BaseException as error:
            # An ensemble does not cancel a running step: its denoiser or speaker must be told, also
            # when this very task is being cancelled. The answers are read to the end all the same.
            self._background.start(self._control.cancel_if_possible(model, pass_id, grants.version))
            reader.abandon()
            if isinstance(error, BackendUnavailable):
                reading.cancel()  # nobody may be left to answer it
            elif isinstance(error, (asyncio.CancelledError, GeneratorExit)):
                await _wait_for_end(watchdog, reader, reading)
            raise
        finally:
            self._foreign.end_own(model)
            grants.end()


async def _next_chunk(watchdog: Watchdog, reader: AnswerReader, attempt: _Attempt) -> Chunk | None:
    with raise_domain_errors():
        while (answer := await watchdog.next_answer(reader)) is not None:
            chunk = read_chunk(answer, attempt.pass_)
            if chunk is not None:
                return replace(chunk, failures=attempt.failures)
    return None


async def _wait_for_end(
    watchdog: Watchdog, reader: AnswerReader, reading: asyncio.Task[None]
) -> None:
    """Return when Triton has answered: until then it works, whether anybody listens or not."""
    try:
        async with asyncio.timeout(_CANCEL_TIMEOUT_S):
            await watchdog.next_answer(reader)
    except BackendUnavailable:
        reading.cancel()  # nobody is left to answer it
    except (TritoneError, InferenceServerException, grpc.RpcError, TimeoutError):
        pass  # it has ended, or takes too long
