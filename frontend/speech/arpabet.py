"""CMU's Arpabet in the International Phonetic Alphabet.

Source: the CMU Pronouncing Dictionary 0.7b, its list of 39 phonemes and three levels of stress.
"""

import re

_CONSONANTS = {
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t",
    "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_VOWELS = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɜɹ",
    "EY": "eɪ", "IH": "ɪ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u",
}  # fmt: skip
_UNSTRESSED = {"AH": "ə", "ER": "əɹ"}
_STRESS = {"": "", "0": "", "1": "ˈ", "2": "ˌ"}
_PHONE = re.compile(r"([A-Z]{1,2})([012]?)")


class NotArpabet(ValueError):
    """The text is no list of Arpabet's phonemes; names the one that is not."""


def from_arpabet(text: str) -> str:
    """Return phonemes such as `HH AH0 L OW1` in IPA, each stress mark before its vowel.

    Raises:
        NotArpabet: one of them is not in the list.
    """
    return "".join(_translate(phone) for phone in text.split())


def _translate(phone: str) -> str:
    match = _PHONE.fullmatch(phone.upper())
    name, stress = (match[1], match[2]) if match else ("", "")
    if name in _CONSONANTS and not stress:
        return _CONSONANTS[name]
    if name in _VOWELS:
        weak = _UNSTRESSED.get(name) if stress == "0" else None
        return _STRESS[stress] + (weak or _VOWELS[name])
    raise NotArpabet(phone)
