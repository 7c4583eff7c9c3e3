"""The International Phonetic Alphabet in the letters of misaki, which voices of Kokoro's kin read.

Source: misaki 0.9.4 (Apache-2.0), EN_PHONES.md: a diphthong or an affricate is one letter there.
"""

import re
from collections.abc import Container

PAD = 0
"""The id before the first phoneme and behind the last."""

# The longer ones first: each is replaced where it stands.
_SPELLINGS = (
    ("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("t͡s", "ʦ"),
    ("eɪ", "A"), ("aɪ", "I"), ("ɔɪ", "Y"), ("aʊ", "W"), ("oʊ", "O"), ("əʊ", "O"),
    ("ɜː", "ɜɹ"), ("ɝ", "ɜɹ"), ("ɚ", "əɹ"), ("ɑː", "ɑ"), ("iː", "i"), ("uː", "u"), ("ɔː", "ɔ"),
    ("ɐ", "ə"), ("ɬ", "l"), ("ɫ", "l"), ("r", "ɹ"), ("g", "ɡ"), ("e", "ɛ"), ("o", "O"),
    ("ɾ", "T"), ("ʔ", "t"), ("'", "ˈ"),
)  # fmt: skip


_VOWELS = "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ"
_EARLY_STRESS = re.compile(rf"([ˈˌ])([^ˈˌ\s{_VOWELS}]+)(?=[{_VOWELS}])")


def from_ipa(text: str, known: Container[str]) -> str:
    """Return phonemes in misaki's letters; marks that it does not know are left out.

    IPA marks a syllable's stress before its first consonant, misaki before its vowel.
    """
    for ipa, letter in _SPELLINGS:
        text = text.replace(ipa, letter)
    return _EARLY_STRESS.sub(r"\2\1", "".join(each for each in text if each in known))
