"""The list of docs/settings.md: `python -m frontend.settings_page` prints it."""

import json
import sys
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from frontend.settings import GROUPS, Settings, name_variable

_LINE_LENGTH = 118  # of the documents


def markdown_list() -> str:
    """Return every variable, its default and its meaning as a Markdown list."""
    entries = [
        f"- `{variable}` ({_format(field.default)}): {field.description}"
        for variable, field in _fields()
    ]
    return "\n".join(map(_wrap, entries)) + "\n"


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            for inner, inner_field in type(field.default).model_fields.items():
                yield name_variable(name, inner), inner_field
        else:
            yield name_variable(name), field


def _format(value: object) -> str:
    if value is None:
        return "unset"
    return f"`{value if isinstance(value, str) else json.dumps(value, default=str)}`"


def _wrap(entry: str) -> str:
    return textwrap.fill(
        entry,
        _LINE_LENGTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    sys.stdout.write(markdown_list())
