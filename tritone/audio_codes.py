"""Audio codes: music in words of its own, as ACE-Step's planners write it for a song to follow.

A text of them is `<|audio_code_17|><|audio_code_63999|>`. Source: diffusers 0.42.1,
`AceStepPipeline`, which leaves out what is none and takes a number that is too high for the
highest; here both are refused.
"""

import re

MAX_CODE_CHARS = 24
"""Of one code, with a blank or a line end behind it."""

_CODE = re.compile(r"\s*<\|audio_code_(\d{1,6})\|>\s*", re.ASCII)


def parse_codes(text: str, *, known: int, most: int) -> list[int]:
    """Return the numbers of the codes in a text.

    Raises:
        ValueError: there is none, something else stands among them, they are more than `most`, or
            a number is not below `known`. It says so in words for callers.
    """
    codes, at = [], 0
    while at < len(text):
        found = _CODE.match(text, at)
        if found is None:
            raise ValueError(
                f"The audio codes must be written as <|audio_code_0|><|audio_code_1|>; character "
                f"{at + 1} is something else."
            )
        codes.append(int(found[1]))
        at = found.end()
    if not codes:
        raise ValueError("There is no audio code.")
    if len(codes) > most:
        raise ValueError(f"There may be at most {most} audio codes, not {len(codes)}.")
    if max(codes) >= known:
        raise ValueError(f"The model knows the audio codes 0 to {known - 1}, not {max(codes)}.")
    return codes
