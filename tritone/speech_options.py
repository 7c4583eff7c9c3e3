"""The JSON of a speech request's `options`: what most requests do not need."""

import json
from dataclasses import dataclass

MAX_PRONUNCIATIONS = 1000
MAX_ENTRY_CHARACTERS = 200


class InvalidOptions(ValueError):
    """The options are not what docs/speech.md describes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pronunciation:
    """How a word or a phrase is to be spoken wherever it occurs: as phonemes, or as other words."""

    text: str  # compared without regard to case, unless `is_case_sensitive`
    ipa: str = ""  # either phonemes
    alias: str = ""  # or what to read instead
    is_case_sensitive: bool = False
    is_whole_word: bool = True  # else it is replaced within words, too


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """Everything that `options` may say."""

    pronunciations: tuple[Pronunciation, ...] = ()
    normalizes: bool = True  # whether numbers, dates and abbreviations are read as words

    def to_json(self) -> str:
        """Return the options as a request carries them."""
        entries = [
            {
                "text": entry.text,
                **({"ipa": entry.ipa} if entry.ipa else {"alias": entry.alias}),
                **({"case_sensitive": True} if entry.is_case_sensitive else {}),
                **({} if entry.is_whole_word else {"word_boundaries": False}),
            }
            for entry in self.pronunciations
        ]
        return json.dumps({"pronunciations": entries, "normalize": self.normalizes})


def parse_options(text: str) -> SpeechOptions:
    """Read a request's options; an empty text is none.

    Raises:
        InvalidOptions: says what is wrong.
    """
    if not text:
        return SpeechOptions()
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise InvalidOptions(f"options are not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InvalidOptions("options must be a JSON object")
    unknown = fields.keys() - {"pronunciations", "normalize"}
    if unknown:
        raise InvalidOptions(f"unknown options: {', '.join(sorted(unknown))}")
    entries = fields.get("pronunciations", [])
    if not isinstance(entries, list) or len(entries) > MAX_PRONUNCIATIONS:
        raise InvalidOptions(f"pronunciations must be a list of at most {MAX_PRONUNCIATIONS}")
    return SpeechOptions(
        pronunciations=tuple(_pronunciation(entry) for entry in entries),
        normalizes=fields.get("normalize", True) is not False,
    )


def _pronunciation(entry: object) -> Pronunciation:
    if not isinstance(entry, dict):
        raise InvalidOptions("a pronunciation must be an object with text and ipa, or alias")
    text, ipa, alias = (entry.get(key, "") for key in ("text", "ipa", "alias"))
    values = (text, ipa, alias)
    if not all(isinstance(value, str) and len(value) <= MAX_ENTRY_CHARACTERS for value in values):
        raise InvalidOptions(
            f"a pronunciation's texts must be strings of at most {MAX_ENTRY_CHARACTERS} characters"
        )
    if not text.strip() or bool(ipa.strip()) == bool(alias.strip()):
        raise InvalidOptions("a pronunciation needs text, and either ipa or alias")
    return Pronunciation(
        text=text.strip(),
        ipa=ipa.strip(),
        alias=alias.strip(),
        is_case_sensitive=entry.get("case_sensitive") is True,
        is_whole_word=entry.get("word_boundaries") is not False,
    )
