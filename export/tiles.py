"""Decoding in tiles: a long sound in the memory of a short one, sample for sample the same."""

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

TILE_FRAMES = 64  # kept of each tile


class TiledDecoder(nn.Module):
    """A convolutional decoder, one tile of latent frames after the other.

    A tile has the decoder's receptive field on each side, which is then cut off. The first and the
    last tile begin and end with the latents, so that the borders are those of the whole.
    """

    def __init__(self, decoder: nn.Module, overlap_frames: int, samples_per_frame: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.overlap = overlap_frames
        self.samples_per_frame = samples_per_frame

    def forward(self, latents: Tensor) -> Tensor:
        """Return float32 [batch, audio_channels, samples] of [batch, channels, frames]."""
        frames = latents.shape[2]
        kept: int = torch.sym_min(frames, TILE_FRAMES)  # type: ignore[no-untyped-call]
        wanted = TILE_FRAMES + 2 * self.overlap
        window: int = torch.sym_min(frames, wanted)  # type: ignore[no-untyped-call]
        n_tiles = (frames + TILE_FRAMES - 1) // TILE_FRAMES
        # Where each tile's kept frames begin, and where its window does.
        begins = (torch.arange(n_tiles) * TILE_FRAMES).clamp(max=frames - kept)
        windows = (begins - self.overlap).clamp(min=0).clamp(max=frames - window)

        def decode(done: Tensor, tile: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            begin, first = tile
            taken = latents.index_select(2, first + torch.arange(window))
            sound = self.decoder(taken)
            samples = (begin - first) * self.samples_per_frame + torch.arange(
                kept * self.samples_per_frame
            )
            return done.clone(), sound.index_select(2, samples)

        _, tiles = scan(decode, torch.zeros(1), (begins, windows))
        head = tiles[:-1].permute(1, 2, 0, 3).flatten(2)
        whole = (frames - kept) * self.samples_per_frame
        return torch.cat([head[:, :, :whole], tiles[-1]], dim=2)
