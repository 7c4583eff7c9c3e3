"""PCM to another rate, speed or number of channels, chunk by chunk."""

from fractions import Fraction

import av
import numpy as np
from av.error import BlockingIOError as NoFrameYet
from av.error import EOFError as NoMoreFrames

from tritone.pcm import Pcm

_LAYOUTS = {1: "mono", 2: "stereo"}
# atempo works in overlapping windows and swallows its last one: it gets silence to swallow instead.
_TAIL_SECONDS = 0.25
# A chain of atempo gives other samples for frames of other sizes: it always gets this size.
_TEMPO_BLOCK_SAMPLES = 1024
_SLOWEST, _FASTEST = 0.5, 2.0  # of one atempo: below it refuses, above it drops samples unblended


class Resampler:
    """Changes rate and speed of one sound. Its length is exact: samples * rate / old rate / speed.

    What FFmpeg's filters add or swallow is put right at the end, so that chunks never overlap.
    """

    def __init__(self, sample_rate: int, rate: int, channels: int, speed: float) -> None:
        """Take int16 at `sample_rate`, give it at `rate`; `speed` keeps the pitch."""
        self._sample_rate, self._rate = sample_rate, rate
        self._channels, self._speed = channels, speed
        self._n_in = self._n_out = 0
        tempi = tempo_chain(speed) if speed != 1.0 else []
        self._tail_samples = int(_TAIL_SECONDS * sample_rate * max(1.0, speed)) if tempi else 0
        self._block_samples = _TEMPO_BLOCK_SAMPLES if tempi else None
        self._waiting = np.zeros((channels, 0), np.int16)  # less than a block
        self._graph = _make_graph(sample_rate, rate, channels, tempi)

    def feed(self, pcm: Pcm) -> Pcm:
        """Take int16 [channels, samples]; return what is ready, maybe no samples."""
        pcm = np.concatenate([self._waiting, pcm], axis=1)
        n_samples = pcm.shape[1]
        n_whole = n_samples - n_samples % (self._block_samples or 1)
        whole, self._waiting = pcm[:, :n_whole], pcm[:, n_whole:]
        self._push(whole)
        ready = _drain(self._graph, self._channels)
        self._n_out += ready.shape[1]
        return ready

    def finish(self) -> Pcm:
        """Return the rest."""
        self._push(self._waiting)
        n_expected = max(1, round(self._n_in * self._rate / self._sample_rate / self._speed))
        self._push(np.zeros((self._channels, self._tail_samples), np.int16))
        self._graph.push(None)
        missing = max(0, n_expected - self._n_out)
        return _fit(_drain(self._graph, self._channels), missing)

    def _push(self, pcm: Pcm) -> None:
        n_samples = pcm.shape[1]
        for start in range(0, n_samples, self._block_samples or max(1, n_samples)):
            block = pcm[:, start : start + (self._block_samples or n_samples)]
            self._graph.push(make_frame(block, self._sample_rate, self._n_in))
            self._n_in += block.shape[1]


def tempo_chain(speed: float) -> list[float]:
    """Return factors between 0.5 and 2 whose product is `speed`: one atempo filter each."""
    factors = []
    while not _SLOWEST <= speed <= _FASTEST:
        factor = _SLOWEST if speed < _SLOWEST else _FASTEST
        factors.append(factor)
        speed /= factor
    return [*factors, speed]


def mix_channels(pcm: Pcm, channels: int) -> Pcm:
    """Return a sound of so many channels, each the mean of all, where it has another number."""
    if pcm.shape[0] == channels:
        return pcm
    # The mean never clips; FFmpeg's own mono-to-stereo lowers the level by 3 dB.
    mono = np.rint(pcm.mean(axis=0, keepdims=True)).astype(np.int16)
    return np.repeat(mono, channels, axis=0)


def make_frame(pcm: Pcm, sample_rate: int, first_sample: int) -> av.AudioFrame:
    """Return int16 [channels, samples] as a frame that begins at a sample of the sound."""
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(pcm), format="s16p", layout=_LAYOUTS[pcm.shape[0]]
    )
    frame.sample_rate, frame.time_base = sample_rate, Fraction(1, sample_rate)
    frame.pts = first_sample
    return frame


def _make_graph(sample_rate: int, rate: int, channels: int, tempi: list[float]) -> av.filter.Graph:
    graph, layout = av.filter.Graph(), _LAYOUTS[channels]
    source = graph.add_abuffer(
        sample_rate=sample_rate, format="s16p", layout=layout, time_base=Fraction(1, sample_rate)
    )
    filters = [graph.add("atempo", repr(tempo)) for tempo in tempi]
    filters.append(graph.add("aresample", str(rate)))
    filters.append(
        graph.add("aformat", f"sample_fmts=s16p:sample_rates={rate}:channel_layouts={layout}")
    )
    graph.link_nodes(source, *filters, graph.add("abuffersink")).configure()
    return graph


def _drain(graph: av.filter.Graph, channels: int) -> Pcm:
    # Very short sounds may leave nothing.
    blocks = [np.zeros((channels, 0), np.int16)]
    while True:
        try:
            blocks.append(graph.pull().to_ndarray().astype(np.int16, copy=False))
        except (NoFrameYet, NoMoreFrames):
            return np.concatenate(blocks, axis=1)


def _fit(pcm: Pcm, n_samples: int) -> Pcm:
    missing = n_samples - pcm.shape[1]
    return np.pad(pcm, ((0, 0), (0, missing))) if missing > 0 else pcm[:, :n_samples]
