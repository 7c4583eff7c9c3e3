"""Short strikes in a rhythm: drums, steps, drips, keys."""

from starter.corpus import impacts
from starter.corpus.kinds.kind import FAST, HIGH, LOW, SLOW, Kind, split

STRIKES: dict[str, Kind] = {
    "kick": Kind(
        impacts.kick,
        phrases=split(
            "a kick drum, a kick drum beat, a techno kick drum, a bass drum, a four on "
            "the floor beat, a thumping kick drum, kick drums, a house beat kick drum, "
            "a bass drum beat, a kick"
        ),
        held_out=split("a techno bass drum, a thumping bass drum beat"),
        slow=SLOW,
        fast=FAST,
    ),
    "hihat": Kind(
        impacts.hihat,
        phrases=split(
            "hi-hat cymbals, a hi-hat, closed hi-hats, a hi-hat rhythm, a hi-hat "
            "pattern, hi-hats, cymbals, a drummer's hi-hat, a ticking hi-hat, a cymbal "
            "rhythm"
        ),
        held_out=split("a closed hi-hat pattern, a rhythm of hi-hats"),
        slow=SLOW,
        fast=FAST,
    ),
    "clock": Kind(
        impacts.clock,
        phrases=split(
            "a clock ticking, a ticking clock, tick tock, a clock, the tick tock of a "
            "clock, a watch ticking, a wall clock, an old clock ticking, a grandfather "
            "clock, a clock on the wall"
        ),
        held_out=split("an old wall clock ticking, the ticking of a clock"),
        slow=SLOW,
        fast=FAST,
    ),
    "drip": Kind(
        impacts.drip,
        phrases=split(
            "water dripping, dripping water, drops of water, a leaking faucet, a "
            "dripping tap, a drip, water drops, a leaky tap, drops falling into water, "
            "a dripping faucet"
        ),
        held_out=split("a leaking tap dripping, drops of water dripping"),
        slow=SLOW,
        fast=FAST,
        low=LOW,
        high=HIGH,
    ),
    "footsteps": Kind(
        impacts.footsteps,
        phrases=split(
            "footsteps, someone walking, footsteps on gravel, a person walking, steps, "
            "footsteps in a hallway, walking on a path, steps on the floor, a man "
            "walking, footsteps on a wooden floor"
        ),
        held_out=split("someone walking on gravel, the steps of a person walking"),
        slow=SLOW,
        fast=split("fast, hurried, quick"),
    ),
    "heartbeat": Kind(
        impacts.heartbeat,
        phrases=split(
            "a heartbeat, a heart beating, a human heartbeat, a beating heart, the beat "
            "of a heart, heartbeats, a pounding heart, a heart, the sound of a heart, a "
            "pulse"
        ),
        held_out=split("a human heart beating, the beating of a heart"),
        slow=split("slow, calm, resting"),
        fast=split("fast, racing, nervous"),
    ),
    "knock": Kind(
        impacts.knock,
        phrases=split(
            "knocking on a door, a knock on the door, someone knocking, knocking on "
            "wood, knock knock, a door knock, somebody knocking at the door, knocks on "
            "a wooden door, knocking, a person knocking on a door"
        ),
        held_out=split("someone knocking on a wooden door, a knock at the door"),
        slow=SLOW,
        fast=split("fast, urgent, rapid"),
    ),
    "typing": Kind(
        impacts.typing,
        phrases=split(
            "typing on a keyboard, a keyboard, keyboard typing, someone typing, "
            "computer keyboard clicks, typing, a person typing on a computer, keys of a "
            "keyboard, a mechanical keyboard, an office keyboard"
        ),
        held_out=split("someone typing on a computer keyboard, keyboard keys clicking"),
        slow=SLOW,
        fast=FAST,
    ),
}
