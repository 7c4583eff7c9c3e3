"""Instruments that play a melody or a chord."""

from starter.corpus import music
from starter.corpus.kinds.kind import FAST, HIGH, LOW, SLOW, Kind, split

INSTRUMENTS: dict[str, Kind] = {
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
