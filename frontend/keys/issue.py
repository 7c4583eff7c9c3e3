"""Making a key and keeping its digest."""

from frontend.keys.model import Key, KeyLimits
from frontend.keys.secrets import digest_of, new_key, pepper_id
from frontend.keys.store import KeyStore


async def issue(store: KeyStore, pepper: bytes, name: str, limits: KeyLimits) -> str:
    """Return the text of a new key; nobody can read it again.

    Raises:
        BackendUnavailable: the database is away.
    """
    new = new_key(pepper)
    digest = digest_of(new.secret, pepper)
    await store.insert(Key(id=new.id, name=name, digest=digest, limits=limits), pepper_id(pepper))
    return new.text
