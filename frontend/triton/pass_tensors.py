"""Passes as tensors, and tensors as chunks."""

from collections.abc import Iterable

import numpy as np
import structlog
import tritonclient.grpc.aio as triton
from tritonclient.utils import np_to_triton_dtype

from frontend.errors import GenerationFailed
from frontend.observe import tracing
from frontend.triton.gateway import Chunk, Pass, PassOptions, Progress, SoundPass, SpeechPass
from frontend.triton.stream import InferRequest
from tritone import speech_tensors, tensors
from tritone.controls import fill
from tritone.pcm import Pcm, narrow
from tritone.words import TextUse

log = structlog.get_logger(__name__)

CHUNKS_AHEAD = 8
"""Chunks of speech that are made before somebody takes them: Triton would keep any number."""


def make_infer_request(name: str, pass_: Pass, options: PassOptions) -> InferRequest:
    """Return a pass as a request to a Triton model: the pass' own model, or a candidate."""
    parameters: dict[str, str | int | bool] = {
        tensors.JOB_ID: options.pass_id,
        tensors.PRIORITY: options.priority,
    }
    if options.owner:
        parameters[tensors.SHARE] = options.owner
    outputs: tuple[str, ...] = ()
    if isinstance(pass_, SoundPass):
        inputs = _sound_inputs(pass_)
    else:
        inputs = _speech_inputs(pass_)
        parameters[speech_tensors.WINDOW] = CHUNKS_AHEAD
        # A parameter, not an output: an ensemble asks its steps for every output.
        parameters[speech_tensors.TIMINGS] = pass_.wants_timings
        outputs = (tensors.PCM, tensors.PROGRESS)
        if pass_.wants_timings:
            outputs = (*outputs, speech_tensors.TIMINGS)
    return InferRequest(
        model=name,
        inputs=inputs,
        outputs=outputs,
        request_id=options.request_id,
        timeout_s=options.timeout_s,
        parameters=parameters,
        traceparent=tracing.traceparent(),
    )


def read_chunk(answer: triton.InferResult, pass_: Pass) -> Chunk | None:
    """Return what an answer brings, or None: it has no PCM.

    Raises:
        GenerationFailed: the PCM is not of the pass' kind.
    """
    pcm = answer.as_numpy(tensors.PCM)
    if pcm is None:
        return None
    timings = answer.as_numpy(speech_tensors.TIMINGS)
    return Chunk(
        pcm=_cut_span(narrow(pcm), pass_),
        model_version=answer.get_response().model_version,
        progress=read_progress(answer),
        timings=None if timings is None else timings.flat[0].decode(),
        text_uses=_read_text_uses(answer),
    )


def read_progress(answer: triton.InferResult) -> Progress | None:
    """Return how far a pass is, or None: the model does not know the pass."""
    progress = answer.as_numpy(tensors.PROGRESS)
    if progress is None or progress.size != 2 or progress.flat[0] < 0:  # noqa: PLR2004
        return None
    return Progress(int(progress.flat[0]), int(progress.flat[1]))


def _read_text_uses(answer: triton.InferResult) -> tuple[TextUse, ...]:
    counts = answer.as_numpy(tensors.TEXT_USE_OUT)
    if counts is None:  # published by an older release
        return ()
    return tuple(TextUse(*map(int, row)) for row in counts.reshape(-1, 3))


def make_input(name: str, dtype: tensors.DType, value: object) -> triton.InferInput:
    """Return one value as a tensor [1, 1]."""
    array = np.array([[value]], tensors.NUMPY_DTYPES[dtype])
    tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    return tensor.set_data_from_numpy(array)


def _inputs(
    specs: Iterable[tensors.TensorSpec], values: dict[str, object]
) -> list[triton.InferInput]:
    return [make_input(each.name, each.dtype, values[each.name]) for each in specs]


def _sound_inputs(pass_: SoundPass) -> list[triton.InferInput]:
    values: dict[str, object] = {
        **fill(pass_.controls),
        tensors.PROMPT: pass_.prompt.encode(),
        tensors.SECONDS_START: pass_.seconds_start,
        tensors.SECONDS_END: pass_.seconds_end,
        tensors.SEED: pass_.seed,
        tensors.STEPS: pass_.steps,
        tensors.GUIDANCE_SCALE: pass_.guidance_scale,
    }
    return _inputs(tensors.ensemble(pass_.card).inputs, values)


def _speech_inputs(pass_: SpeechPass) -> list[triton.InferInput]:
    values: dict[str, object] = {
        speech_tensors.TEXT: pass_.text.encode(),
        speech_tensors.VOICE: pass_.voice.encode(),
        speech_tensors.LANGUAGE: b"",  # the planner has compared it with the voice's
        speech_tensors.SPEED: pass_.speed,
        tensors.SEED: pass_.seed,
        speech_tensors.OPTIONS: pass_.options.to_json().encode(),
    }
    return _inputs(speech_tensors.speech(pass_.card).inputs, values)


def _cut_span(pcm: Pcm, pass_: Pass) -> Pcm:
    """Return int16 [channels, samples] out of [1, channels, samples]; of a sound, its span."""
    channels = pass_.card.audio_channels
    begin, end = 0, pcm.shape[-1] if pcm.ndim else 0
    if isinstance(pass_, SoundPass):
        begin = pass_.span.first_sample
        end = begin + pass_.span.n_samples
    if pcm.dtype != np.int16 or pcm.ndim != 3 or pcm.shape[:2] != (1, channels):  # noqa: PLR2004
        problem = f"PCM is {pcm.dtype} {pcm.shape}, not int16 (1, {channels}, samples)"
    elif pcm.shape[2] < end:
        problem = f"PCM has {pcm.shape[2]} samples, but {end} are needed"
    else:
        return pcm[0, :, begin:end]
    log.error("bad_pcm", detail=problem, model=pass_.card.name)
    raise GenerationFailed
