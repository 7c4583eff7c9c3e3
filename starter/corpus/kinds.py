"""The kinds of sound the starter knows: how each is synthesised and what people call it.

``phrases`` are used in training, ``held_out`` only in evaluation (other orders and mixtures of
words seen in training).
``slow``/``fast`` and ``low``/``high`` are adjectives for a clip whose pace or pitch is far from the
middle; a kind
without them is not described by that trait. ``width`` is how far the sound spreads in stereo.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from starter.corpus import impacts, music, noiselike, tonal
from starter.corpus.dsp import Draw, Traits, Wave

Synthesiser: TypeAlias = Callable[[Draw, int, Traits], Wave]
Words: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One kind of sound."""

    synthesise: Synthesiser
    phrases: Words
    held_out: Words
    slow: Words = ()
    fast: Words = ()
    low: Words = ()
    high: Words = ()
    width: float = 0.2  # 0: from one point, 1: from everywhere


def split(text: str) -> Words:
    """Phrases separated by commas."""
    return tuple(phrase.strip() for phrase in text.split(","))


LOW: Words = ("low", "deep", "low-pitched")
HIGH: Words = ("high", "high-pitched", "bright")
SLOW: Words = ("slow", "unhurried")
FAST: Words = ("fast", "quick", "rapid")

KINDS: dict[str, Kind] = {
    "rain": Kind(
        noiselike.rain,
        phrases=split(
            "rain falling on a tin roof, rain, rain on a roof, a rainstorm, raindrops "
            "on metal, a downpour, rain pouring down, rain falling, rain against a "
            "window, rain shower"
        ),
        held_out=split("rain drumming on a metal roof, raindrops falling on a roof"),
        slow=split("light, gentle, soft"),
        fast=split("heavy, hard, strong"),
        width=0.9,
    ),
    "wind": Kind(
        noiselike.wind,
        phrases=split(
            "wind, wind blowing, howling wind, gusts of wind, a windy day, the wind "
            "howling, a gale, wind blowing through trees, a breeze, wind in the "
            "mountains"
        ),
        held_out=split("gusts of wind blowing, wind howling through trees"),
        slow=split("gentle, soft, calm"),
        fast=split("gusty, stormy, strong"),
        low=LOW,
        high=split("whistling, high"),
        width=0.8,
    ),
    "thunder": Kind(
        noiselike.thunder,
        phrases=split(
            "thunder, a thunder clap, rolling thunder, a thunderstorm, thunder and "
            "lightning, lightning striking, thunder rumbling, the rumble of thunder, a "
            "crack of thunder, a lightning strike"
        ),
        held_out=split("a clap of rolling thunder, the crack of lightning and thunder"),
        low=LOW,
        width=0.7,
    ),
    "waves": Kind(
        noiselike.waves,
        phrases=split(
            "ocean waves, ocean waves crashing on a beach, sea waves, waves at the sea "
            "shore, the ocean, surf, waves breaking on the shore, the sea, waves "
            "rolling onto a beach, the surf at the beach"
        ),
        held_out=split("sea waves breaking on a beach, the ocean surf on the shore"),
        slow=split("slow, calm, gentle"),
        fast=split("fast, rough, choppy"),
        width=0.9,
    ),
    "static": Kind(
        noiselike.static,
        phrases=split(
            "white noise, static, tv static, radio static, steady noise, hiss, "
            "television static, a constant hiss, an untuned radio, static noise"
        ),
        held_out=split("constant white noise, the hiss of radio static"),
        low=split("dark, dull"),
        high=split("bright, sharp"),
        width=1.0,
    ),
    "fire": Kind(
        noiselike.fire,
        phrases=split(
            "fire crackling, a crackling fire, a campfire, a fireplace, burning wood, a "
            "bonfire, flames crackling, wood burning in a fireplace, a fire, a log fire"
        ),
        held_out=split("a crackling campfire, wood crackling in a fire"),
        slow=split("small, quiet"),
        fast=split("big, lively, roaring"),
        width=0.5,
    ),
    "applause": Kind(
        noiselike.applause,
        phrases=split(
            "applause, people clapping, an audience applauding, a crowd clapping, "
            "clapping hands, a round of applause, an audience clapping, hands clapping, "
            "applause from a crowd, a clapping crowd"
        ),
        held_out=split("a crowd applauding, applause from an audience"),
        slow=split("sparse, polite"),
        fast=split("loud, thunderous, enthusiastic"),
        width=0.9,
    ),
    "stream": Kind(
        noiselike.stream,
        phrases=split(
            "a stream, a babbling brook, a small river, flowing water, water flowing in "
            "a stream, a creek, a bubbling brook, running water, a river flowing over "
            "stones, a bubbling stream"
        ),
        held_out=split("a babbling stream, water flowing in a small brook"),
        slow=split("gentle, quiet"),
        fast=split("fast, lively, rushing"),
        width=0.8,
    ),
    "bell": Kind(
        music.bell,
        phrases=split(
            "a church bell, a church bell ringing, a bell tolling, church bells, a "
            "large bell, a bell, the toll of a bell, a bell ringing in a tower, bells "
            "ringing, a tower bell"
        ),
        held_out=split("a church bell tolling, the ringing of a tower bell"),
        slow=SLOW,
        fast=FAST,
        low=LOW,
        high=HIGH,
    ),
    "birds": Kind(
        tonal.birds,
        phrases=split(
            "birds chirping, birds singing, bird song, birds in a forest, birds "
            "chirping in a forest, a bird, a songbird, tweeting birds, birds in the "
            "morning, a bird singing"
        ),
        held_out=split("song birds chirping in the morning, a bird chirping in a forest"),
        slow=split("a few, occasional"),
        fast=split("many, busy"),
        low=LOW,
        high=HIGH,
        width=0.6,
    ),
    "crickets": Kind(
        tonal.crickets,
        phrases=split(
            "crickets, crickets at night, cricket chirps, crickets chirping, a cricket, "
            "night insects, insects chirping at night, a cricket chirping, crickets on "
            "a summer night, a field of crickets"
        ),
        held_out=split("crickets chirping on a summer night, insects and crickets at night"),
        slow=SLOW,
        fast=FAST,
        high=HIGH,
        width=0.8,
    ),
    "dog": Kind(
        tonal.dog,
        phrases=split(
            "a dog barking, a dog, dog barks, a barking dog, a dog bark, a puppy "
            "barking, woof woof, a guard dog barking, a hound barking, a dog that barks"
        ),
        held_out=split("a barking puppy, the bark of a dog"),
        slow=SLOW,
        fast=split("fast, excited, frantic"),
        low=split("big, deep, large"),
        high=split("small, little, high-pitched"),
    ),
    "purr": Kind(
        tonal.purr,
        phrases=split(
            "a cat purring, a purring cat, purring, a cat's purr, a kitten purring, a "
            "happy cat purring, the purr of a cat, a contented cat purring, a cat that "
            "purrs, soft purring"
        ),
        held_out=split("the purring of a cat, a happy kitten purring"),
        low=LOW,
    ),
    "meow": Kind(
        tonal.meow,
        phrases=split(
            "a cat meowing, a meow, a cat's meow, a meowing cat, a kitten meowing, meow "
            "meow, a cat that meows, a hungry cat meowing, the meow of a cat, meowing"
        ),
        held_out=split("the meowing of a cat, a meowing kitten"),
        slow=SLOW,
        fast=FAST,
        low=LOW,
        high=HIGH,
    ),
    "owl": Kind(
        tonal.owl,
        phrases=split(
            "an owl hooting, an owl, an owl at night, hooting, a hooting owl, the hoot "
            "of an owl, owl hoots, an owl in a forest, hoots of an owl, an owl calling"
        ),
        held_out=split("an owl hooting in a forest, the hooting of an owl"),
        low=LOW,
        high=HIGH,
    ),
    "siren": Kind(
        tonal.siren,
        phrases=split(
            "a police siren, an emergency siren, an ambulance siren, a siren, a siren "
            "wailing, a fire truck siren, a wailing siren, police sirens, the siren of "
            "an ambulance, a police car siren"
        ),
        held_out=split("a wailing police siren, an emergency ambulance siren"),
        slow=SLOW,
        fast=FAST,
        low=LOW,
        high=HIGH,
    ),
    "beep": Kind(
        tonal.beep,
        phrases=split(
            "electronic beeping, a beep, beeps, an alarm beeping, digital beeps, a "
            "beeping alarm, beeping, an electronic beep, a digital alarm, beep beep "
            "beep"
        ),
        held_out=split("a digital beep, an electronic alarm beeping"),
        slow=SLOW,
        fast=FAST,
        low=LOW,
        high=HIGH,
    ),
    "laser": Kind(
        tonal.laser,
        phrases=split(
            "a laser, a laser gun, laser zaps, a sci-fi laser, a spaceship blaster, "
            "laser shots, a ray gun, a laser gun firing, laser blasts, a sci-fi blaster"
        ),
        held_out=split("a sci-fi laser gun, zaps of a laser blaster"),
        slow=SLOW,
        fast=FAST,
        low=LOW,
        high=HIGH,
    ),
    "engine": Kind(
        tonal.engine,
        phrases=split(
            "a car engine, an engine idling, a motor running, an engine, a car engine "
            "idling, the rumble of an engine, a diesel engine, a running motor, a truck "
            "engine, a motor"
        ),
        held_out=split("the engine of a car running, a truck motor idling"),
        slow=split("idling, slow"),
        fast=split("revving, fast"),
        low=split("deep, muffled"),
        high=split("bright, loud"),
        width=0.4,
    ),
    "helicopter": Kind(
        tonal.helicopter,
        phrases=split(
            "a helicopter, a helicopter flying, helicopter blades, a chopper, a "
            "helicopter hovering, rotor blades, a helicopter overhead, the rotor of a "
            "helicopter, a military helicopter, a hovering chopper"
        ),
        held_out=split("a chopper flying overhead, helicopter rotor blades"),
        slow=SLOW,
        fast=FAST,
        width=0.5,
    ),
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
    "guitar": Kind(
        music.guitar,
        phrases=split(
            "a guitar, a plucked guitar, an acoustic guitar, a guitar melody, plucked "
            "strings, guitar strings, an acoustic guitar melody, a guitar playing, a "
            "classical guitar, someone playing the guitar"
        ),
        held_out=split("a melody on an acoustic guitar, plucked guitar strings"),
        slow=SLOW,
        fast=FAST,
        low=LOW,
        high=HIGH,
    ),
    "piano": Kind(
        music.piano,
        phrases=split(
            "a piano, a piano melody, someone playing the piano, a solo piano, a grand "
            "piano, piano notes, piano music, a piano playing, a melody on the piano, a "
            "piano tune"
        ),
        held_out=split("a melody on a grand piano, solo piano music"),
        slow=split("slow, calm, sad"),
        fast=split("fast, lively, happy"),
        low=LOW,
        high=HIGH,
        width=0.4,
    ),
    "pad": Kind(
        music.pad,
        phrases=split(
            "a synth pad, an ambient synth pad, a warm synth chord, an ambient drone, a "
            "soothing ambient drone, a synthesizer chord, an ambient soundscape, a "
            "dreamy pad, a synth drone, ambient music"
        ),
        held_out=split("a warm ambient synth pad, a dreamy synthesizer drone"),
        low=split("dark, deep, low"),
        high=split("bright, high"),
        width=0.7,
    ),
    "flute": Kind(
        music.flute,
        phrases=split(
            "a flute, a flute melody, someone playing the flute, a wooden flute, a "
            "flute solo, flute music, a breathy flute, a flute playing, a melody on the "
            "flute, a flute tune"
        ),
        held_out=split("a wooden flute melody, a solo on the flute"),
        slow=split("slow, calm"),
        fast=split("fast, lively, happy"),
        low=LOW,
        high=HIGH,
    ),
}
