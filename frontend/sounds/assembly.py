"""One sound out of several passes, and a loop out of a sound."""

from frontend.sounds.plan import Plan
from tritone.pcm import Pcm, seamless, stitch


def assemble(clips: list[Pcm], plan: Plan) -> Pcm:
    """Return the delivered sound: int16 [audio_channels, plan.n_samples] out of the passes' clips.

    A single pass that is no loop is returned as it is.
    """
    sound = clips[0]
    if len(clips) > 1:
        sound = stitch(clips, plan.raw_samples, plan.seam_samples)
    if plan.loop:
        sound = seamless(sound, sound.shape[-1] - plan.n_samples)
    return sound
