"""Making a key, of which only the digest is stored."""

from frontend.keys.model import Key, KeyLimits
from frontend.keys.secrets import digest_secret, new_key, pepper_id
from frontend.keys.store import KeyStore


async def create_key(store: KeyStore, pepper: bytes, name: str, limits: KeyLimits) -> str:
    """Make and store a key; return its text, which nobody can read again.

    Raises:
        BackendUnavailable: the database is away.
    """
    new = new_key(pepper)
    digest = digest_secret(new.secret, pepper)
    await store.insert(Key(id=new.id, name=name, digest=digest, limits=limits), pepper_id(pepper))
    return new.text
