"""The engines that speak: one row each.

Adding an engine is a row here, a class in `backends/speech/`, a publisher in `ops/voices/` and a
page. The class has three methods: it is made with the parts of a published model, reads a passage
and speaks it (`backends/speech/engine.py`). docs/voices/README.md shows how.
"""

from dataclasses import dataclass

from tritone import upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What an engine runs in whose packages contradict ours: `tritone voices engine add NAME`.

    Which packages these are says `requirements/engines/NAME.txt`.
    """

    modules: tuple[str, ...]  # that must be importable in it
    generator: str  # module and class below `backends/isolated`
    n_bytes: int  # on disk, with a torch for CPUs
    torch: tuple[str, ...] = ()  # what the lock leaves out, torch first: `name==release`


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """Facts of one engine. The licence of a voice is that of its card."""

    name: str  # of a card's `engine`, and of LocalAI's `backend`
    implementation: str  # module and class below `backends/speech`
    licence: str  # SPDX, of the code
    voices_licence: str  # SPDX, of the voices that `how_to_add` brings; or whose it is
    languages: tuple[str, ...]  # BCP 47; empty: those of the voice
    clones: bool = False  # a voice from a sample of it
    is_described: bool = False  # a voice, in words
    streams: bool = True  # the first sentence is heard before the last is spoken
    takes_seeds: bool  # whether another seed sounds otherwise
    how_to_add: str  # what follows `tritone voices`
    page: str  # in docs/voices/
    is_commercial: bool = True  # False: not without `--accept-licence`
    environment: Environment | None = None  # of its own; None: it shares ours


_TORCH = ("torch==2.13.0", "torchaudio==2.11.1")  # one build for all

_XTTS_LANGUAGES = (  # without Japanese and Chinese, which want further packages
    "en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "hu", "ko", "hi",
)  # fmt: skip

ENGINES: dict[str, EngineFacts] = {
    engine.name: engine
    for engine in (
        EngineFacts(
            name="hibari",
            implementation="hibari:Hibari",
            licence="Apache-2.0",
            voices_licence="Apache-2.0",
            languages=("en-US",),
            takes_seeds=True,
            how_to_add="add hibari",
            page="hibari.md",
        ),
        EngineFacts(
            name="kokoro",
            implementation="kokoro:Kokoro",
            licence="Apache-2.0",
            voices_licence="Apache-2.0",
            # The last two beside espeak-ng only.
            languages=("en-US", "en-GB", "it-IT", "es-ES", "fr-FR", "pt-BR"),
            takes_seeds=False,
            how_to_add="add kokoro",
            page="kokoro.md",
        ),
        EngineFacts(
            name="piper",
            implementation="piper:Piper",
            licence="Apache-2.0",
            voices_licence="the voice's",
            languages=(),
            takes_seeds=True,
            how_to_add="add FILE.onnx",
            page="piper.md",
        ),
        EngineFacts(
            name="transformers",
            implementation="transformers:TransformersSpeech",
            licence="Apache-2.0",
            voices_licence="the checkpoint's",
            languages=(),
            takes_seeds=True,
            how_to_add="add FOLDER",
            page="transformers.md",
        ),
        EngineFacts(
            name="parler-tts",
            implementation="isolated:IsolatedSpeech",
            licence="Apache-2.0",
            voices_licence="the checkpoint's",
            languages=(),
            is_described=True,
            takes_seeds=True,
            how_to_add="engine add parler-tts",
            page="isolated.md",
            environment=Environment(
                modules=("parler_tts",),
                generator="parler:Parler",
                n_bytes=1_600_000_000,
                torch=_TORCH,
            ),
        ),
        EngineFacts(
            name="xtts_v2",
            implementation="isolated:IsolatedSpeech",
            licence="MPL-2.0",
            voices_licence="CPML",
            languages=_XTTS_LANGUAGES,
            clones=True,
            takes_seeds=True,
            how_to_add="engine add xtts_v2",
            page="isolated.md",
            is_commercial=False,
            environment=Environment(
                modules=("TTS.tts.models.xtts",),
                generator="xtts:Xtts",
                n_bytes=1_600_000_000,
                torch=_TORCH,
            ),
        ),
        EngineFacts(
            name="chatterbox",
            implementation="isolated:IsolatedSpeech",
            licence="MIT",
            voices_licence="MIT",
            languages=("en",),
            clones=True,
            takes_seeds=True,
            how_to_add="engine add chatterbox",
            page="isolated.md",
            environment=Environment(
                modules=("chatterbox.tts",),
                generator="chatterbox:Chatterbox",
                n_bytes=1_700_000_000,
                torch=_TORCH,
            ),
        ),
        EngineFacts(
            name=upstream.ENGINE,
            implementation="upstream:UpstreamSpeech",
            licence="Apache-2.0",
            voices_licence="the server's",
            languages=(),
            takes_seeds=False,
            how_to_add="connect URL",
            page="upstream.md",
        ),
    )
}
"""By name."""

DEFAULT_ENGINE = "hibari"
"""Its voices come first, where a request leaves the choice."""
