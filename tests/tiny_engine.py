"""An engine of a few lines with an environment of its own: numpy, and no torch."""

from collections.abc import Sequence
from pathlib import Path

from ops.voices.installer import UvInstaller
from tritone.engines import EngineFacts, Environment

ENGINE = EngineFacts(
    name="tiny",
    implementation="isolated:IsolatedSpeech",
    licence="MIT",
    voices_licence="MIT",
    languages=("en",),
    takes_seeds=True,
    how_to_add="engine add tiny",
    page="isolated.md",
    environment=Environment(modules=("tiny_engine",), generator="tiny:Tiny", n_bytes=100_000_000),
)

_MODULE = """
import os
import signal
import sys

from tritone.engines import ENGINES, EngineFacts, Environment

ENGINES["tiny"] = {engine!r}


class Tiny:
    def __init__(self, folder):
        is_looked_at = any(each.endswith("describe.py") for each in sys.argv)
        if (folder / "deadly").exists() and not is_looked_at:
            os.kill(os.getpid(), signal.SIGKILL)  # as a machine without memory does
        self._pitch = float((folder / "pitch").read_text())
        self.sample_rate = 16_000

    def speakers(self):
        return ["low", "high"]

    def speak(self, text, speaking, seed):
        import numpy as np

        assert sys.prefix != {ours!r}, "it is not in its environment"
        pitch = self._pitch * (2.0 if speaking.name == "high" else 1.0)
        n_samples = 800 * len(text)
        noise = np.random.default_rng(seed).normal(0.0, 0.01, n_samples)
        tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(n_samples) / self.sample_rate)
        return (tone + noise).astype(np.float32)


sys.modules["backends.isolated.tiny"] = sys.modules[__name__]
"""


class TinyInstaller(UvInstaller):
    """Installs the real packages of a lock, and the engine beside them."""

    def install(self, environment: Path, lock: Path) -> None:
        super().install(environment, lock)
        import sys

        (packages,) = environment.glob("lib/python*/site-packages")
        (packages / "tiny_engine.py").write_text(_MODULE.format(engine=ENGINE, ours=sys.prefix))
        (packages / "tiny_engine.pth").write_text("import tiny_engine\n")

    def install_torch(self, environment: Path, packages: Sequence[str], cache: Path) -> None:
        raise AssertionError(packages)


def write_lock(root: Path, path: Path) -> Path:
    """Write what the engine needs, as serving is locked to it."""
    blocks = (root / "requirements" / "serve.txt").read_text().split("\n")
    lines, takes = [], False
    for line in blocks:
        takes = line.startswith(("numpy==", "sentencex==")) or (takes and line.startswith(" "))
        lines += [line] if takes else []
    path.write_text("\n".join(lines) + "\n")
    return path


def write_checkpoint(folder: Path) -> Path:
    """Write a checkpoint of the engine."""
    folder.mkdir()
    (folder / "pitch").write_text("200")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder
