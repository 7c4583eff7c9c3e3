import httpx2
import pytest
from fastapi import APIRouter, FastAPI

from frontend.contracts.kit.contract import Contract
from frontend.contracts.serving import UndeclaredClash, check_clashes, include_contracts
from frontend.contracts.shared_paths import SHARED_PATHS
from frontend.contracts.table import CONTRACTS
from frontend.contracts.tritone.envelope import ENVELOPE as TRITONE
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

MODELS = {"/v1/models", "/v1/models/{model_id}"}
SOUND = {
    *("/api/public/v1/sound_generator", "/api/public/v1/SoundGenerator"),
    *("/api/public/v1/generate_sound", "/sound_generator"),
}
SPEECH = {"/v1/audio/speech", "/audio/speech"}
VOICE = "/v1/text-to-speech/{voice_id}"
DICTIONARIES = "/v1/pronunciation-dictionaries"
DICTIONARY = f"{DICTIONARIES}/{{pronunciation_dictionary_id}}"
ROOT_PATHS = {
    "elevenlabs": {
        *("/v1/sound-generation", "/v1/models", "/v1/music", "/v1/music/stream"),
        *("/v1/music/plan", "/v1/music/detailed"),
        *("/v1/user", "/v1/user/subscription", "/v1/history", "/v1/history/download"),
        *("/v1/history/{history_item_id}", "/v1/history/{history_item_id}/audio"),
        *(VOICE, f"{VOICE}/stream", f"{VOICE}/with-timestamps"),
        *(f"{VOICE}/stream/with-timestamps", "/v1/voices", "/v2/voices", "/v1/voices/add"),
        *("/v1/voices/settings/default", "/v1/voices/{voice_id}"),
        "/v1/voices/{voice_id}/settings",
        *(DICTIONARIES, f"{DICTIONARIES}/add-from-rules", f"{DICTIONARIES}/add-from-file"),
        *(DICTIONARY, f"{DICTIONARY}/add-rules", f"{DICTIONARY}/set-rules"),
        *(f"{DICTIONARY}/remove-rules", f"{DICTIONARY}/{{version_id}}/download"),
    },
    "localai": {"/v1/sound-generation", "/tts", VOICE, *SPEECH, *MODELS},
    "openai": {*SPEECH},
    "vllm-omni": {"/v1/audio/generate", *MODELS},
    "aimlapi": {"/v2/generate/audio"},
    "musicgpt": {*SOUND, "/api/public/v1", "/api/public/v1/byId", "/api/public/v1/byUser"},
}
OURS = {
    "/cards",
    *("/jobs", "/jobs/{job_id}", "/jobs/{job_id}/events", "/jobs/{job_id}/deliveries"),
    *("/deliveries/{delivery_id}/redeliver", "/webhook-secrets", "/files/{token}"),
}


def _contract(*paths: str, method: str = "POST") -> Contract:
    router = APIRouter()
    for path in paths:
        router.add_api_route(path, lambda: None, methods=[method])
    return Contract(envelope=TRITONE, routers=(router,), root_paths=())


def test_the_contracts_do_not_clash() -> None:
    check_clashes(CONTRACTS, SHARED_PATHS)


def test_an_undeclared_clash_stops_the_start() -> None:
    contracts = (_contract("/a", "/b"), _contract("/b", "/c"))
    with pytest.raises(UndeclaredClash, match="POST /b"):
        check_clashes(contracts, ())
    check_clashes(contracts, {("POST", "/b")})


def test_one_path_with_two_methods_is_no_clash() -> None:
    check_clashes((_contract("/a"), _contract("/a", method="GET")), ())


def test_shared_paths_are_declared_for_routers_that_have_them() -> None:
    for (method, path), router in SHARED_PATHS.items():
        (route,) = router.routes
        assert getattr(route, "path", None) == path
        assert getattr(route, "methods", None) == {method}


def test_every_path_is_served_once_at_the_root_and_under_its_prefixes() -> None:
    app = FastAPI()
    include_contracts(app)
    prefixed = {f"/{name}{path}" for name, paths in ROOT_PATHS.items() for path in paths}
    shared = {path for paths in ROOT_PATHS.values() for path in paths}
    assert set(app.openapi()["paths"]) == prefixed | shared | OURS


@pytest.mark.parametrize(
    ("method", "path", "status", "key"),
    [
        ("GET", "/v1/audio/generate", 405, "error"),
        ("GET", "/vllm-omni/v1/audio/generate", 405, "error"),
        ("POST", "/vllm-omni/v1/nonesuch", 404, "error"),
        ("GET", "/v1/sound-generation", 405, "detail"),
        ("GET", "/elevenlabs/v1/sound-generation", 405, "detail"),
        ("DELETE", "/v1/voices", 405, "detail"),
        ("GET", "/v1/music", 405, "detail"),
        ("POST", "/v1/music/detailed/stream", 404, "detail"),
        ("GET", "/jobs/a/b", 404, "error"),
        ("GET", "/localai/v1/sound-generation", 404, "error"),
        ("GET", "/localai/nonesuch", 404, "error"),
        ("GET", "/nonesuch", 404, "error"),
        ("POST", "/livez", 405, "error"),
        ("GET", "/%F0%9F%8C%A7", 404, "error"),
    ],
)
async def test_a_wrong_path_or_method_is_told_in_the_words_of_the_path(
    method: str, path: str, status: int, key: str, client: httpx2.AsyncClient
) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    assert list(response.json()) == [key]
    assert ("allow" in response.headers) or status == 404


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/jobs", "GET, HEAD, POST"),
        ("/jobs/x", "GET, HEAD, DELETE"),
        ("/v2/generate/audio", "GET, HEAD, POST"),
        ("/v1/audio/generate", "POST"),
        ("/livez", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_all_the_right_ones(
    path: str, allowed: str, client: httpx2.AsyncClient
) -> None:
    response = await client.put(path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


async def test_localai_says_resource_not_found_for_a_wrong_method_too(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.get("/v1/sound-generation", headers={"authorization": "Bearer k"})
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "Resource not found"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/audio/generate", "error"),
        ("/v1/sound-generation", "detail"),
        ("/localai/v1/sound-generation", "error"),
    ],
)
async def test_a_body_over_the_limit_is_a_413_in_the_words_of_the_path(
    path: str, key: str, client_of: ClientFactory, gateway: FakeGateway
) -> None:
    async with client_of(gateway, make_settings(max_body_bytes=1024)) as client:
        response = await client.post(path, json={"input": "rain" * 1000})
    assert response.status_code == 413
    assert list(response.json()) == [key]


@pytest.mark.parametrize(
    ("path", "headers", "is_array"),
    [
        ("/v1/models", {}, False),
        ("/v1/models", {"x-fern-sdk-name": "elevenlabs"}, True),
        ("/v1/models", {"user-agent": "elevenlabs/2.78.0"}, True),
        ("/v1/models", {"xi-api-key": "k"}, True),
        ("/v1/models", {"xi-api-key": "k", "x-stainless-lang": "python"}, False),
        ("/v1/models", {"xi-api-key": "k", "user-agent": "OpenAI/Python 3.52.0"}, False),
        ("/elevenlabs/v1/models", {}, True),
        ("/localai/v1/models", {"xi-api-key": "k"}, False),
        ("/vllm-omni/v1/models", {}, False),
    ],
)
async def test_models_are_an_array_for_elevenlabs_clients_and_an_object_for_all_others(
    path: str, headers: dict[str, str], is_array: bool, client: httpx2.AsyncClient
) -> None:
    models = (await client.get(path, headers=headers)).json()
    if is_array:
        assert [model["model_id"] for model in models] == ["starter", "talker"]
    else:
        assert models["object"] == "list"
        assert [model["id"] for model in models["data"]] == ["starter", "talker"]


@pytest.mark.parametrize("prefix", ["", "/localai", "/vllm-omni"])
async def test_one_model_is_told_of_by_its_name_or_alias(
    prefix: str, client: httpx2.AsyncClient
) -> None:
    alias = "stabilityai/stable-audio-open-1.0"
    for path, model in (("starter",) * 2, (alias, alias), (alias.replace("/", "%2F"), alias)):
        response = await client.get(f"{prefix}/v1/models/{path}")
        assert response.status_code == 200
        assert response.json() == {
            **{"id": model, "object": "model"},
            **{"created": 0, "owned_by": "tritone"},
        }


async def test_an_unknown_model_is_a_404_to_openai_clients(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/models/org/nonesuch")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "The model `org/nonesuch` does not exist."


async def test_elevenlabs_models_have_what_their_clients_show(client: httpx2.AsyncClient) -> None:
    model, speaking = (await client.get("/elevenlabs/v1/models")).json()
    assert model["maximum_text_length_per_request"] == 2500
    assert model["model_rates"] == {"character_cost_multiplier": 1.0}
    assert model["can_do_text_to_speech"] is False
    assert speaking["can_do_text_to_speech"] is True
    assert [each["language_id"] for each in speaking["languages"]] == ["en", "fr"]
