"""ACE-Step 1.5: songs with lyrics, tempo and key; Qwen3 texts, condition encoder, DiT, Oobleck.

Source: diffusers 0.42.1, `pipelines/ace_step`; bounds of tempo and lyrics from the constants of
ACE-Step 1.5 itself. 8 steps of the turbo checkpoints, whose guidance is baked in.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tritone.controls import (
    BPM,
    INSTRUMENTAL,
    KEYSCALE,
    LYRICS,
    TIMESIGNATURE,
    VOCAL_LANGUAGE,
    Control,
)
from tritone.families.family import Family
from tritone.passages import Encode, Passage, Tokenized, pad
from tritone.pcm import to_peak
from tritone.tensors import (
    ATTENTION_MASK,
    CONDITIONING,
    CONDITIONING_MASK,
    INPUT_IDS,
    LYRIC_IDS,
    LYRIC_MASK,
    PROMPT,
    SECONDS_END,
    TensorSpec,
    scalar,
)

if TYPE_CHECKING:
    from tritone.card import ModelCard

MAX_LYRICS_CHARS = 4096
SHORTEST_LYRICS = 64  # tokens of the first bucket; each further one is twice as long

CONTROLS = (
    Control(name=LYRICS, most=MAX_LYRICS_CHARS),
    Control(name=VOCAL_LANGUAGE, most=32),
    Control(name=INSTRUMENTAL),
    Control(name=BPM, least=30, most=300),
    Control(name=KEYSCALE, most=32),
    Control(name=TIMESIGNATURE, most=8),
)

_INSTRUCTION = "Fill the audio semantic mask based on the given conditions:"
_UNKNOWN = "N/A"
_DEFAULT_LANGUAGE = "en"
_INSTRUMENTAL_LYRICS = "[Instrumental]"


def list_controls(card: "ModelCard") -> tuple[Control, ...]:
    """Return what every model takes: what a song is like is said beside the prompt."""
    return CONTROLS


def list_texts(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return prompt, controls and the song's end: its length is part of the text."""
    controls = (scalar(each.name, each.dtype) for each in CONTROLS)
    return scalar(PROMPT, "STRING"), *controls, scalar(SECONDS_END, "FP32")


def list_tokens(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return ids and mask of the text, and of the lyrics, which come in buckets of lengths."""
    text = (card.prompt_tokens,)
    return (
        TensorSpec(INPUT_IDS, "INT64", text),
        TensorSpec(ATTENTION_MASK, "INT64", text),
        TensorSpec(LYRIC_IDS, "INT64", (-1,), counts="lyrics"),
        TensorSpec(LYRIC_MASK, "INT64", (-1,), counts="lyrics"),
    )


def list_conditioning(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return lyrics, timbre and text as one sequence with its mask."""
    return (
        TensorSpec(CONDITIONING, "FP32", (-1, card.conditioning_dim), counts="tokens"),
        TensorSpec(CONDITIONING_MASK, "INT64", (-1,), counts="tokens"),
    )


def file_tokens(card: "ModelCard") -> None:
    """Return None: `tokenizer.json` neither pads nor cuts, as prompt and lyrics differ."""


def tokenize(encode: Encode, card: "ModelCard", values: Mapping[str, Any]) -> Tokenized:
    """Return the tokens of the text, [1, prompt_tokens], and of the lyrics, [1, their bucket].

    What is too long is cut within the prompt and within the lyrics: tempo, key and length stay.

    Raises:
        ValueError: the model takes fewer tokens than the text around a prompt has.
    """
    text, read_prompt = describe(values).fit(encode, card.prompt_tokens)
    lyrics, read_lyrics = sing(values).fit(encode, card.lyric_tokens)
    ids, mask = pad(text, card.prompt_tokens)
    lyric_ids, lyric_mask = pad(lyrics, choose_bucket(len(lyrics), card.lyric_tokens))
    return Tokenized(
        {INPUT_IDS: ids, ATTENTION_MASK: mask, LYRIC_IDS: lyric_ids, LYRIC_MASK: lyric_mask},
        (read_prompt, read_lyrics),
    )


def choose_bucket(tokens: int, longest: int) -> int:
    """Return the length to which lyrics are padded: only songs of equal buckets share a step."""
    bucket = min(SHORTEST_LYRICS, longest)
    while bucket < tokens:
        bucket = min(2 * bucket, longest)
    return bucket


def describe(values: Mapping[str, Any]) -> Passage:
    """Return the prompt within instruction and metadata."""
    beats = str(values[TIMESIGNATURE]).partition("/")[0].strip()
    seconds = values[SECONDS_END]
    metas = (
        f"- bpm: {values[BPM] or _UNKNOWN}\n"
        f"- timesignature: {beats or _UNKNOWN}\n"
        f"- keyscale: {str(values[KEYSCALE]).strip() or _UNKNOWN}\n"
        f"- duration: {int(seconds) if seconds > 0 else 30} seconds\n"
    )
    return Passage(
        f"# Instruction\n{_INSTRUCTION}\n\n# Caption\n",
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
)
