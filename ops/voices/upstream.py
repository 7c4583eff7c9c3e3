"""Another speech server as a model of ours: asked once, then published."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict
from urllib.parse import urlsplit

import numpy as np

from ops.errors import OpsError
from ops.voices.configuration import LANES
from ops.voices.publishing import Publication
from tritone.card import SpeechCard, Voice
from tritone.pcm import SILENCE_DBFS, loudness_dbfs, to_int16
from tritone.upstream import ENGINE, FILE, PATH, Upstream
from tritone.wav import NoWav, read_wav

LANES_AT_ONCE = 16  # requests that the server gets side by side

_TIMEOUT_S = 60.0
_TEXT = "One, two, three."


class UpstreamFailed(OpsError):
    """The server cannot speak for us; the text says why."""


def make_publication(name: str, server: Upstream, language: str, licence: str) -> Publication:
    """Return the model of a server, which has spoken with each of the voices.

    Raises:
        UpstreamFailed: it does not, or not as an OpenAI-compatible server does.
    """
    rates = {_ask_to_speak(server, voice) for voice in server.voices.values()}
    if len(rates) != 1:
        raise UpstreamFailed(f"the voices have several rates: {sorted(rates)} Hz; add them apart")
    voices = tuple(
        Voice(
            id=voice,
            name=theirs,
            language=language,
            gender="neutral",
            license=licence,
            description=f"{theirs} of the server {server.url}.",
        )
        for voice, theirs in server.voices.items()
    )
    card = SpeechCard(
        name=name,
        engine=ENGINE,
        voices=voices,
        default_voice=voices[0].id,
        sample_rate=rates.pop(),
        audio_channels=1,
        min_speed=0.25,
        max_speed=4.0,
        max_characters=100_000,
    )
    return Publication(
        card=card,
        network=None,
        network_spec=None,
        source=f"the server {server.url}",
        licence=licence,
        precision="",
        files={FILE: json.dumps(asdict(server), indent=1).encode()},
        parameters={LANES: str(LANES_AT_ONCE)},
    )


def name_voices(model: str, voices: Sequence[str]) -> dict[str, str]:
    """Return the server's own name of each voice by ours, which no other model has."""
    return {f"{model}-{voice}": voice for voice in voices}


def check_address(url: str) -> str:
    """Return a server's address without what may follow it.

    Raises:
        UpstreamFailed: it is none.
    """
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or address.username:
        raise UpstreamFailed(f"{url} is no address of a server, as http://host:8880")
    return url.rstrip("/").removesuffix("/v1")


def _ask_to_speak(server: Upstream, voice: str) -> int:
    """Return the rate of what the server says, in Hz."""
    body = {"model": server.model, "voice": voice, "input": _TEXT, "response_format": "wav"}
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(server.key_variable):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(  # noqa: S310 -- http and https only: `check_address`
        f"{server.url}{PATH}", json.dumps(body).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            waveform, rate = read_wav(response.read())
    except urllib.error.HTTPError as error:
        said = " ".join(error.read(300).decode("utf-8", "replace").split())
        raise UpstreamFailed(f"{server.url} refuses with {error.code}: {said}") from error
    except NoWav as error:
        raise UpstreamFailed(f"{server.url} does not answer with sound: {error}") from error
    except OSError as error:
        why = getattr(error, "reason", error)
        raise UpstreamFailed(f"{server.url} does not answer: {why}") from error
    if loudness_dbfs(to_int16(waveform)[np.newaxis]) < SILENCE_DBFS:
        raise UpstreamFailed(f"{server.url} is silent with the voice {voice}")
    return rate
