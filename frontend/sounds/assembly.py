"""Puts the clips of several passes together, and makes a loop of a sound."""

from frontend.sounds.plan import Plan
from tritone.pcm import Pcm, close_loop, stitch


def assemble(clips: list[Pcm], plan: Plan) -> Pcm:
    """Return the delivered sound, int16 [audio_channels, plan.n_samples], made of the clips.

    A single clip that is no loop is returned as it is.
    """
    sound = clips[0]
    if len(clips) > 1:
        sound = stitch(clips, plan.raw_samples, plan.crossfade_samples)
    if plan.loop:
        sound = close_loop(sound, sound.shape[-1] - plan.n_samples)
    return sound
