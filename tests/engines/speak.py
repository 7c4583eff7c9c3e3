"""What an engine says: `ENVIRONMENT/bin/python speak.py ENGINE FOLDER WAYS SEED...`.

FOLDER is a checkpoint. WAYS is a list in JSON: name, language and recording of a voice, and what it
says with every seed. The answer is one line of JSON, after `spoken: `.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from backends.isolated.generator import Generator, Speaking, Waveform, open_generator


def main(engine: str, folder: str, ways: str, *given: str) -> None:
    """Print what is found."""
    seeds = [int(each) for each in given]
    generator = open_generator(engine, folder)
    found = {
        "sample_rate": generator.sample_rate,
        "speakers": generator.speakers(),
        "voices": [_speak(generator, seeds, way) for way in json.loads(ways)],
    }
    sys.stdout.write(f"\nspoken: {json.dumps(found)}\n")


def _speak(generator: Generator, seeds: list[int], way: list[Any]) -> dict[str, Any]:
    name, language, sample, text = way
    who = Speaking(name=name, language=language, sample=Path(sample) if sample else None)
    made = [generator.speak(text, who, seed) for seed in seeds]
    return {
        "sounds": [_digest(each) for each in made],
        "seconds": min(map(len, made)) / generator.sample_rate,
        "peak": float(min(np.abs(each).max() for each in made)),  # NaN, where one sample is
    }


def _digest(waveform: Waveform) -> str:
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    return hashlib.sha256(waveform.tobytes()).hexdigest()


if __name__ == "__main__":
    main(*sys.argv[1:])
