"""The shared vocabulary: model cards, tensor names, schedules, sampling and PCM arithmetic.

Imports numpy and the standard library only; knows no Triton, no torch and no HTTP.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("tritone")
except PackageNotFoundError:  # the environment of an engine only links to our packages
    __version__ = "unknown"
