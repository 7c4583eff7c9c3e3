"""Imports Piper voices: a VITS graph whose noise becomes inputs and whose durations an output."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ops.voices.configuration import NetworkSpec
from ops.voices.graph import with_output
from ops.voices.names import name_voices, plain_name
from ops.voices.noise_inputs import OtherNoise, list_noise, take_noise_as_inputs
from ops.voices.onnx_messages import InvalidOnnx, Message, parse
from ops.voices.piper_config import NoPiperVoice, PiperConfig, read_config
from ops.voices.publishing import Publication
from ops.voices.verification import NotVerified, Tensors, open_session, run
from tritone import espeak_files
from tritone import piper_voice as pv
from tritone.card import SpeechCard, Voice
from tritone.piper_voice import PiperVoice, noise_name
from tritone.speech_tensors import DURATIONS
from tritone.tensors import TensorSpec

TOLERANCE = 1e-4
"""Of samples, against the original with its own noise. The graphs differ in how they take it."""

_LENGTHS = (9, 61)  # of ids: a graph with a fixed length takes one of them only


@dataclass(frozen=True, slots=True)
class _Run:
    """What the original graph did once."""

    inputs: Tensors
    sound: NDArray[np.float32]  # [samples]
    drawn: list[NDArray[np.float32]]  # its noise, in the graph's order
    rounded: dict[str, NDArray[np.float32]]  # what may be durations: further outputs, and every
    # tensor that it rounded up, by name


@dataclass(frozen=True, slots=True)
class Imported:
    """A verified graph, and what was found out about it."""

    network: bytes
    noise_channels: tuple[int, ...]
    samples_per_unit: int  # of the durations; 0: the graph has none
    durations_rank: int
    sound_rank: int
    has_speakers: bool  # the graph takes the number of one


def make_publication(onnx_file: Path, name: str | None, licence: str) -> Publication:
    """Return the model of a voice's `.onnx` file, verified against the original.

    Raises:
        NoPiperVoice, NotVerified: it is not one that we can speak with; says why.
    """
    config = read_config(onnx_file)
    try:
        content = onnx_file.read_bytes()
    except OSError as error:
        raise NoPiperVoice(f"{onnx_file} cannot be read: {error.strerror}") from error
    imported = import_graph(content, config)
    model = plain_name(name or onnx_file.name.removesuffix(".onnx"))
    theirs = name_voices(model, config.speakers, joint="_")
    speakers = {ours: config.speakers[each] for ours, each in theirs.items()}
    if bool(speakers) > imported.has_speakers:
        raise NoPiperVoice("the voice names speakers, but its graph takes none")
    if imported.has_speakers and not speakers:
        speakers = {model: 0}
    card = _card(model, config, theirs, licence)
    voice = PiperVoice(
        phoneme_type="text" if config.phoneme_type == "text" else "espeak",
        espeak_voice=config.espeak_voice,
        ids=config.ids,
        noise_scale=config.noise_scale,
        length_scale=config.length_scale,
        noise_w=config.noise_w,
        speakers=speakers,
        noise_channels=imported.noise_channels,
        has_durations=bool(imported.samples_per_unit),
        samples_per_unit=imported.samples_per_unit,
    )
    needs_espeak = voice.phoneme_type == "espeak"
    return Publication(
        card=card,
        network=imported.network,
        network_spec=_network_spec(imported),
        source=f"Piper voice {onnx_file.name}",
        licence=licence,
        precision="fp32",
        files={pv.FILE: voice.to_json().encode()},
        parameters={pv.PHONEMIZER: espeak_files.MODEL} if needs_espeak else {},
    )


def _letters(config: PiperConfig) -> str:
    """Return a few letters that a voice reads, whatever its script."""
    return "".join([each for each in config.ids if each.isalpha()][:8])


def _card(model: str, config: PiperConfig, theirs: dict[str, str], licence: str) -> SpeechCard:
    ids = list(theirs) or [model]
    voices = tuple(
        Voice(
            id=each,
            name=theirs.get(each) or _short_name(model),
            language=config.language,
            gender="neutral",  # the files do not say
            license=licence,
            description=f"A voice of Piper: {model}.",
        )
        for each in ids
    )
    return SpeechCard(
        name=model,
        engine="piper",
        kind=config.kind,
        voices=voices,
        default_voice=ids[0],
        sample_rate=config.sample_rate,
        audio_channels=1,
        min_speed=0.25,
        max_speed=4.0,
        max_characters=100_000,
        trial_text="1, 2, 3." if config.phoneme_type == "espeak" else _letters(config),
    )


def _short_name(model: str) -> str:
    """Return `Joe` of `en_US-joe-medium`."""
    parts = model.split("-")
    return (parts[1] if len(parts) > 2 else model).capitalize()  # noqa: PLR2004


def _network_spec(imported: Imported) -> NetworkSpec:
    speaker = (TensorSpec(pv.SPEAKER, "INT64", (1,)),) if imported.has_speakers else ()
    noise = (
        TensorSpec(noise_name(i), "FP32", (1, channels, -1))
        for i, channels in enumerate(imported.noise_channels)
    )
    ones, durations_ones = [1] * (imported.sound_rank - 1), [1] * (imported.durations_rank - 1)
    durations = (
        (TensorSpec(DURATIONS, "FP32", (*durations_ones, -1)),) if imported.samples_per_unit else ()
    )
    return NetworkSpec(
        inputs=(
            TensorSpec(pv.INPUT, "INT64", (1, -1)),
            TensorSpec(pv.INPUT_LENGTHS, "INT64", (1,)),
            TensorSpec(pv.SCALES, "FP32", (3,)),
            *speaker,
            *noise,
        ),
        outputs=(TensorSpec(pv.OUTPUT, "FP32", (*ones, -1)), *durations),
    )


def import_graph(original: bytes, config: PiperConfig) -> Imported:
    """Return a voice's graph with its noise as inputs and its durations as an output.

    Raises:
        NoPiperVoice: it is no graph of a Piper voice.
        NotVerified: it does not sound as the original does.
    """
    try:
        model = parse(original)
        runs = [_run_original(original, model, config, n) for n in _LENGTHS]
        take_noise_as_inputs(model)
    except (InvalidOnnx, OtherNoise) as error:
        raise NoPiperVoice(f"the voice cannot be imported: {error}") from error
    tensor, samples_per_unit = _find_durations(runs)
    network = model.SerializeToString()
    rank = runs[0].rounded[tensor].ndim if tensor else 1
    if tensor:
        dims = [f"duration_{i}" for i in range(rank)]
        network = with_output(network, tensor, DURATIONS, dims)
    session = open_session(network)
    for each in runs:
        _verify(session, each, samples_per_unit)
    return Imported(
        network=network,
        noise_channels=_noise_channels(runs),
        samples_per_unit=samples_per_unit,
        durations_rank=rank,
        sound_rank=len(session.get_outputs()[0].shape),
        has_speakers=pv.SPEAKER in runs[0].inputs,
    )


def _run_original(original: bytes, model: Message, config: PiperConfig, n: int) -> _Run:
    """Run the original once, and keep what it drew and what may be durations."""
    drawn = list_noise(model)
    rounded = [each.name for each in model.graph.output[1:]]
    rounded += [node.output[0] for node in model.graph.node if node.op_type == "Ceil"]
    tapped = original
    for tensor in (*drawn, *rounded):
        tapped = with_output(tapped, tensor, f"tritone_{tensor}", ())
    session = open_session(tapped)
    known = {each.name for each in session.get_inputs()}
    if not {pv.INPUT, pv.INPUT_LENGTHS, pv.SCALES} <= known or known & {"emotion", "lid"}:
        raise NoPiperVoice(f"the graph's inputs are {', '.join(sorted(known))}: no Piper voice")
    ids = sorted({each for ids in config.ids.values() for each in ids})
    inputs: Tensors = {
        pv.INPUT: np.random.default_rng(n).choice(ids, (1, n)).astype(np.int64),
        pv.INPUT_LENGTHS: np.array([n], np.int64),
        pv.SCALES: np.array([config.noise_scale, config.length_scale, config.noise_w], np.float32),
    }
    if pv.SPEAKER in known:
        inputs[pv.SPEAKER] = np.array([0], np.int64)
    outputs = run(session, inputs)
    return _Run(
        inputs=inputs,
        sound=next(iter(outputs.values())).ravel(),
        drawn=[outputs[f"tritone_{each}"] for each in drawn],
        rounded={each: outputs[f"tritone_{each}"] for each in rounded},
    )


def _find_durations(runs: list[_Run]) -> tuple[str, int]:
    """Return the tensor that holds a duration for each id, and the samples of its unit."""
    for tensor in runs[0].rounded:
        units = set()
        for each in runs:
            found = each.rounded[tensor]
            total = float(found.sum())
            fits = found.size == each.inputs[pv.INPUT].size and total > 0
            units.add(len(each.sound) / total if fits else 0.5)
        if len(units) == 1 and (unit := units.pop()).is_integer():
            return tensor, int(unit)
    return "", 0


def _noise_channels(runs: list[_Run]) -> tuple[int, ...]:
    shapes = [[drawn.shape for drawn in each.drawn] for each in runs]
    for shape in (shape for each in shapes for shape in each):
        if len(shape) != 3 or shape[0] != 1:  # noqa: PLR2004
            raise NoPiperVoice(f"the graph draws noise of the shape {shape}, not [1, channels, n]")
    channels = [tuple(shape[1] for shape in each) for each in shapes]
    if len(set(channels)) != 1:
        raise NoPiperVoice("the channels of the graph's noise depend on the text")
    return channels[0]


def _verify(session: ort.InferenceSession, original: _Run, samples_per_unit: int) -> None:
    noise = {noise_name(i): drawn for i, drawn in enumerate(original.drawn)}
    outputs = run(session, original.inputs | noise)
    sound = next(iter(outputs.values())).ravel()
    if sound.size != original.sound.size:
        raise NotVerified(f"{sound.size} samples, but {original.sound.size} of the original")
    error = float(np.abs(sound - original.sound).max(initial=0.0))
    if not error <= TOLERANCE:
        raise NotVerified(f"the sound is {error:.1e} off the original's, more than {TOLERANCE:g}")
    if samples_per_unit:
        n_samples = round(float(outputs[DURATIONS].sum())) * samples_per_unit
        if n_samples != sound.size:
            raise NotVerified("the durations of the phonemes do not add up to the sound")
