"""Opens a checkpoint in the environment of its engine, and prints what it found.

`python -m backends.isolated.describe ENGINE SOURCE`, with one line of JSON as the answer.
"""

import json
import sys
from typing import Any

from backends.isolated.generator import Generator, open_generator
from tritone.first_line import first_line
from tritone.isolated import DESCRIBED


def describe(generator: Generator) -> dict[str, Any]:
    """Return what a card must say of a checkpoint."""
    return {"sample_rate": generator.sample_rate, "speakers": generator.speakers()}


def main(arguments: list[str]) -> int:
    """Print the description of a checkpoint, or why there is none; return the exit status."""
    engine, source = arguments
    try:
        generator = open_generator(engine, source)
        found = describe(generator)
    except Exception as error:  # each library has its own
        sys.stderr.write(f"\n{first_line(error)}\n")
        return 1
    sys.stdout.write(f"\n{DESCRIBED}{json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
