import asyncio

import pytest

from frontend.errors import BackendUnavailable
from frontend.keys.keyring import Keyring
from frontend.keys.model import Key, KeyLimits
from frontend.keys.secrets import KeyParts, digest_secret, new_key

PEPPER = b"p" * 32


class Desk:
    """Answers as a store does, and counts the questions."""

    def __init__(self, *known: KeyParts) -> None:
        self.keys = {each.id: _key(each) for each in known}
        self.n_questions = 0
        self.is_away = False
        self.now = 100.0

    async def find(self, key_id: str) -> Key | None:
        self.n_questions += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise BackendUnavailable("away")
        return self.keys.get(key_id)

    def ring(self, cache_s: float = 5.0) -> Keyring:
        return Keyring(self.find, PEPPER, cache_s, clock=lambda: self.now)


def _key(each: KeyParts) -> Key:
    digest = digest_secret(each.secret, PEPPER)
    return Key(id=each.id, name="test", digest=digest, limits=KeyLimits())


KNOWN = new_key(PEPPER)


async def test_a_verified_key_is_not_looked_up_again_for_a_while() -> None:
    desk = Desk(KNOWN)
    ring = desk.ring()
    for _ in range(3):
        key = await ring.key_of(KNOWN.text)
        assert key is not None
        assert key.id == KNOWN.id
    assert desk.n_questions == 1
    desk.now += 5.0
    await ring.key_of(KNOWN.text)
    assert desk.n_questions == 2


async def test_a_revocation_counts_once_the_memory_is_over() -> None:
    desk = Desk(KNOWN)
    ring = desk.ring()
    await ring.key_of(KNOWN.text)
    desk.keys.clear()
    desk.now += 4.9
    assert await ring.key_of(KNOWN.text) is not None
    desk.now += 0.1
    assert await ring.key_of(KNOWN.text) is None


async def test_without_memory_every_request_asks() -> None:
    desk = Desk(KNOWN)
    ring = desk.ring(cache_s=0.0)
    await ring.key_of(KNOWN.text)
    await ring.key_of(KNOWN.text)
    assert desk.n_questions == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("k", id="short"),
        pytest.param(KNOWN.text + "a", id="longer"),
        pytest.param(KNOWN.text.upper(), id="upper-case"),
        pytest.param(new_key(b"q" * 32).text, id="of-another-pepper"),
        pytest.param(f"tta_{KNOWN.id}_{'a' * 52}", id="another-secret"),
        pytest.param(f"tta_{'a' * 12}_{KNOWN.secret.decode()}", id="another-id"),
    ],
)
async def test_a_made_up_key_never_reaches_the_database(text: str) -> None:
    desk = Desk(KNOWN)
    assert await desk.ring().key_of(text) is None
    assert desk.n_questions == 0


async def test_a_wrong_secret_of_a_remembered_key_is_refused() -> None:
    desk = Desk(KNOWN)
    ring = desk.ring()
    await ring.key_of(KNOWN.text)
    assert await ring.key_of(f"tta_{KNOWN.id}_{'a' * 52}") is None


async def test_requests_that_come_together_ask_once() -> None:
    desk = Desk(KNOWN)
    ring = desk.ring()
    found = await asyncio.gather(*(ring.key_of(KNOWN.text) for _ in range(50)))
    assert all(found)
    assert desk.n_questions == 1


async def test_a_client_that_leaves_does_not_take_the_others_answer_along() -> None:
    desk = Desk(KNOWN)
    ring = desk.ring()
    first = asyncio.create_task(ring.key_of(KNOWN.text))
    other = asyncio.create_task(ring.key_of(KNOWN.text))
    await asyncio.sleep(0)
    first.cancel()
    assert await other is not None
    assert desk.n_questions == 1


async def test_a_database_that_is_away_is_no_wrong_key() -> None:
    desk = Desk(KNOWN)
    desk.is_away = True
    ring = desk.ring()
    with pytest.raises(BackendUnavailable):
        await ring.key_of(KNOWN.text)
    desk.is_away = False
    assert await ring.key_of(KNOWN.text) is not None


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.keys.keyring._MAX_REMEMBERED", 2)
    keys = [new_key(PEPPER) for _ in range(3)]
    desk = Desk(*keys)
    ring = desk.ring()
    for each in keys:
        await ring.key_of(each.text)
    await ring.key_of(keys[2].text)
    assert desk.n_questions == 3
    await ring.key_of(keys[0].text)
    assert desk.n_questions == 4
