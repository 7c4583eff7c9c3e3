"""The few lengths that a GPU gets to see: it plans each one anew when it meets it first."""

from tritone.card import ModelCard
from tritone.pcm import to_peak
from tritone.spans import find_span

_N_STEPPED = 3  # the window, a half and a quarter of it
_N_DECODED = 8


def list_step_lengths(card: ModelCard) -> tuple[int, ...]:
    """Return the latent frames that steps are opened for, ascending.

    The default length is one of them: a version's fingerprint is of that very sound.
    """
    parts = [-(-card.max_frames // 2**i) for i in range(_N_STEPPED)]
    rounded = [min(_round_up(each, card.frame_bucket), card.max_frames) for each in parts]
    default = min(card.default_seconds, card.window_seconds)
    return tuple(sorted({*rounded, card.max_frames, find_span(card, 0.0, default).latent_frames}))


def find_decode_bucket(card: ModelCard) -> int:
    """Return a number of latent frames; decoded lengths are rounded up to a multiple of this.

    Samples stay what they are: a decoder hears nothing of frames that are so far away, and since
    they are zeros they are no louder than the sound. One that makes every sound equally loud works
    in tiles of one length anyway.
    """
    if card.spec.level is to_peak:
        return 1
    bucket = -(-card.max_frames // _N_DECODED)
    return bucket if card.frame_bucket >= card.max_frames else _round_up(bucket, card.frame_bucket)


def list_decoded_lengths(card: ModelCard) -> tuple[int, ...]:
    """Return the latent frames that a decoder gets of sounds of those lengths, ascending.

    None where decoded lengths are not rounded: there are too many.
    """
    bucket = find_decode_bucket(card)
    if bucket == 1:
        return ()
    return tuple(
        sorted(
            {
                min(decoded, denoised)
                for denoised in list_step_lengths(card)
                for decoded in range(bucket, denoised + bucket, bucket)
            }
        )
    )


def _round_up(count: int, each: int) -> int:
    return -(-count // each) * each
