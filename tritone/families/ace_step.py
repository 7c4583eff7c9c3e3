"""ACE-Step 1.5: songs with lyrics, tempo and key; Qwen3 texts, condition encoder, DiT, Oobleck.

Source: diffusers 0.42.1, `pipelines/ace_step`; bounds of tempo and lyrics from the constants of
ACE-Step 1.5 itself. 8 steps of the turbo checkpoints, whose guidance is baked in; the base and sft
ones take 50 and adaptive projected guidance, whose momentum goes from step to step. A checkpoint
with a decoder of audio codes makes songs that follow some.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tritone.audio_codes import MAX_CODE_CHARS, parse_codes
from tritone.controls import (
    AUDIO_CODES,
    BPM,
    INSTRUMENTAL,
    KEYSCALE,
    LYRICS,
    STRENGTH,
    TIMESIGNATURE,
    VOCAL_LANGUAGE,
    Control,
    Controls,
)
from tritone.families.family import Family
from tritone.passages import Encode, Passage, Tokenized, Tokens, pad
from tritone.pcm import to_peak
from tritone.tensors import (
    ATTENTION_MASK,
    BLENDED_MASK,
    CODE_IDS,
    CODE_MASK,
    CONDITIONING,
    CONDITIONING_MASK,
    INPUT_IDS,
    LYRIC_IDS,
    LYRIC_MASK,
    MOMENTUM,
    OTHER_IDS,
    OTHER_MASK,
    PROMPT,
    SECONDS_END,
    SOURCE,
    TensorSpec,
    scalar,
)

if TYPE_CHECKING:
    from tritone.card import ModelCard

MAX_LYRICS_CHARS = 4096
SHORTEST = 64  # tokens of the first bucket, and audio codes; each further one is twice as long

CONTROLS = (
    Control(name=LYRICS, most=MAX_LYRICS_CHARS),
    Control(name=VOCAL_LANGUAGE, most=32),
    Control(name=INSTRUMENTAL),
    Control(name=BPM, least=30, most=300),
    Control(name=KEYSCALE, most=32),
    Control(name=TIMESIGNATURE, most=8),
)

_INSTRUCTION = "Fill the audio semantic mask based on the given conditions:"
_FOLLOWING = "Generate audio semantic tokens based on the given conditions:"
_UNKNOWN = "N/A"
_DEFAULT_LANGUAGE = "en"
_INSTRUMENTAL_LYRICS = "[Instrumental]"


def list_controls(card: "ModelCard") -> tuple[Control, ...]:
    """Return what a model takes: what a song is like is said beside the prompt."""
    if not card.audio_codes:
        return CONTROLS
    most = card.max_codes * MAX_CODE_CHARS
    return (
        *CONTROLS,
        Control(name=AUDIO_CODES, most=most, check=partial(_parse, card)),
        Control(name=STRENGTH, needs=AUDIO_CODES),
    )


def _parse(card: "ModelCard", codes: str) -> list[int]:
    return parse_codes(codes, known=card.audio_codes, most=card.max_codes)


def list_texts(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return prompt, controls and the song's end: its length is part of the text."""
    controls = (scalar(each.name, each.dtype) for each in list_controls(card))
    return scalar(PROMPT, "STRING"), *controls, scalar(SECONDS_END, "FP32")


def list_tokens(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return ids and mask of the text, the lyrics and the codes, the latter two in buckets.

    With codes there is another text: that of a song that follows none.
    """
    text = (card.prompt_tokens,)
    codes = (
        TensorSpec(CODE_IDS, "INT64", (-1,), counts="codes"),
        TensorSpec(CODE_MASK, "INT64", (-1,), counts="codes"),
        TensorSpec(OTHER_IDS, "INT64", text),
        TensorSpec(OTHER_MASK, "INT64", text),
    )
    return (
        TensorSpec(INPUT_IDS, "INT64", text),
        TensorSpec(ATTENTION_MASK, "INT64", text),
        TensorSpec(LYRIC_IDS, "INT64", (-1,), counts="lyrics"),
        TensorSpec(LYRIC_MASK, "INT64", (-1,), counts="lyrics"),
        *(codes if card.audio_codes else ()),
    )


def list_conditioning(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return lyrics, timbre and text as one sequence with its mask, and what the song follows."""
    source = TensorSpec(SOURCE, "FP32", (-1, card.latent_channels), counts="source")
    return (
        TensorSpec(CONDITIONING, "FP32", (-1, card.conditioning_dim), counts="tokens"),
        TensorSpec(CONDITIONING_MASK, "INT64", (-1,), counts="tokens"),
        *((source,) if card.audio_codes else ()),
    )


def list_blended(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return the mask that lets the other text be heard."""
    mask = TensorSpec(BLENDED_MASK, "INT64", (-1,), counts="tokens")
    return (mask,) if card.audio_codes else ()


def list_carried(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return the momentum of the guidance."""
    return (TensorSpec(MOMENTUM, "FP32", (card.latent_channels, -1)),)


def choose_seconds(card: "ModelCard", controls: Controls) -> float:
    """Return the length in s of what the song follows, or the card's."""
    if AUDIO_CODES not in controls:
        return card.default_seconds
    n_frames = len(_parse(card, str(controls[AUDIO_CODES]))) * card.frames_per_code
    return n_frames * card.samples_per_frame / card.sample_rate


def file_tokens(card: "ModelCard") -> None:
    """Return None: `tokenizer.json` neither pads nor cuts, as prompt and lyrics differ."""


def tokenize(encode: Encode, card: "ModelCard", values: Mapping[str, Any]) -> Tokenized:
    """Return the tokens of the text, [1, prompt_tokens], and of the lyrics, [1, their bucket].

    What is too long is cut within the prompt and within the lyrics: tempo, key and length stay.
    Where the model knows audio codes, those of the song come, too, [1, their bucket], and the text
    of the same song without them.

    Raises:
        ValueError: the model takes fewer tokens than the text around a prompt has, or the audio
            codes are none of its own.
    """
    text, read_prompt = describe(values).fit(encode, card.prompt_tokens)
    lyrics, read_lyrics = sing(values).fit(encode, card.lyric_tokens)
    ids, mask = pad(text, card.prompt_tokens)
    lyric_ids, lyric_mask = pad(lyrics, choose_bucket(len(lyrics), card.lyric_tokens))
    return Tokenized(
        {
            INPUT_IDS: ids,
            ATTENTION_MASK: mask,
            LYRIC_IDS: lyric_ids,
            LYRIC_MASK: lyric_mask,
            **(_follow(encode, card, values) if card.audio_codes else {}),
        },
        (read_prompt, read_lyrics),
    )


def _follow(encode: Encode, card: "ModelCard", values: Mapping[str, Any]) -> Mapping[str, Tokens]:
    said = str(values[AUDIO_CODES]).strip()
    codes = _parse(card, said) if said else []
    ids, mask = pad(codes, choose_bucket(len(codes), card.max_codes))
    other, _ = describe({**values, AUDIO_CODES: ""}).fit(encode, card.prompt_tokens)
    other_ids, other_mask = pad(other, card.prompt_tokens)
    return {CODE_IDS: ids, CODE_MASK: mask, OTHER_IDS: other_ids, OTHER_MASK: other_mask}


def choose_bucket(tokens: int, longest: int) -> int:
    """Return the length to which lyrics are padded: only songs of equal buckets share a step."""
    bucket = min(SHORTEST, longest)
    while bucket < tokens:
        bucket = min(2 * bucket, longest)
    return bucket


def describe(values: Mapping[str, Any]) -> Passage:
    """Return the prompt within instruction and metadata."""
    instruction = _FOLLOWING if str(values.get(AUDIO_CODES, "")).strip() else _INSTRUCTION
    beats = str(values[TIMESIGNATURE]).partition("/")[0].strip()
    seconds = values[SECONDS_END]
    metas = (
        f"- bpm: {values[BPM] or _UNKNOWN}\n"
        f"- timesignature: {beats or _UNKNOWN}\n"
        f"- keyscale: {str(values[KEYSCALE]).strip() or _UNKNOWN}\n"
        f"- duration: {int(seconds) if seconds > 0 else 30} seconds\n"
    )
    return Passage(
        f"# Instruction\n{instruction}\n\n# Caption\n",
        str(values[PROMPT]),
        f"\n\n# Metas\n{metas}<|endoftext|>\n",
    )


def sing(values: Mapping[str, Any]) -> Passage:
    """Return the lyrics under their language; an instrumental piece has none."""
    lyrics = _INSTRUMENTAL_LYRICS if values[INSTRUMENTAL] else str(values[LYRICS])
    language = str(values[VOCAL_LANGUAGE]).strip() or _DEFAULT_LANGUAGE
    return Passage(f"# Languages\n{language}\n\n# Lyric\n", lyrics, "<|endoftext|>")


FAMILY = Family(
    name="ace_step",
    pipeline_class="AceStepPipeline",
    schedule="shifted_flow",
    steps=8,
    guidance_scale=1.0,
    decoder_overlap_frames=9,
    text_names=("the prompt", "the lyrics"),
    conditions_on_span=False,
    level=to_peak,
    list_controls=list_controls,
    list_texts=list_texts,
    list_tokens=list_tokens,
    file_tokens=file_tokens,
    list_conditioning=list_conditioning,
    tokenize=tokenize,
    list_carried=list_carried,
    list_blended=list_blended,
    choose_seconds=choose_seconds,
)
