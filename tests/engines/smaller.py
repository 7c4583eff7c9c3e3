"""Environments in which an engine is smaller whose code fixes its sizes."""

import shutil
from pathlib import Path

from ops.voices.environments import _STATE, Environments
from ops.voices.installer import UvInstaller

_PACKAGE, _SIZES = "chatterbox", "models/t3/llama_configs.py"
_SMALL = {"num_hidden_layers": 1, "intermediate_size": 256}
"""Of the language model, which has 30 layers; its width is fixed elsewhere, too."""


def make_smaller(environments: Environments, engine: str, folder: Path) -> Environments:
    """Return environments with one whose engine is smaller, made of the real one.

    It has a copy of the engine's own package, with other numbers in one table; whatever else it
    imports lies in the real environment.
    """
    smaller = Environments(folder)
    UvInstaller().make(smaller.path(engine))
    packages, real = _find_packages(smaller, engine), _find_packages(environments, engine)
    (packages / "real.pth").write_text(f"{real}\n")
    shutil.copytree(real / _PACKAGE, packages / _PACKAGE)
    with (packages / _PACKAGE / _SIZES).open("a") as sizes:
        sizes.write(f"\nLLAMA_520M_CONFIG_DICT.update({_SMALL!r})\n")
    shutil.copy(environments.path(engine) / _STATE, smaller.path(engine))
    return smaller


def _find_packages(environments: Environments, engine: str) -> Path:
    (found,) = environments.path(engine).glob("lib/python*/site-packages")
    return found
