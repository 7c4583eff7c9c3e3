"""ElevenLabs: the pronunciation dictionaries that a request names."""

from collections.abc import Sequence

from starlette.requests import HTTPConnection

from frontend.contracts.elevenlabs.speech_body import DictionaryLocator
from frontend.contracts.kit.app_parts import get_dictionaries, get_owner
from frontend.errors import InvalidRequest
from tritone.speech_options import MAX_PRONUNCIATIONS, Pronunciation

Pronunciations = tuple[Pronunciation, ...]


async def find_pronunciations(
    connection: HTTPConnection, locators: Sequence[DictionaryLocator]
) -> Pronunciations:
    """Return the rules of the caller's dictionaries; of two for one string the first counts.

    Raises:
        DictionaryNotFound: the caller has no such dictionary, or it has no such version.
        InvalidRequest: together they have too many rules.
    """
    found: Pronunciations = ()
    for locator in locators:
        dictionary = await get_dictionaries(connection).find(
            get_owner(connection), locator.pronunciation_dictionary_id, locator.version_id
        )
        found += tuple(rule.to_pronunciation() for rule in dictionary.rules)
    if len(found) > MAX_PRONUNCIATIONS:
        raise InvalidRequest(
            f"The dictionaries of a request may have {MAX_PRONUNCIATIONS} rules together.",
            field="pronunciation_dictionary_locators",
        )
    return found
