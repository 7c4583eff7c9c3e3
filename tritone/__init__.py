"""The shared vocabulary: model cards, tensor names, schedules, sampling and PCM arithmetic.

Imports numpy and the standard library only; knows no Triton, no torch and no HTTP.
"""

from importlib.metadata import version

__version__ = version("tritone")
