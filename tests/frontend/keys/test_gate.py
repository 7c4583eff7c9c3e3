"""Keys as a client meets them: over HTTP, in every contract."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import psycopg
import pytest
from structlog.testing import capture_logs

from frontend.keys.model import KeyReport
from frontend.keys.secrets import new_key
from frontend.keys.store import KeyStore
from frontend.settings import Settings
from tests.conftest import make_app, make_settings
from tests.fakes import FakeGateway
from tests.frontend.keys.conftest import PEPPER, make_key

STATIC = "a-static-key-of-enough-length"
PROBES = {"/livez", "/readyz", "/metrics"}
OPEN = {*PROBES, "/files/{token}"}  # a link to a file is its own key
ELEVENLABS = "/elevenlabs/v1/sound-generation"
RAIN = {"text": "rain", "input": "rain", "model_id": "starter"}


@asynccontextmanager
async def _client(gateway: FakeGateway, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a running app: its gate is open."""
    app = make_app(settings, gateway)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://tritone") as client,
    ):
        yield client


def _with_static() -> Settings:
    return make_settings(keys={"static": [STATIC]})


def _with_database(url: str, **keys: object) -> Settings:
    own = {"allow_anonymous": False, "pepper": PEPPER.decode(), **keys}
    return make_settings(keys=own, jobs={"database_url": url})


def _key(text: str) -> dict[str, str]:
    return {"xi-api-key": text}


async def _report(store: KeyStore) -> KeyReport:
    (report,) = await store.reports()
    return report


async def test_every_path_but_the_probes_asks_for_a_key(gateway: FakeGateway) -> None:
    async with _client(gateway, _with_static()) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        for path, operations in paths.items():
            for method in operations:
                status = (await client.request(method, path)).status_code
                assert (status == 401) == (path not in OPEN), f"{method} {path} gave {status}"


@pytest.mark.parametrize("path", [*sorted(PROBES), "/docs", "/openapi.json"])
async def test_probes_and_the_documentation_ask_for_none(gateway: FakeGateway, path: str) -> None:
    async with _client(gateway, _with_static()) as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"xi-api-key": STATIC},
        {"x-api-key": STATIC},
        {"Authorization": f"Bearer {STATIC}"},
        {"Authorization": STATIC},
    ],
    ids=["xi-api-key", "x-api-key", "bearer", "bare"],
)
@pytest.mark.parametrize(
    "path",
    [
        ELEVENLABS,
        "/localai/v1/sound-generation",
        "/v1/sound-generation",
        "/v1/audio/generate",
        "/vllm-omni/v1/audio/generate",
    ],
)
async def test_every_form_of_a_key_opens_every_path(
    gateway: FakeGateway, path: str, headers: dict[str, str]
) -> None:
    async with _client(gateway, _with_static()) as client:
        answer = await client.post(path, json=RAIN, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"xi-api-key": ""}, "missing_api_key"),
        ({"Authorization": "Bearer "}, "missing_api_key"),
        ({"xi-api-key": "wrong"}, "invalid_api_key"),
        ({"xi-api-key": "wrong", "Authorization": f"Bearer {STATIC}"}, "invalid_api_key"),
        ({"Authorization": "Basic dTpw"}, "invalid_api_key"),
        ({"xi-api-key": f"{STATIC}x"}, "invalid_api_key"),
    ],
)
async def test_elevenlabs_tells_a_missing_key_from_a_wrong_one(
    gateway: FakeGateway, headers: dict[str, str], code: str
) -> None:
    async with _client(gateway, _with_static()) as client:
        answer = await client.post(ELEVENLABS, json=RAIN, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["detail"]["code"] == code
    assert gateway.options == []


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/localai/v1/sound-generation", "error"),
        ("/v1/audio/generate", "error"),
        ("/v1/models", "error"),
        ("/elevenlabs/v1/models", "detail"),
    ],
)
async def test_a_refusal_speaks_the_contracts_language(
    gateway: FakeGateway, path: str, key: str
) -> None:
    async with _client(gateway, _with_static()) as client:
        answer = await client.request("GET" if "models" in path else "POST", path)
    assert answer.status_code == 401
    assert list(answer.json()) == [key]


async def test_where_keys_are_off_any_key_will_do(gateway: FakeGateway) -> None:
    async with _client(gateway, make_settings()) as client:
        for headers in ({}, _key("anything")):
            answer = await client.post(ELEVENLABS, json=RAIN, headers=headers)
            assert answer.status_code == 200


async def test_a_key_of_the_database_works_and_is_counted(
    gateway: FakeGateway, store: KeyStore, database_url: str
) -> None:
    text = await make_key(store)
    async with _client(gateway, _with_database(database_url)) as client:
        with capture_logs() as lines:
            answer = await client.post(ELEVENLABS, json=RAIN, headers=_key(text))
        assert answer.status_code == 200
        refused = await client.post(ELEVENLABS, json={}, headers=_key(text))
        assert refused.status_code == 422
    report = await _report(store)  # written down at the end
    assert report.requests == 2
    assert report.sound_seconds == float(answer.headers["x-tritone-seconds"])
    assert [line["key"] for line in lines if line["event"] == "request"] == [report.id]
    assert text not in str(lines)


async def test_a_sound_is_made_on_the_share_of_its_key(gateway: FakeGateway) -> None:
    settings = make_settings(keys={"static": [STATIC, f"another-{STATIC}"]})
    async with _client(gateway, settings) as client:
        for text in (STATIC, f"another-{STATIC}", STATIC):
            answer = await client.post(ELEVENLABS, json=RAIN, headers=_key(text))
            assert answer.status_code == 200
    first, other, again = [call.owner for call in gateway.options]
    assert first == again
    assert first != other
    assert STATIC not in first + other  # an id, and not the secret


async def test_static_keys_work_beside_the_database(
    gateway: FakeGateway, database_url: str
) -> None:
    settings = _with_database(database_url, static=[STATIC])
    async with _client(gateway, settings) as client:
        answer = await client.post(ELEVENLABS, json=RAIN, headers=_key(STATIC))
    assert answer.status_code == 200


async def test_a_revoked_key_is_refused_within_the_seconds_of_the_settings(
    gateway: FakeGateway, store: KeyStore, database_url: str
) -> None:
    text = await make_key(store)
    async with _client(gateway, _with_database(database_url, cache_s=0.3)) as client:
        assert (await client.get("/v1/models", headers=_key(text))).status_code == 200
        await store.revoke((await _report(store)).id)
        await asyncio.sleep(0.3)
        answer = await client.get("/elevenlabs/v1/models", headers=_key(text))
    assert answer.status_code == 401
    assert answer.json()["detail"]["code"] == "invalid_api_key"


async def test_a_key_over_its_rate_is_told_when_to_come_back(
    gateway: FakeGateway, store: KeyStore, database_url: str
) -> None:
    text = await make_key(store, rate_per_minute=6, burst=2)
    async with _client(gateway, _with_database(database_url)) as client:
        answers = [await client.get("/elevenlabs/v1/models", headers=_key(text)) for _ in range(3)]
        localai = await client.get("/localai/v1/models", headers=_key(text))
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].json()["detail"]["code"] == "rate_limit_exceeded"
    assert 8 <= int(answers[2].headers["retry-after"]) <= 10
    assert localai.status_code == 503
    assert localai.headers["retry-after"]
    assert (await _report(store)).requests == 2


async def test_a_limit_holds_over_all_frontends(
    gateway: FakeGateway, store: KeyStore, database_url: str
) -> None:
    text = await make_key(store, rate_per_minute=6, burst=3)
    settings = _with_database(database_url)
    async with _client(gateway, settings) as one, _client(gateway, settings) as other:
        asked = [each.get("/v1/models", headers=_key(text)) for each in [one, other] * 5]
        statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert statuses.count(200) == 3


async def test_requests_in_flight_are_limited_and_their_slots_come_back(
    gateway: FakeGateway, store: KeyStore, database_url: str
) -> None:
    text = await make_key(store, max_in_flight=1)
    gateway.gate = asyncio.Event()
    async with _client(gateway, _with_database(database_url)) as client:
        first = asyncio.create_task(client.post(ELEVENLABS, json=RAIN, headers=_key(text)))
        while not gateway.options:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        second = await client.post(ELEVENLABS, json=RAIN, headers=_key(text))
        assert second.status_code == 429
        assert second.json()["detail"]["code"] == "concurrent_limit_exceeded"
        assert second.headers["retry-after"] == "1"
        gateway.gate.set()
        assert (await first).status_code == 200
        for _ in range(3):  # one after the other is never too many
            answer = await client.post(ELEVENLABS, json=RAIN, headers=_key(text))
            assert answer.status_code == 200


async def test_a_client_that_leaves_gives_its_slot_back(
    gateway: FakeGateway, store: KeyStore, database_url: str
) -> None:
    text = await make_key(store, max_in_flight=1)
    async with _client(gateway, _with_database(database_url)) as client:
        for delay_s in (0.0, 0.002, 0.005, 0.01, 0.05):
            gateway.gate = asyncio.Event()
            leaving = asyncio.create_task(client.post(ELEVENLABS, json=RAIN, headers=_key(text)))
            await asyncio.sleep(delay_s)
            leaving.cancel()
            await asyncio.wait({leaving})
        gateway.gate = None
        await asyncio.sleep(0.1)
        answer = await client.post(ELEVENLABS, json=RAIN, headers=_key(text))
        assert answer.status_code == 200


@contextmanager
def _away(database_url: str) -> Iterator[None]:
    """Let nobody connect to a database."""
    name = database_url.rpartition("/")[2]
    other = database_url.removesuffix(name) + "template1"
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def test_a_database_that_is_away_is_no_wrong_key(
    gateway: FakeGateway,
    store: KeyStore,
    database_url: str,
) -> None:
    limited, free = await make_key(store, rate_per_minute=6000), await make_key(store)
    async with _client(gateway, _with_database(database_url)) as client:
        assert (await client.get("/v1/models", headers=_key(free))).status_code == 200
        with _away(database_url):
            away = await client.get("/elevenlabs/v1/models", headers=_key(limited))
            known = await client.get("/v1/models", headers=_key(free))
            made_up = await client.get("/v1/models", headers=_key(new_key(b"q" * 32).text))
    assert away.status_code == 503
    assert away.headers["retry-after"]
    assert "API keys" in away.json()["detail"]["message"]
    assert known.status_code == 200  # remembered, and without limits
    assert made_up.status_code == 401
    assert sum(report.requests for report in await store.reports()) == 2


async def test_what_keeps_everybody_out_is_logged_at_the_start(
    gateway: FakeGateway, store: KeyStore, database_url: str
) -> None:
    with capture_logs() as lines:
        async with _client(gateway, _with_database(database_url)):
            pass
    assert any("tritone keys create" in line["event"] for line in lines)
    text = await make_key(store)
    with capture_logs() as lines:
        async with _client(gateway, _with_database(database_url, pepper="q" * 32)) as client:
            answer = await client.get("/v1/models", headers=_key(text))
    assert answer.status_code == 401
    assert any("TRITONE_KEYS__PEPPER" in line["event"] for line in lines)
