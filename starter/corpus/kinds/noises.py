"""Sounds that are mostly noise: weather, water, fire, a crowd."""

from starter.corpus import noiselike
from starter.corpus.kinds.kind import LOW, Kind, split

NOISES: dict[str, Kind] = {
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
}
