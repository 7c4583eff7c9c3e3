"""What is asked for: clips, and prompts that do or do not repeat."""

from dataclasses import dataclass, replace

THINGS = ("rain", "a church bell", "crickets", "wind", "a dog barking", "a kick drum", "a hi-hat")
PLACES = ("on a tin roof", "in a forest", "far away", "in a large hall", "at night", "nearby")


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound to make; steps and guidance are always named, so that all servers do the same."""

    prompt: str
    seed: int
    seconds: float = 5.0
    steps: int = 20
    guidance_scale: float = 2.0


def clip(index: int, like: Clip | None = None, *, repeats: float = 0.0, n_seen: int = 4) -> Clip:
    """Return the clip of an index: seed and prompt follow it.

    Args:
        index: 0, 1, ...
        like: seconds, steps and guidance.
        repeats: share of prompts drawn from `n_seen` fixed ones; the others occur once.
        n_seen: how many prompts repeat.
    """
    base = like or Clip("", 0)
    # The share is exact in every run of 100 and evenly spread: 37 is coprime to 100.
    is_repeat = (index * 37) % 100 < round(repeats * 100)
    number = index % n_seen if is_repeat else index
    thing, place = THINGS[number % len(THINGS)], PLACES[number % len(PLACES)]
    serial = "" if is_repeat else f", take {index}"
    return replace(base, prompt=f"{thing} {place}{serial}", seed=index)
