"""Opens a checkpoint in the environment of its engine, speaks, and prints what it found.

`python -m backends.isolated.describe ENGINE SOURCE LANGUAGE [SAMPLE]`, with one line of JSON as the
answer. SAMPLE is a recording whose voice is to be cloned.
"""

import json
import sys
from pathlib import Path
from typing import Any

from backends.isolated.generator import Generator, Speaking, open_generator
from tritone.first_line import first_line
from tritone.isolated import DESCRIBED

_WORDS = "One, two."


def describe(generator: Generator, language: str, sample: Path | None) -> dict[str, Any]:
    """Return what a card must say of a checkpoint, once it has spoken.

    Raises:
        ValueError: it made no sound. The library has errors of its own.
    """
    speakers = generator.speakers()
    if sample or speakers:
        speaking = Speaking(name="" if sample else speakers[0], language=language, sample=sample)
        if not generator.speak(_WORDS, speaking, seed=0).size:
            raise ValueError("it made no sound")
    return {"sample_rate": generator.sample_rate, "speakers": speakers}


def main(arguments: list[str]) -> int:
    """Print the description of a checkpoint, or why there is none; return the exit status."""
    engine, source, language, *samples = arguments
    try:
        generator = open_generator(engine, source)
        found = describe(generator, language, Path(samples[0]) if samples else None)
    except Exception as error:  # each library has its own
        sys.stderr.write(f"\n{first_line(error)}\n")
        return 1
    sys.stdout.write(f"\n{DESCRIBED}{json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
