"""Phonemes of espeak-ng, by its C interface. Knows no Triton.

espeak-ng is under the GPL-3, which is why nothing else shares its process, and why it is installed
by a command of its own. Source: speak_lib.h of espeak-ng 1.52 (read).
"""

import ctypes
import re
from pathlib import Path

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: plays nothing
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
_UTF8, _IPA = 1, 0x02
_OTHER_LANGUAGE = re.compile(r"\([a-z-]+\)")  # how it marks a word that it reads in another one
_CLAUSE_END = re.compile(r"(?<=[.,!?;:…])\s+")  # not within 7:30 and 3.5
_MARKS = re.compile(r"(.*?)([.,!?;:…\s]*)", re.DOTALL)


class UnknownEspeakVoice(ValueError):
    """espeak-ng does not have the voice."""


class EspeakPhonemizer:
    """The library, loaded. One thread at a time: it has one state."""

    def __init__(self, library: Path, data: Path) -> None:
        """Load it with its data, the folder `espeak-ng-data`.

        Raises:
            OSError: it cannot be loaded.
        """
        self._library = ctypes.CDLL(str(library))
        initialize = self._library.espeak_Initialize
        initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        if initialize(_SYNCHRONOUS, 0, str(data.parent).encode(), _DONT_EXIT) <= 0:
            raise OSError(f"espeak-ng does not start with {data}")
        to_phonemes = self._library.espeak_TextToPhonemes
        to_phonemes.restype = ctypes.c_char_p
        to_phonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        self._to_phonemes = to_phonemes
        self._voice = ""

    def phonemize(self, text: str, voice: str) -> str:
        """Return a text in the International Phonetic Alphabet; its marks stay behind their words.

        Raises:
            UnknownEspeakVoice: there is no such voice.
        """
        if voice != self._voice:
            if self._library.espeak_SetVoiceByName(voice.encode()):
                raise UnknownEspeakVoice(f"espeak-ng has no voice {voice!r}")
            self._voice = voice
        return " ".join(filter(None, map(self._clause, _CLAUSE_END.split(text.replace("\0", " ")))))

    def _clause(self, clause: str) -> str:
        words, marks = _MARKS.fullmatch(clause).groups()  # type: ignore[union-attr]
        rest = ctypes.c_char_p(words.encode())
        found = []
        while rest.value:
            found.append((self._to_phonemes(ctypes.byref(rest), _UTF8, _IPA) or b"").decode())
        spoken = _OTHER_LANGUAGE.sub("", " ".join(found)).replace("\n", " ").strip()
        return spoken + marks.strip() if spoken else ""
