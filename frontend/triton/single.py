"""The only gRPC client: tensors out, PCM in."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import grpc
import numpy as np
import structlog
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from frontend.errors import TritoneError
from frontend.observe import tracing
from frontend.settings import TritonSettings
from frontend.triton.candidates import Candidate, candidates_of, chosen, is_candidate
from frontend.triton.errors import (
    backend_lost,
    domain_error,
    domain_errors,
    generation_failed,
    is_dead_backend,
)
from frontend.triton.gateway import (
    AWAY_PAUSE_S,
    Catalog,
    FailedPass,
    Pass,
    PassOptions,
    PassResult,
    Progress,
    pause_s,
)
from tritone import tensors
from tritone.card import CARD_PARAMETER, COMPONENTS, InvalidCard, ModelCard, component_name
from tritone.pcm import Pcm
from tritone.versions import VERSIONS_PARAMETER, InvalidLineup

log = structlog.get_logger(__name__)

_NO_LIMIT_BYTES = 2**31 - 1
_CHANNEL: tuple[tuple[str, int], ...] = (
    ("grpc.max_send_message_length", _NO_LIMIT_BYTES),
    ("grpc.max_receive_message_length", _NO_LIMIT_BYTES),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # gRPC's own back-off grows to two minutes: a restarted Triton would stay "away" that long.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", round(1000 * AWAY_PAUSE_S)),
)
_MAX_UNKNOWN = 1  # looks in vain: a pass may not have reached the denoiser at the first
_CANCEL_TIMEOUT_S = 60.0  # until a cancelled pass counts as ended, whatever it still does
_STREAM_MARGIN_S = 2.0  # Triton's own answer to a missed deadline shall come first


def _input(name: str, dtype: tensors.DType, value: object) -> triton.InferInput:
    array = np.array([[value]], tensors.NUMPY_DTYPES[dtype])
    tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    return tensor.set_data_from_numpy(array)


def _inputs(pass_: Pass) -> list[triton.InferInput]:
    values: dict[str, object] = {
        tensors.PROMPT: pass_.prompt.encode(),
        tensors.NEGATIVE_PROMPT: pass_.negative_prompt.encode(),
        tensors.SECONDS_START: pass_.seconds_start,
        tensors.SECONDS_END: pass_.seconds_end,
        tensors.SEED: pass_.seed,
        tensors.STEPS: pass_.steps,
        tensors.GUIDANCE_SCALE: pass_.guidance_scale,
    }
    specs = tensors.ensemble(pass_.card).inputs
    return [_input(spec.name, spec.dtype, values[spec.name]) for spec in specs]


def _parameters(options: PassOptions) -> dict[str, str | int]:
    share: dict[str, str | int] = {tensors.SHARE: options.share} if options.share else {}
    return {tensors.JOB_ID: options.pass_id, tensors.PRIORITY: options.priority, **share}


def _delivered(pcm: Pcm, pass_: Pass) -> Pcm:
    """Return the samples asked for out of the decoded ones: int16 [1, channels, samples] in."""
    span, channels = pass_.span, pass_.card.audio_channels
    end = span.first_sample + span.n_samples
    if pcm.dtype != np.int16 or pcm.ndim != 3 or pcm.shape[:2] != (1, channels):  # noqa: PLR2004
        problem = f"PCM is {pcm.dtype} {pcm.shape}, not int16 (1, {channels}, samples)"
    elif pcm.shape[2] < end:
        problem = f"PCM has {pcm.shape[2]} samples, but {end} are needed"
    else:
        return pcm[0, :, span.first_sample : end]
    log.error("bad_pcm", detail=problem, model=pass_.card.name)
    raise generation_failed()


def _missed(before: Catalog, away: frozenset[str]) -> tuple[ModelCard, ...]:
    return tuple(card for card in (*before.cards, *before.missed) if card.name in away)


@dataclass(frozen=True, slots=True)
class _Control:
    """A request about a pass, to one version of the denoiser."""

    parameters: dict[str, str]  # the verb and the job's id
    version: str  # empty: whichever serves


def _read_candidates(model: str, parameters: Mapping[str, Any]) -> tuple[Candidate, ...]:
    if VERSIONS_PARAMETER not in parameters:
        return ()
    try:
        return candidates_of(model, parameters[VERSIONS_PARAMETER].string_value)
    except InvalidLineup as error:
        log.warning("bad_lineup", model=model, detail=str(error))
        return ()


class SingleTriton:
    """A `Gateway` over one Triton server. Use from one event loop only."""

    def __init__(self, settings: TritonSettings) -> None:
        """Keep the settings; `open` connects."""
        self._settings = settings
        self._catalog = Catalog()
        self._candidates: dict[str, tuple[Candidate, ...]] = {}  # by model
        self._denoisers: dict[str, tuple[str, ...]] = {}  # loaded versions, by model
        self._connected: triton.InferenceServerClient | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._is_reachable: bool | None = None

    @property
    def catalog(self) -> Catalog:
        """The models as last seen; kept while Triton is away: a bad request is bad all the same."""
        return self._catalog

    @property
    def _client(self) -> triton.InferenceServerClient:
        # A gRPC channel belongs to the loop it is made in: not before the server runs.
        if self._connected is None:
            self._connected = triton.InferenceServerClient(
                self._settings.url, channel_args=list(_CHANNEL)
            )
        return self._connected

    async def open(self) -> None:
        """Look once, then periodically."""
        with suppress(TritoneError):
            await self.refresh()
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop looking, let pending cancels go out, disconnect."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        if self._background:
            _, late = await asyncio.wait(self._background, timeout=self._settings.rpc_timeout_s)
            for task in late:
                task.cancel()
        if self._connected is not None:
            await self._connected.close()

    async def _keep_fresh(self) -> None:
        while True:
            is_up = bool(self._is_reachable and self._catalog.cards)
            await asyncio.sleep(pause_s(self._settings.refresh_s, is_up=is_up))
            with suppress(TritoneError):
                await self.refresh()

    async def refresh(self) -> Catalog:
        """Return what Triton serves now."""
        try:
            with domain_errors(logging.DEBUG):  # the change is worth a line, not each try
                catalog = await self._read_catalog()
        except TritoneError:
            self._report(is_reachable=False)
            raise
        self._report(is_reachable=True)
        catalog = replace(catalog, missed=_missed(self._catalog, catalog.away))
        if catalog != self._catalog:
            names = [card.name for card in catalog.cards]
            log.info("models_changed", served=names, away=sorted(catalog.away))
        self._catalog = catalog
        return catalog

    def _report(self, *, is_reachable: bool) -> None:
        if is_reachable != self._is_reachable:
            level = logging.INFO if is_reachable else logging.ERROR
            log.log(level, "triton_reachable", url=self._settings.url, answer=is_reachable)
        self._is_reachable = is_reachable

    async def _read_catalog(self) -> Catalog:
        timeout = self._settings.rpc_timeout_s
        index = await self._client.get_model_repository_index(client_timeout=timeout)
        names = {model.name for model in index.models}
        names -= {component_name(name, component) for name in names for component in COMPONENTS}
        names = {name for name in names if not is_candidate(name, names)}
        versions = [(m.name, m.version) for m in index.models if m.state == "READY"]
        ready = {name for name, _ in versions} & names
        denoisers = {name: component_name(name, "denoiser") for name in ready}
        self._denoisers = {
            name: tuple(version for model, version in versions if model == denoiser)
            for name, denoiser in denoisers.items()
        }
        known = {model.name for model in index.models if model.state} & names
        cards = await asyncio.gather(*(self._read_card(name) for name in sorted(ready)))
        return Catalog(
            cards=tuple(card for card in cards if card is not None),
            away=frozenset(known - ready),
        )

    async def _read_card(self, model: str) -> ModelCard | None:
        timeout = self._settings.rpc_timeout_s
        try:
            answer = await self._client.get_model_config(model, client_timeout=timeout)
        except InferenceServerException as error:
            if error.status() == "StatusCode.NOT_FOUND":  # unloaded since the index was read
                return None
            raise
        config = answer.config
        if config.platform != "ensemble" or CARD_PARAMETER not in config.parameters:
            return None
        try:
            card = ModelCard.from_json(config.parameters[CARD_PARAMETER].string_value)
        except InvalidCard as error:
            log.warning("bad_model_card", model=model, detail=str(error))
            return None
        candidates = _read_candidates(model, config.parameters)
        if candidates != self._candidates.get(model, ()):
            shares = {candidate.version: candidate.share for candidate in candidates}
            log.info("candidates_changed", model=model, shares=shares)
        self._candidates[model] = candidates
        return replace(card, name=model)

    async def generate(self, pass_: Pass, options: PassOptions) -> PassResult:
        """Return the sound of one pass; cancelling the task stops the work in Triton.

        A cancelled task ends when Triton has answered: until then the work goes on.

        What a candidate fails at, the version that serves does: nobody pays for a trial.
        """
        model = pass_.card.name
        candidate = chosen(self._candidates.get(model, ()), options.request_id)
        if candidate is None:
            return await self._generate(model, pass_, options)
        deadline = time.monotonic() + options.timeout_s
        try:
            return await self._generate(candidate.name, pass_, options)
        except TritoneError as error:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise
            failure = FailedPass(candidate.version, type(error).__name__)
            log.warning("candidate_failed", model=model, version=failure.model_version)
        again = replace(options, pass_id=uuid.uuid4().hex, timeout_s=left_s)
        result = await self._generate(model, pass_, again)
        return replace(result, failures=(failure,))

    async def _generate(self, name: str, pass_: Pass, options: PassOptions) -> PassResult:
        reading = asyncio.create_task(self._read_result(name, pass_, options))
        self._finish_in_background(reading)
        model = pass_.card.name
        try:
            await self._watch(reading, model, options.pass_id)
            return reading.result()
        except BaseException as error:
            # An ensemble does not cancel a running step: the denoiser must be told, also when
            # this very task is being cancelled. The answer is awaited all the same, see `_ask`.
            self._cancel_in_background(model, options.pass_id)
            if isinstance(error, asyncio.CancelledError):
                with suppress(TritoneError, TimeoutError):
                    async with asyncio.timeout(_CANCEL_TIMEOUT_S):
                        await self._watch(reading, model, options.pass_id)
            raise

    async def _watch(self, reading: asyncio.Task[PassResult], model: str, pass_id: str) -> None:
        """Return once a pass is answered.

        Raises:
            BackendUnavailable: the process that had it is gone.
        """
        n_unknown = 0
        while not reading.done():
            await asyncio.wait({reading}, timeout=self._settings.watchdog_s)
            if not reading.done():
                is_known = await self._is_known(model, pass_id)
                n_unknown = 0 if is_known else n_unknown + 1
            if n_unknown > _MAX_UNKNOWN:
                reading.cancel()  # nobody is left to answer it
                raise backend_lost()

    async def _read_result(self, name: str, pass_: Pass, options: PassOptions) -> PassResult:
        result = None
        with domain_errors():
            for answer in await self._ask(name, _inputs(pass_), options):
                pcm = answer.as_numpy(tensors.PCM)
                if pcm is not None:
                    version = answer.get_response().model_version
                    result = PassResult(pcm=_delivered(pcm, pass_), model_version=version)
        if result is None:
            log.error("no_pcm", model=pass_.card.name)
            raise generation_failed()
        return result

    async def _ask(
        self,
        model: str,
        inputs: list[triton.InferInput],
        options: PassOptions,
        control: _Control | None = None,
    ) -> list[triton.InferResult]:
        """Return every answer to one request.

        Reads the stream to its end, also after an error: a stream that is left around its last
        answer makes Triton 24.10 keep the model for ever, so that it can never be unloaded.
        """

        async def requests() -> AsyncIterator[dict[str, Any]]:
            yield {
                "model_name": model,
                "model_version": control.version if control else "",
                "inputs": inputs,
                "request_id": options.request_id,
                "timeout": int(options.timeout_s * 1e6),  # microseconds
                "parameters": control.parameters if control else _parameters(options),
            }

        # Control requests are not worth a trace: one comes with every look of the watchdog.
        parent = None if control else tracing.traceparent()
        stream = self._client.stream_infer(
            requests(),
            stream_timeout=options.timeout_s + _STREAM_MARGIN_S,
            headers={"traceparent": parent} if parent else None,
        )
        answers, failure = [], None
        try:
            async for answer, error in stream:
                failure = failure or error
                if error is None:
                    answers.append(answer)
        finally:
            stream.cancel()
        if failure is not None:
            raise failure
        return answers

    async def _is_known(self, model: str, pass_id: str) -> bool:
        """Return whether the denoiser has, or had, a pass that it was given.

        A killed backend process never answers its running requests. Until it is loaded again it
        fails new ones at once; after that it does not know the old ones.
        """
        try:
            return await self._control(model, tensors.QUERY, pass_id) is not None
        except InferenceServerException as error:
            if is_dead_backend(error):
                raise domain_error(error) from error
        except grpc.RpcError as error:
            log.debug("progress_unknown", detail=error.details())
        return True  # for all that is known

    async def cancel(self, model: str, pass_id: str) -> None:
        """Stop a pass at its next step."""
        with domain_errors():
            await self._control(model, tensors.CANCEL, pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """Return how far a pass is."""
        with domain_errors():
            return await self._control(model, tensors.QUERY, pass_id)

    async def _control(self, model: str, verb: str, pass_id: str) -> Progress | None:
        # Every version that is loaded: the pass may run on a candidate, or on the version before.
        versions = self._denoisers.get(model) or ("",)
        asked = [self._control_version(model, _Control({verb: pass_id}, v)) for v in versions]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Progress):
                return answer
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return None

    async def _control_version(self, model: str, control: _Control) -> Progress | None:
        denoiser = component_name(model, "denoiser")
        (pass_id,) = control.parameters.values()
        call = PassOptions(
            pass_id=pass_id, request_id=pass_id, timeout_s=self._settings.rpc_timeout_s
        )
        # Triton refuses a request without any input, although all are optional.
        inputs = [_input(tensors.STEPS, "INT32", 0)]
        for answer in await self._ask(denoiser, inputs, call, control):
            progress = answer.as_numpy(tensors.PROGRESS)
            if progress is not None and progress.size == 2 and progress.flat[0] >= 0:  # noqa: PLR2004
                return Progress(int(progress.flat[0]), int(progress.flat[1]))
        return None

    def _cancel_in_background(self, model: str, pass_id: str) -> None:
        async def cancel() -> None:
            try:
                await self._control(model, tensors.CANCEL, pass_id)
            except (InferenceServerException, grpc.RpcError) as error:
                # Triton is away or has given up on its own: nothing is left to stop.
                log.debug("cancel_failed", pass_id=pass_id, detail=str(error))

        self._finish_in_background(asyncio.create_task(cancel()))

    def _finish_in_background(self, task: asyncio.Task[Any]) -> None:
        def forget(ended: asyncio.Task[Any]) -> None:
            self._background.discard(ended)
            if not ended.cancelled():
                ended.exception()  # whoever still waits for it has it; nobody else needs it

        self._background.add(task)
        task.add_done_callback(forget)
