"""Pages of spectrograms to judge by eye."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from starter.mel import Floats, silence
from starter.recipe import AUDIO, LatentFormat

COLUMNS = 8
LOUDEST = -1.5  # natural logarithm of a band amplitude drawn as white
COLOURS = 96


@dataclass(frozen=True)
class Panel:
    """One small spectrogram."""

    title: str
    log_mel: Floats  # [frames, bands]


def draw_page(
    panels: Sequence[Panel], path: Path, latent: LatentFormat, columns: int = COLUMNS
) -> None:
    """Spectrograms in a grid as a PNG with a small palette."""
    from matplotlib.figure import Figure
    from PIL import Image

    frame_s = latent.hop_samples / latent.frames_per_latent / AUDIO.sample_rate_hz
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(16.0, 12.4 / columns * rows), dpi=64, layout="compressed")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    for axis, panel in zip(axes, panels, strict=False):
        axis.imshow(
            panel.log_mel.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=silence(latent),
            vmax=LOUDEST,
        )
        axis.set_title(
            f"{panel.title}, {len(panel.log_mel) * frame_s:.1f} s", fontsize=min(12.0, 56 / columns)
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(path, optimize=True)
