"""Decoding in tiles, with a decoder so small that ten minutes take no time."""

import pytest
import torch
from torch import Tensor, nn

from export.tiles import TILE_FRAMES, TiledDecoder

pytestmark = pytest.mark.export

SAMPLES_PER_FRAME, OVERLAP = 4, 1
TEN_MINUTES = 15_000  # latent frames of ACE-Step


class Decoder(nn.Module):
    """Sees one frame on each side, and refuses more than it is said to bear."""

    def __init__(self, most_frames: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        stride = SAMPLES_PER_FRAME
        self.layer = nn.ConvTranspose1d(3, 2, 3 * stride, stride, padding=stride)
        self.most_frames = most_frames

    def forward(self, latents: Tensor) -> Tensor:
        if latents.shape[2] > self.most_frames:
            raise ValueError("too many frames at once")
        sound: Tensor = self.layer(latents)
        return sound


@pytest.mark.parametrize("frames", [2, TILE_FRAMES, TILE_FRAMES + 1, TEN_MINUTES])
def test_tiles_are_the_whole_and_the_decoder_never_gets_more_than_one(frames: int) -> None:
    whole, bounded = Decoder(TEN_MINUTES), Decoder(TILE_FRAMES + 2 * OVERLAP)
    latents = torch.randn(1, 3, frames, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = TiledDecoder(bounded, OVERLAP, SAMPLES_PER_FRAME)(latents)
        torch.testing.assert_close(found, whole(latents))


def test_a_tile_that_were_longer_would_be_seen() -> None:
    latents = torch.zeros(1, 3, TEN_MINUTES)
    with pytest.raises(Exception, match="too many frames at once"):
        TiledDecoder(Decoder(TILE_FRAMES), OVERLAP, SAMPLES_PER_FRAME)(latents)
