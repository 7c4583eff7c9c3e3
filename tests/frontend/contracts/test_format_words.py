"""Each contract, the page and the command offer every row of `FORMATS`, or leave it out on purpose.

A new row fails here until somebody has decided that for each of them: what a contract takes says
its own document.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from frontend.audio.formats import FORMATS, AudioFormat
from frontend.contracts.aimlapi import routes as aimlapi
from frontend.contracts.elevenlabs import music, sound, speech_body, stream_messages
from frontend.contracts.kit.elevenlabs_formats import MUSIC_FORMATS, OUTPUT_FORMATS
from frontend.contracts.localai import routes as localai
from frontend.contracts.localai import speech as localai_speech
from frontend.contracts.musicgpt import routes as musicgpt
from frontend.contracts.openai import routes as openai
from frontend.contracts.table import CONTRACTS
from frontend.contracts.tritone import orders
from frontend.contracts.vllm_omni import routes as vllm_omni
from ops.client import cli

ROOT = Path(__file__).parents[3]
TELEPHONY = frozenset({"ulaw", "alaw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one place says of formats."""

    of: str  # a contract, or who else offers them
    rows: Collection[AudioFormat]
    left_out: frozenset[str]


def _read_page() -> list[str]:
    source = (ROOT / "frontend/playground/static/models.js").read_text()
    listed = re.search(r"^export const FORMATS = (\[.*\]);$", source, re.MULTILINE)
    assert listed is not None
    return [word for word, _label in json.loads(listed[1])]


def _read_help() -> list[str]:
    option = next(each for each in get_args(cli.Format) if hasattr(each, "help"))
    return _find_words(str(option.help).partition(";")[0])


def _find_words(prose: str) -> list[str]:
    return [word for word in re.findall(r"\w+", prose) if word != "or"]


def _of(names: Collection[str]) -> list[AudioFormat]:
    return [FORMATS[name] for name in names]


OFFERS = (
    Offer(of="tritone", rows=FORMATS.values(), left_out=frozenset()),
    Offer(of="openai", rows=openai.FORMAT_WORDS.values(), left_out=TELEPHONY),
    Offer(of="vllm-omni", rows=vllm_omni.FORMAT_WORDS.values(), left_out=TELEPHONY),
    Offer(of="localai", rows=localai.FORMAT_WORDS.values(), left_out=frozenset()),
    Offer(of="localai", rows=localai_speech.FORMAT_WORDS.values(), left_out=TELEPHONY),
    Offer(of="elevenlabs", rows=OUTPUT_FORMATS.values(), left_out=frozenset({"flac", "aac"})),
    Offer(of="elevenlabs", rows=MUSIC_FORMATS.values(), left_out=frozenset({"flac", "aac", "wav"})),
    Offer(
        of="elevenlabs",
        rows=speech_body.STREAM_FORMATS.values(),
        left_out=frozenset({"flac", "aac", "wav"}),
    ),
    # The vendors choose: a request names no format.
    Offer(
        of="aimlapi",
        rows=aimlapi.DELIVERED,
        left_out=TELEPHONY | {"pcm", "flac", "mp3", "aac", "opus"},
    ),
    Offer(
        of="musicgpt",
        rows=musicgpt.DELIVERED,
        left_out=TELEPHONY | {"pcm", "flac", "aac", "opus"},
    ),
    # A browser plays neither bare samples nor telephony.
    Offer(of="the page", rows=_of(_read_page()), left_out=TELEPHONY | {"pcm"}),
    Offer(of="the command", rows=_of(_read_help()), left_out=TELEPHONY),
)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.of)
def test_every_format_is_offered_or_left_out_on_purpose(offer: Offer) -> None:
    offered = {row.name for row in offer.rows}
    assert not offered & offer.left_out
    assert offered | offer.left_out == FORMATS.keys()


def test_every_contract_has_decided() -> None:
    assert {contract.name for contract in CONTRACTS} <= {offer.of for offer in OFFERS}


def _list_words(body: type[BaseModel], field: str) -> set[str]:
    """Return the words that the published schema of a field allows."""
    found = body.model_json_schema()["properties"][field]
    return set(found.get("enum") or found["items"]["enum"])


@pytest.mark.parametrize(
    ("body", "field", "table"),
    [
        (openai.SpeechBody, "response_format", openai.FORMAT_WORDS),
        (vllm_omni.AudioGenerateBody, "response_format", vllm_omni.FORMAT_WORDS),
        (orders.SoundJobBody, "formats", FORMATS),
        (orders.SpeechJobBody, "formats", FORMATS),
        (sound.SoundGenerationQuery, "output_format", OUTPUT_FORMATS),
        (speech_body.SpeechQuery, "output_format", OUTPUT_FORMATS),
        (speech_body.StreamQuery, "output_format", speech_body.STREAM_FORMATS),
        (stream_messages.StreamInputQuery, "output_format", speech_body.STREAM_FORMATS),
        (music.MusicQuery, "output_format", {music.AUTO: None, **MUSIC_FORMATS}),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", "table"),
)
def test_a_schema_allows_the_words_of_its_table(
    body: type[BaseModel], field: str, table: Mapping[str, object]
) -> None:
    assert _list_words(body, field) == table.keys()


@pytest.mark.parametrize("body", [localai.SoundGenerationBody, localai_speech.SpeechBody])
def test_the_schema_that_takes_any_word_names_those_that_are_known(body: type[BaseModel]) -> None:
    said = body.model_fields["response_format"].description or ""
    named = _find_words(said.partition(";")[0])
    assert {localai_speech.FORMAT_WORDS[word].name for word in named} == {
        row.name for row in localai_speech.FORMAT_WORDS.values()
    }


def test_what_the_page_offers_its_paths_take() -> None:
    assert set(_read_page()) <= vllm_omni.FORMAT_WORDS.keys()
