"""The kinds of sound the starter knows. Their order is that of the corpus and of its labels."""

from starter.corpus.kinds.instruments import INSTRUMENTS
from starter.corpus.kinds.kind import Kind, Words
from starter.corpus.kinds.noises import NOISES
from starter.corpus.kinds.strikes import STRIKES
from starter.corpus.kinds.tones import TONES

__all__ = ["KINDS", "Kind", "Words"]

KINDS: dict[str, Kind] = {**NOISES, **TONES, **STRIKES, **INSTRUMENTS}
