"""The bodies and calls of the published documents, as printed."""

import json

import httpx2
import pytest

from tests.fakes import FakeGateway

JSON = {"content-type": "application/json"}

VLLM_OMNI = {
    "quick-start": '{\n"input": "The sound of a cat purring",\n"audio_length": 10.0\n}',
    "basic": '{\n"input": "The sound of ocean waves crashing on a beach"\n}',
    "custom-duration": '{\n"input": "A dog barking",\n"audio_length": 5.0\n}',
    "high-quality": (
        '{\n"input": "A piano playing a gentle melody",\n"audio_length": 10.0,\n'
        '"negative_prompt": "Low quality, distorted, noisy",\n"guidance_scale": 8.0,\n'
        '"num_inference_steps": 150\n}'
    ),
    "reproducible": '{\n"input": "Thunder and rain sounds",\n"audio_length": 15.0,\n"seed": 42\n}',
    "full-control": (
        '{\n"input": "Thunder and rain sounds",\n"audio_length": 15.0,\n'
        '"negative_prompt": "Low quality",\n"guidance_scale": 7.0,\n'
        '"num_inference_steps": 100,\n"seed": 42\n}'
    ),
    "fewer-steps": (
        '{\n"input": "Birds chirping in a forest",\n"audio_length": 8.0,\n'
        '"num_inference_steps": 50\n}'
    ),
    "python-client": (
        '{"input": "Thunder and rain", "audio_length": 15.0, "negative_prompt": "Low quality", '
        '"guidance_scale": 7.0, "num_inference_steps": 100, "seed": 42, "response_format": "wav"}'
    ),
}

LOCALAI = {
    "sound-effect": (
        '{\n    "model_id": "sound-model",\n    "text": "rain falling on a tin roof"\n  }'
    ),
    "song-with-vocals": (
        '{\n    "model_id": "sound-model",\n'
        '    "text": "a soft Bengali love song for a quiet evening",\n'
        '    "instrumental": false,\n    "vocal_language": "bn"\n  }'
    ),
    "advanced": (
        '{\n    "model_id": "sound-model",\n    "text": "upbeat pop",\n'
        '    "caption": "A funky Japanese disco track",\n'
        '    "lyrics": "[Verse 1]\\nDancing in the neon lights",\n    "think": true,\n'
        '    "bpm": 120,\n    "duration_seconds": 225,\n    "keyscale": "Ab major",\n'
        '    "language": "ja",\n    "timesignature": "4"\n  }'
    ),
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in VLLM_OMNI.items()])
async def test_vllm_omnis_examples(
    body: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post("/v1/audio/generate", content=body, headers=JSON)
    assert response.status_code == 200, response.text
    assert response.content.startswith(b"RIFF")
    asked = json.loads(body)
    made = gateway.passes[0]
    assert made.prompt == asked["input"]
    assert made.steps == asked.get("num_inference_steps", made.card.default_steps)
    assert made.controls.get("negative_prompt") == asked.get("negative_prompt")
    if "audio_length" in asked:
        assert float(response.headers["x-tritone-seconds"]) == asked["audio_length"]
    if "seed" in asked:
        assert response.headers["x-tritone-seed"] == "42"


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in LOCALAI.items()])
@pytest.mark.parametrize("prefix", ["", "/localai"])
async def test_localais_examples(
    prefix: str, body: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    response = await client.post(f"{prefix}/v1/sound-generation", content=body, headers=JSON)
    assert response.status_code == 200, response.text
    assert response.content.startswith(b"RIFF")
    seconds = json.loads(body).get("duration_seconds", gateway.catalog.cards[0].default_seconds)
    assert float(response.headers["x-tritone-seconds"]) == seconds
    assert ("x-tritone-note" in response.headers) == ("falling" not in body)


@pytest.mark.parametrize("prefix", ["", "/elevenlabs"])
async def test_elevenlabs_example(prefix: str, client: httpx2.AsyncClient) -> None:
    body = '{\n  "text": "Spacious braam suitable for high-impact movie trailer moments"\n}'
    response = await client.post(
        f"{prefix}/v1/sound-generation", content=body, headers={**JSON, "xi-api-key": "<apiKey>"}
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "audio/mpeg"


@pytest.mark.parametrize("prefix", ["", "/elevenlabs"])
async def test_elevenlabs_example_of_speech(
    prefix: str, client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    body = (
        '{\n  "text": "The first move is what sets everything in motion.",\n'
        '  "model_id": "eleven_multilingual_v2"\n}'
    )
    path = "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb?output_format=mp3_44100_128"
    response = await client.post(
        f"{prefix}{path}", content=body, headers={**JSON, "xi-api-key": "<apiKey>"}
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "audio/mpeg"
    assert response.headers["x-tritone-note"] == "voice anna stands in for JBFqnCBsd6RMkjVDRZzb"
    (spoken,) = gateway.speech_passes
    assert spoken.text == "The first move is what sets everything in motion."


@pytest.mark.parametrize("seconds", [0.5, 22.0])
async def test_elevenlabs_documented_lengths(seconds: float, client: httpx2.AsyncClient) -> None:
    body = {"text": "rain", "duration_seconds": seconds, "prompt_influence": 0.3}
    response = await client.post("/v1/sound-generation", json=body, headers={"xi-api-key": "k"})
    assert float(response.headers["x-tritone-seconds"]) == seconds


async def test_vllm_omnis_documented_model_is_served(client: httpx2.AsyncClient) -> None:
    body = {"input": "rain", "model": "stabilityai/stable-audio-open-1.0"}
    response = await client.post("/v1/audio/generate", json=body)
    assert response.headers["x-tritone-model"] == "starter"
