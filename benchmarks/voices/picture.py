"""One sentence as a picture: what is heard at which pitch, and when."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray


def draw(waveform: NDArray[np.float32], sample_rate: int, title: str, path: Path) -> None:
    """Write the spectrogram of a sound."""
    figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
    axes.specgram(
        np.where(waveform == 0, 1e-7, waveform),
        NFFT=1024, noverlap=896, Fs=sample_rate, cmap="magma", vmin=-130, vmax=-40,
    )  # fmt: skip
    axes.set(xlabel="s", ylabel="Hz", title=title)
    figure.savefig(path, dpi=70)
    plt.close(figure)
