"""One rule of a pronunciation dictionary, and what it means to a voice."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from frontend.errors import InvalidRequest
from frontend.speech.arpabet import NotArpabet, from_arpabet
from tritone.speech_options import MAX_ENTRY_CHARACTERS, MAX_PRONUNCIATIONS, Pronunciation

IPA, ARPABET = "ipa", "cmu-arpabet"
ALPHABETS = (IPA, ARPABET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a word or a phrase is spoken: as other words, or as phonemes of an alphabet."""

    text: str
    alias: str = ""
    phoneme: str = ""
    alphabet: str = ""
    is_case_sensitive: bool = True
    is_whole_word: bool = True

    def check(self) -> None:
        """Return if a voice can follow it.

        Raises:
            InvalidRequest: it is too long, says nothing, or is written in an unknown alphabet.
        """
        if not all(len(each) <= MAX_ENTRY_CHARACTERS for each in (self.text, self.alias)):
            raise _refuse(f"A rule's texts may have {MAX_ENTRY_CHARACTERS} characters.")
        if not self.text.strip() or not (self.alias.strip() or self.phoneme.strip()):
            raise _refuse("A rule needs a string to replace, and an alias or a phoneme.")
        if self.phoneme and self.alphabet not in ALPHABETS:
            known = ", ".join(ALPHABETS)
            raise _refuse(f"The alphabet `{self.alphabet}` is not one of {known}.")
        if len(self.to_pronunciation().ipa) > MAX_ENTRY_CHARACTERS:
            raise _refuse(f"A rule's phonemes may have {MAX_ENTRY_CHARACTERS} characters.")

    def to_pronunciation(self) -> Pronunciation:
        """Return what it means to a voice.

        Raises:
            InvalidRequest: its phonemes are not of its alphabet.
        """
        try:
            ipa = from_arpabet(self.phoneme) if self.alphabet == ARPABET else self.phoneme
        except NotArpabet as error:
            raise _refuse(f"`{error}` is not a phoneme of {ARPABET}.") from error
        return Pronunciation(
            text=self.text.strip(),
            ipa=ipa.strip(),
            alias=self.alias.strip(),
            is_case_sensitive=self.is_case_sensitive,
            is_whole_word=self.is_whole_word,
        )


def _refuse(message: str) -> InvalidRequest:
    return InvalidRequest(message, field="rules")


Rules = tuple[Rule, ...]


def add_rules(known: Iterable[Rule], new: Iterable[Rule]) -> Rules:
    """Return the rules with new ones, each in the place of one for the same string.

    Raises:
        InvalidRequest: no voice can follow a new one, or there are too many.
    """
    by_text = {each.text: each for each in known}
    for each in new:
        each.check()
        by_text[each.text] = each
    if len(by_text) > MAX_PRONUNCIATIONS:
        raise _refuse(f"A dictionary may have {MAX_PRONUNCIATIONS} rules.")
    return tuple(by_text.values())


def remove_rules(known: Iterable[Rule], texts: Collection[str]) -> Rules:
    """Return the rules without those for some strings."""
    return tuple(each for each in known if each.text not in texts)
