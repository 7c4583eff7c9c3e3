"""The model card: every fact of one published model that servers and clients need.

Whoever publishes a model writes its card, as JSON, into the `parameters` of its `config.pbtxt`; the
backends and the frontend read it from there: a fact of a model is stated once and travels with it.
A card's `task` says what the model does: `ModelCard` is of models that make sounds, `SpeechCard` of
models that speak.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

from tritone.controls import Control
from tritone.families import FAMILIES
from tritone.families.family import Family
from tritone.noise import NOISE_KINDS, SEQUENCE, NoiseKind

CARD_PARAMETER = "tritone_card"
"""Key under which `config.pbtxt` carries the card."""

_IN_CONFIG = re.compile(rf'key: "{CARD_PARAMETER}" value {{ string_value: "((?:[^"\\]|\\.)*)"')

COMPONENTS = ("tokenizer", "text_encoder", "denoiser", "transformer", "vae_decoder")
"""Triton models behind one that makes sounds; the ensemble itself bears the model's bare name."""

SPEAKER = "speaker"
"""The component that turns text into chunks of PCM, and takes control requests about them."""

SPEECH_COMPONENTS = ("network", SPEAKER)
"""Triton models behind one that speaks; an engine that needs no network has none."""


class InvalidCard(ValueError):
    """The card is not one this release can serve."""


def component_name(model: str, component: str) -> str:
    """Return the Triton name of one component of a published model."""
    return f"{model}_{component}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """The scheduler configuration of a checkpoint, in the terms of `tritone.schedules`."""

    # cosine_dpm
    sigma_min: float = 0.3
    sigma_max: float = 500.0
    eta: float = 1.0  # 1: SDE-DPM-Solver++ (2M), 0: the deterministic ODE solver
    # rectified_flow
    stochastic: bool = True  # ping-pong: fresh noise at every step
    shift: float = 1.0  # of shifted_flow, too
    logsnr_min: float = -6.2
    logsnr_max: float = 2.0
    # of either: the noise levels at which a step is guided. Source: Kynkäänniemi et al. 2024,
    # "Applying Guidance in a Limited Interval", arXiv 2404.07724
    guidance_min_sigma: float = 0.0
    guidance_max_sigma: float | None = None  # None: up to the highest


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model that makes sounds. Sizes are per sample, without the batch dimension.

    Its JSON does not name the task: cards without one are of sounds.
    """

    task: ClassVar[Literal["sound"]] = "sound"

    name: str
    family: str
    sample_rate: int  # Hz
    audio_channels: int
    samples_per_frame: int  # audio samples of one latent frame
    latent_channels: int
    max_frames: int  # latent frames of the model's window
    frame_bucket: (
        int  # latent frames are rounded up to a multiple; max_frames: always the full window
    )
    prompt_tokens: int  # length of the padded token sequence
    conditioning_tokens: int
    conditioning_dim: int
    global_dim: int
    guidance: bool  # the transformer takes a negative conditioning and a guidance scale
    default_steps: int
    default_guidance_scale: float
    default_seconds: float
    extendable: bool  # sounds past the window may be looped and stitched
    schedule: ScheduleSettings
    lyric_tokens: int = 0  # longest lyrics, padded; 0: it does not sing
    audio_codes: int = 0  # how many codes of music it knows, that a sound may follow; 0: none
    frames_per_code: int = 0  # latent frames that a code stands for
    prompts: tuple[str, ...] = ()  # what it makes well, in words, for people who try it
    noise: NoiseKind = SEQUENCE  # how seeds become noise: cards without it are older than `counter`

    @property
    def spec(self) -> Family:
        """The family's facts."""
        return FAMILIES[self.family]

    @property
    def controls(self) -> tuple[Control, ...]:
        """What it takes natively beside a prompt, a length and sampling."""
        return self.spec.list_controls(self)

    @property
    def text_tokens(self) -> int:
        """How many tokens of texts stand in a song's conditioning: with codes, of two texts."""
        return (2 if self.audio_codes else 1) * self.prompt_tokens

    @property
    def max_codes(self) -> int:
        """How many audio codes fit into its window."""
        return self.max_frames // self.frames_per_code if self.audio_codes else 0

    @property
    def window_seconds(self) -> float:
        """The longest sound that one pass can make."""
        return self.max_frames * self.samples_per_frame / self.sample_rate

    def to_json(self) -> str:
        """Return the card as one line of JSON with sorted keys (stable across exports)."""
        fields = asdict(self)
        # As it was published: releases of before read such cards, too.
        if self.noise == SEQUENCE:
            del fields["noise"]
        if not self.audio_codes:
            del fields["audio_codes"], fields["frames_per_code"]
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a card.

        Raises:
            InvalidCard: broken JSON, missing or unknown fields, an unknown family, or noise that
                this release cannot make.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            schedule = ScheduleSettings(**fields.pop("schedule"))
            fields.pop("task", None)
            prompts = tuple(map(str, fields.pop("prompts", ())))
            card = cls(**fields, schedule=schedule, prompts=prompts)
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidCard(f"not a model card of this release: {error}") from error
        if card.family not in FAMILIES:
            raise InvalidCard(f"unknown family {card.family!r}; known: {', '.join(FAMILIES)}")
        if card.noise not in NOISE_KINDS:
            raise InvalidCard(f"unknown noise {card.noise!r}; known: {', '.join(NOISE_KINDS)}")
        return card


TRIAL_TEXT = "One, two, three."
"""What a voice is asked to say when nobody asks it for anything."""

_LATER_FIELDS = {"kind": "", "trial_text": TRIAL_TEXT}  # left out, a card stays what it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One voice of a model that speaks."""

    id: str  # by which requests name it; unique within the model
    name: str  # for people
    language: str  # BCP 47, as `en-US`
    gender: Literal["female", "male", "neutral"]
    license: str  # SPDX
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechCard:
    """One model that speaks, in one or several voices."""

    task: ClassVar[Literal["speech"]] = "speech"

    name: str
    engine: str  # what the backend `speech` speaks with: a key of `tritone.engines.ENGINES`
    voices: tuple[Voice, ...]
    default_voice: str  # of requests that name none
    sample_rate: int  # Hz
    audio_channels: int
    min_speed: float  # 1 is the voice's own pace, 2 is twice as fast
    max_speed: float
    max_characters: int  # of one request's text
    kind: str = ""  # of the engine's, where it has several, as LocalAI's `backend` names it: bark
    trial_text: str = TRIAL_TEXT  # short, and readable by every voice of the model

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the voices, each once, in their order."""
        return tuple(dict.fromkeys(voice.language for voice in self.voices))

    def voice(self, voice_id: str) -> Voice | None:
        """Return a voice by its id, or None."""
        return next((voice for voice in self.voices if voice.id == voice_id), None)

    def to_json(self) -> str:
        """Return the card as one line of JSON with sorted keys."""
        fields = {"task": self.task, **asdict(self)}
        for name, default in _LATER_FIELDS.items():
            if fields[name] == default:
                del fields[name]
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a card.

        Raises:
            InvalidCard: broken JSON, missing or unknown fields, or no default voice.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            voices = tuple(Voice(**voice) for voice in fields["voices"])
            given = {key: value for key, value in fields.items() if key != "task"}
            card = cls(**{**given, "voices": voices})
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidCard(f"not a speech card of this release: {error}") from error
        if card.voice(card.default_voice) is None:
            raise InvalidCard(f"{card.name} has no voice {card.default_voice!r}")
        return card


Card = ModelCard | SpeechCard


def from_json(text: str) -> Card:
    """Parse a card of any task.

    Raises:
        InvalidCard: it is not one of this release.
    """
    try:
        task = json.loads(text).get("task", ModelCard.task)
    except (ValueError, AttributeError) as error:
        raise InvalidCard(f"not a model card of this release: {error}") from error
    kinds: dict[str, type[ModelCard | SpeechCard]] = {"sound": ModelCard, "speech": SpeechCard}
    if task not in kinds:
        raise InvalidCard(f"unknown task {task!r}; known: {', '.join(kinds)}")
    return kinds[task].from_json(text)


def read_card(config: str) -> ModelCard | None:
    """Return the card of sounds that a `config.pbtxt` of ours carries, or None.

    Raises:
        InvalidCard: there is a card, but not one of this release.
    """
    found = _IN_CONFIG.search(config)
    card = from_json(re.sub(r"\\(.)", r"\1", found[1])) if found else None
    return card if isinstance(card, ModelCard) else None
