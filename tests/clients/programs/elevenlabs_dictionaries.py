"""Calls of the `elevenlabs` package 1.x and 2.x about pronunciation dictionaries."""

import json
import os
import sys

from elevenlabs import PronunciationDictionaryVersionLocator
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.environment import ElevenLabsEnvironment

URL, KEY = os.environ["TEST_URL"], os.environ["TEST_KEY"]
IS_2 = os.environ["TEST_MAJOR"] == "2"
ALIAS = {"type": "alias", "string_to_replace": "SQL", "alias": "sequel"}
PHONEME = {
    "type": "phoneme",
    "string_to_replace": "tomato",
    "phoneme": "T AH0 M EY1 T OW0",
    "alphabet": "cmu-arpabet",
}

if IS_2:
    own = ElevenLabs(base_url=URL, api_key=KEY)
    dictionaries = own.pronunciation_dictionaries
    made = dictionaries.create_from_rules(name="of rules", rules=[ALIAS, PHONEME])
    added = dictionaries.rules.add(made.id, rules=[{**ALIAS, "string_to_replace": "API"}])
    removed = dictionaries.rules.remove(made.id, rule_strings=["tomato"])
    dictionaries.rules.set(made.id, rules=[ALIAS])
    from_file, list_all = dictionaries.create_from_file, dictionaries.list
else:
    own = ElevenLabs(environment=ElevenLabsEnvironment(base=URL, wss=URL), api_key=KEY)
    dictionaries = own.pronunciation_dictionary
    made = dictionaries.add_from_rules(name="of rules", rules=[ALIAS, PHONEME])
    added = dictionaries.add_rules(made.id, rules=[{**ALIAS, "string_to_replace": "API"}])
    removed = dictionaries.remove_rules(made.id, rule_strings=["tomato"])
    from_file, list_all = dictionaries.add_from_file, dictionaries.get_all

file = b"".join(dictionaries.download(made.id, made.version_id))
copy = from_file(name="of a file", description="a copy", file=("copy.pls", file, "text/xml"))
page = list_all(page_size=1)
locator = PronunciationDictionaryVersionLocator(
    pronunciation_dictionary_id=copy.id, version_id=copy.version_id
)


def speak(**changes: object) -> int:
    audio = own.text_to_speech.convert(
        "anna",
        text="SQL.",
        output_format="pcm_16000",
        pronunciation_dictionary_locators=[locator.copy(update=changes)],
    )
    return len(b"".join(audio))


def refused() -> tuple[int, object]:
    try:
        speak(pronunciation_dictionary_id="nonesuch")
    except ApiError as error:
        return error.status_code, error.body
    raise AssertionError("no error")


result = {
    "rules": [made.version_rules_num, added.version_rules_num, removed.version_rules_num],
    "copied": copy.version_rules_num,
    "page": [[each.name for each in page.pronunciation_dictionaries], page.has_more],
    "shown": dictionaries.get(copy.id).name,
    "spoken": speak(),
    "refused": refused(),
}
sys.stdout.write(json.dumps(result) + "\n")
