"""Captions.

Templates around a kind's phrases, adjectives from a clip's traits, and a fixed split into training
and held out.
"""

from zlib import crc32

from tritone.words import find_words

from starter.corpus.dsp import Draw, Traits
from starter.corpus.kinds import KINDS, Kind, Words

TEMPLATES: Words = (
    "{}",
    "the sound of {}",
    "a recording of {}",
    "{} sound effect",
    "sound of {}",
    "you can hear {}",
    "an audio clip of {}",
    "i want to hear {}",
    "{}, high quality",
    "a field recording of {}",
    "generate {}",
    "the noise of {}",
)
PAIRS: Words = (
    "{} and {}",
    "{} with {}",
    "{} while {} is heard",
    "{} together with {}",
    "{}, {}",
    "{} in front of {}",
)
FAR: Words = ("in the distance", "far away", "from afar")
NEAR: Words = ("close up", "up close", "nearby")
HALL: Words = ("in a large hall", "with echo", "in a reverberant room", "in an empty hall")
CLEAR = 0.45  # a trait is worth a word beyond this


def wordings(kind: Kind, *, held_out: bool) -> list[str]:
    """All plain captions of a kind; the two splits never share one."""
    pairs = [(p, t) for p in kind.phrases + kind.held_out for t in TEMPLATES]
    kept = {t.format(p) for p, t in pairs if _is_held_out(kind, p, t)}
    trained = {t.format(p) for p, t in pairs if not _is_held_out(kind, p, t)}
    return sorted(kept - trained if held_out else trained)


def _is_held_out(kind: Kind, phrase: str, template: str) -> bool:
    """Held out: the phrases kept for it, and one in six of the other combinations."""
    if phrase in kind.held_out:
        return True
    return template != "{}" and crc32(template.format(phrase).encode()) % 6 == 0


def describe(draw: Draw, name: str, traits: Traits) -> str:
    """A training caption for a clip of one kind, naming a trait now and then when it is clear."""
    kind = KINDS[name]
    phrase = _pick(draw, kind.phrases)
    words = _adjectives(kind, traits)
    if words and draw.random() < 0.45:
        phrase = _with_adjective(phrase, _pick(draw, words))
    templates = tuple(t for t in TEMPLATES if not _is_held_out(kind, phrase, t))
    caption = (templates[0] if draw.random() < 0.4 else _pick(draw, templates)).format(phrase)
    places = _places(traits)
    return f"{caption} {_pick(draw, places)}" if places and draw.random() < 0.35 else caption


def describe_pair(draw: Draw, first: str, second: str) -> str:
    """A training caption for a mixture of two kinds."""
    phrases = [_pick(draw, KINDS[name].phrases) for name in (first, second)]
    draw.shuffle(phrases)
    return _pick(draw, PAIRS).format(*phrases)


def all_training_captions() -> list[str]:
    """Every plain training caption and every word a caption may hold: the tokenizer's corpus."""
    captions = [c for kind in KINDS.values() for c in wordings(kind, held_out=False)]
    for kind in KINDS.values():
        for word in kind.slow + kind.fast + kind.low + kind.high:
            captions += [_with_adjective(p, word) for p in kind.phrases]
    captions += [
        f"{p} {place}"
        for kind in KINDS.values()
        for p in kind.phrases[:4]
        for place in FAR + NEAR + HALL
    ]
    return captions


def all_words() -> list[str]:
    """Every word of the training captions, in order: what the model can know."""
    captions = [*all_training_captions(), *PAIRS, *TEMPLATES]
    text = " ".join(captions).lower()
    return sorted({text[begin:end] for begin, end in find_words(text)})


def _pick(draw: Draw, words: Words) -> str:
    return words[int(draw.integers(len(words)))]


def _adjectives(kind: Kind, traits: Traits) -> Words:
    """Words for the traits that are clear in this clip."""
    pace = kind.fast if traits.pace > CLEAR else kind.slow if traits.pace < -CLEAR else ()
    pitch = kind.high if traits.pitch > CLEAR else kind.low if traits.pitch < -CLEAR else ()
    return pace + pitch


def _places(traits: Traits) -> Words:
    """Words for where the sound is."""
    if traits.distance > CLEAR:
        return FAR
    return (
        HALL if traits.room > CLEAR else NEAR if traits.distance < 0.1 and traits.room < 0.1 else ()
    )


def _with_adjective(phrase: str, adjective: str) -> str:
    """Put an adjective before the noun: "a dog" and "big" make "a big dog"."""
    for article in ("a ", "an ", "the "):
        if phrase.startswith(article):
            if article == "the ":
                return f"the {adjective} {phrase[4:]}"
            return (
                f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {phrase[len(article) :]}"
            )
    return f"{adjective} {phrase}"
