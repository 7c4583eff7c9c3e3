"""LocalAI's speech: the source document's own examples, formats, model files, engines."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from frontend.triton.gateway import Catalog
from tests.cards import TALKER, voice
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

ADD = "says how to add others"
EXAMPLES: list[tuple[dict[str, str], int, str]] = [
    ({"input": "Hello world", "model": "tts"}, 200, ""),
    ({"input": "Hello world", "model": "tts", "response_format": "mp3"}, 200, ""),
    (
        {
            "backend": "coqui",
            "model": "tts_models/en/ljspeech/glow-tts",
            "input": "Hello, this is a test!",
        },
        400,
        ADD,
    ),
    ({"backend": "bark", "input": "Hello!"}, 200, "the default voice stands in for bark"),
    (
        {"backend": "bark", "input": "Hello!", "model": "v2/en_speaker_4"},
        200,
        "the default voice stands in for bark",
    ),
    (
        {
            "model": "it-riccardo_fasol-x-low.onnx",
            "backend": "piper",
            "input": "Ciao, sono Ettore",
        },
        400,
        ADD,
    ),
    (
        {
            "backend": "transformers-musicgen",
            "model": "facebook/musicgen-medium",
            "input": "Cello Rave",
        },
        200,
        "the default model of sounds stands in for musicgen",
    ),
    ({"backend": "vall-e-x", "input": "Hello!"}, 400, ADD),
    ({"model": "cloned-voice", "input": "Hello!"}, 400, ADD),
    (
        {
            "model": "xtts_v2",
            "input": "Bonjour, je suis Ana Florence. Comment puis-je vous aider?",
        },
        400,
        ADD,
    ),
]
"""Body, status, and what the note or the error says. Source: LocalAI's page "Text to audio"."""

CLONED = """\
name: cloned-voice
backend: vall-e-x
parameters:
  model: "cloned-voice"
tts:
    vall-e:
      # The path to the audio file to be cloned
      audio_path: "audio-sample.wav"
"""
MARIE = "name: marie-fr\ntts: {voice: marie}\nparameters: {language: fr}"
XTTS = """\
name: xtts_v2
backend: coqui
parameters:
  language: fr
  model: tts_models/multilingual/multi-dataset/xtts_v2

tts:
  voice: Ana Florence
"""


@pytest.fixture
def model_files(tmp_path: Path) -> Path:
    (tmp_path / "cloned.yaml").write_text(CLONED)
    (tmp_path / "xtts.yaml").write_text(XTTS)
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example[0]))
async def test_the_documents_examples_run_or_say_what_is_missing(
    client_of: ClientFactory,
    gateway: FakeGateway,
    model_files: Path,
    example: tuple[dict[str, str], int, str],
) -> None:
    body, status, said = example
    async with client_of(gateway, make_settings(model_files=model_files)) as client:
        response = await client.post("/tts", json=body)
    assert response.status_code == status
    if status == 200:
        media_type = {"mp3": "audio/mpeg"}.get(body.get("response_format", ""), "audio/wav")
        assert response.headers["content-type"] == media_type
        assert response.headers.get("x-tritone-note", "") == said
    else:
        assert said in response.json()["error"]["message"]


async def test_an_engine_speaks_where_its_voices_are_served(
    client_of: ClientFactory, gateway: FakeGateway
) -> None:
    added = replace(TALKER, name="kokoro", engine="kokoro")
    gateway.catalog = Catalog(cards=gateway.catalog.cards, speech_cards=(TALKER, added))
    async with client_of(gateway, make_settings()) as client:
        for more in ({}, {"model": "kokoro"}, {"model": "kokoro-82m.onnx"}, {"voice": "marie"}):
            body = {"input": "Hello", "backend": "Kokoro", **more}
            response = await client.post("/tts", json=body)
            assert response.status_code == 200, response.text
            assert response.headers["x-tritone-model"] == "kokoro"


BARK = replace(
    TALKER,
    name="bark-small",
    engine="transformers",
    kind="bark",
    voices=tuple(
        replace(voice(f"bark-small-v2_{preset}", language), name=f"v2/{preset}")
        for preset, language in (("en_speaker_4", "en-US"), ("fr_speaker_1", "fr-FR"))
    ),
    default_voice="bark-small-v2_en_speaker_4",
)
OTHER = "another voice stands in for v2/fr_speaker_7, which is not installed"


@pytest.mark.parametrize(
    ("more", "spoken_by", "note"),
    [
        ({}, "bark-small-v2_en_speaker_4", ""),
        ({"model": "suno/bark-small"}, "bark-small-v2_en_speaker_4", ""),
        ({"model": "tts"}, "bark-small-v2_en_speaker_4", ""),
        ({"model": "v2/fr_speaker_1"}, "bark-small-v2_fr_speaker_1", ""),
        ({"model": "fr_speaker_1"}, "bark-small-v2_fr_speaker_1", ""),
        ({"model": "v2/fr_speaker_7"}, "bark-small-v2_fr_speaker_1", OTHER),
    ],
)
async def test_a_bark_that_was_added_is_bark(
    client_of: ClientFactory,
    gateway: FakeGateway,
    more: dict[str, str],
    spoken_by: str,
    note: str,
) -> None:
    dia = replace(BARK, name="a-dia", kind="dia")
    gateway.catalog = Catalog(cards=gateway.catalog.cards, speech_cards=(dia, TALKER, BARK))
    async with client_of(gateway, make_settings()) as client:
        response = await client.post("/tts", json={"input": "Hello", "backend": "Bark", **more})
    assert response.status_code == 200, response.text
    assert response.headers["x-tritone-model"] == "bark-small"
    assert response.headers["x-tritone-voice"] == spoken_by
    assert response.headers.get("x-tritone-note", "") == note


@pytest.mark.parametrize("kind", ["coqui", "vall-e-x", "parler-tts", "dia"])
async def test_a_kind_means_its_models_and_so_does_their_name(
    client_of: ClientFactory, gateway: FakeGateway, kind: str
) -> None:
    for added in (
        replace(TALKER, name="mine", engine="piper", kind=kind),
        replace(TALKER, name=kind, engine="upstream"),
    ):
        gateway.catalog = Catalog(cards=gateway.catalog.cards, speech_cards=(TALKER, added))
        async with client_of(gateway, make_settings()) as client:
            body = {"input": "Hello", "backend": kind, "model": "tts_models/en/ljspeech/glow-tts"}
            response = await client.post("/tts", json=body)
        assert response.status_code == 200, response.text
        assert response.headers["x-tritone-model"] == added.name


@pytest.mark.parametrize("model", [None, "facebook/musicgen-medium", "musicgen-small"])
async def test_a_musicgen_that_was_added_is_musicgen(
    client_of: ClientFactory, gateway: FakeGateway, model: str | None
) -> None:
    (starter,) = gateway.catalog.cards
    added = replace(starter, name="musicgen-small", family="musicgen")
    gateway.catalog = Catalog(cards=(starter, added), speech_cards=(TALKER,))
    async with client_of(gateway, make_settings()) as client:
        body = {"input": "Cello", "backend": "transformers-musicgen", "model": model}
        response = await client.post("/tts", json=body)
    assert response.status_code == 200, response.text
    assert response.headers["x-tritone-model"] == "musicgen-small"
    assert "x-tritone-note" not in response.headers


async def test_of_several_models_of_an_engine_the_first_speaks(
    client_of: ClientFactory, gateway: FakeGateway
) -> None:
    added = [replace(TALKER, name=name, engine="piper") for name in ("it-riccardo", "paola")]
    gateway.catalog = Catalog(cards=gateway.catalog.cards, speech_cards=(TALKER, *added))
    async with client_of(gateway, make_settings()) as client:
        response = await client.post("/tts", json={"input": "Hello", "backend": "piper"})
    assert response.headers["x-tritone-model"] == "it-riccardo"


@pytest.mark.parametrize(
    ("model", "status", "served"),
    [("it-riccardo.onnx", 200, "it-riccardo"), ("paola", 200, "paola"), ("nobody.onnx", 400, "")],
)
async def test_voices_of_piper_are_named_by_their_files(
    client_of: ClientFactory, gateway: FakeGateway, model: str, status: int, served: str
) -> None:
    added = [replace(TALKER, name=name, engine="piper") for name in ("it-riccardo", "paola")]
    gateway.catalog = Catalog(cards=gateway.catalog.cards, speech_cards=(TALKER, *added))
    async with client_of(gateway, make_settings()) as client:
        body = {"input": "Hello", "backend": "piper", "model": model}
        response = await client.post("/tts", json=body)
    assert (response.status_code, response.headers.get("x-tritone-model", "")) == (status, served)


@pytest.mark.parametrize("word", [None, "", "midi", "WAV", "wav"])
async def test_an_unknown_format_is_wav(client: httpx2.AsyncClient, word: str | None) -> None:
    response = await client.post("/tts", json={"input": "Hello", "response_format": word})
    assert response.headers["content-type"] == "audio/wav"
    assert int.from_bytes(response.content[40:44], "little") == len(response.content) - 44


async def test_a_rate_is_delivered(client: httpx2.AsyncClient) -> None:
    response = await client.post("/tts", json={"input": "Hello", "sample_rate": 8000})
    assert response.headers["x-tritone-sample-rate"] == "8000"
    assert int.from_bytes(response.content[24:28], "little") == 8000


async def test_a_stream_has_open_sizes_and_the_same_samples(client: httpx2.AsyncClient) -> None:
    body = {"input": "Hello there. Good bye."}
    whole = await client.post("/tts", json=body)
    streamed = await client.post("/tts", json={**body, "stream": True})
    assert streamed.content[40:44] == b"\xff\xff\xff\xff"
    assert streamed.content[44:] == whole.content[44:]


@pytest.mark.parametrize("path", ["/tts", "/v1/audio/speech", "/audio/speech"])
async def test_a_stream_may_be_audio_or_events(client: httpx2.AsyncClient, path: str) -> None:
    body = {"model": "tts", "input": "Hello there. Good bye.", "response_format": "unheard-of"}
    whole = await client.post(path, json=body)
    audio = await client.post(path, json={**body, "stream_format": "audio"})
    assert audio.headers["content-type"] == "audio/wav"
    assert audio.content[40:44] == b"\xff\xff\xff\xff"
    assert audio.content[44:] == whole.content[44:]
    answer = await client.post(path, json={**body, "stream_format": "sse"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(block[len("data: ") :]) for block in answer.text.split("\n\n")[:-1]]
    parts = [base64.b64decode(event["audio"]) for event in events[:-1]]
    assert (b"".join(parts), events[-1]["type"]) == (audio.content, "speech.audio.done")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": ""}, "input"),
        ({"input": "Hello", "stream_format": "morse"}, "stream_format"),
        ({"input": "こんにちは"}, "input"),
        ({"input": "Hello", "speed": 9}, "speed"),
        ({"input": "Hello", "backend": "nonesuch"}, "backend"),
        ({"input": "Hello", "language": "it"}, "language"),
        ({"input": "Hello", "backend": "bark", "model": "v2/it_speaker_1"}, "language"),
        ({"input": "Hello", "voice": "nobody"}, "voice"),
    ],
)
async def test_what_cannot_be_spoken_is_refused(
    client: httpx2.AsyncClient, gateway: FakeGateway, body: dict[str, object], field: str
) -> None:
    response = await client.post("/tts", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, field)
    assert gateway.speech_passes == []


async def test_a_model_file_chooses_voice_and_language(
    client_of: ClientFactory, gateway: FakeGateway, tmp_path: Path
) -> None:
    (tmp_path / "m.yml").write_text(
        "name: marie-fr\ntts: {voice: marie}\nparameters: {language: fr}"
    )
    async with client_of(gateway, make_settings(model_files=tmp_path)) as client:
        response = await client.post("/tts", json={"input": "Bonjour", "model": "marie-fr"})
    assert (response.status_code, response.headers["x-tritone-voice"]) == (200, "marie")


@pytest.mark.parametrize(
    ("body", "headers", "is_localai"),
    [
        ({"model": "tts-1", "input": "Hello", "voice": "anna"}, {}, False),
        ({"model": "tts", "input": "Hello"}, {}, True),
        ({"model": "tts", "input": "Hello", "voice": "anna", "language": "en"}, {}, True),
        ({"model": "tts", "input": "Hello", "voice": "anna", "language": None}, {}, False),
        ({"model": "tts", "input": "Hello"}, {"user-agent": "OpenAI/Python 3.5"}, False),
    ],
)
async def test_who_answers_on_the_shared_path(
    client: httpx2.AsyncClient, body: dict[str, object], headers: dict[str, str], is_localai: bool
) -> None:
    response = await client.post("/v1/audio/speech", json=body, headers=headers)
    is_wav = response.headers["content-type"] == "audio/wav"
    assert is_wav is is_localai
