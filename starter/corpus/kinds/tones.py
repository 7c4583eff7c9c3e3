"""Sounds with a pitch that nobody plays: bells, animals, signals, engines."""

from starter.corpus import music, tonal
from starter.corpus.kinds.kind import FAST, HIGH, LOW, SLOW, Kind, split

TONES: dict[str, Kind] = {
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
}
