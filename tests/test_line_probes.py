"""The probes see every statement that runs, and no other; and the code does what it did."""

import ast
from textwrap import dedent

import pytest

from tests.line_probes import add_probes

CODE = dedent(
    '''\
    """A docstring."""
    from __future__ import annotations

    def decorate(function):
        return function

    @decorate
    def choose(value):
        """What it is."""
        match value:
            case 1:
                kind = "one"
            case _:
                kind = "other"
        if value > 2:
            kind += (
                "!"
            )
        elif value < 0:
            raise ValueError
        for _ in range(value):
            pass
        else:
            kind += "."
        return kind

    def fail():
        try:
            choose(-1)
            never = 1
        except KeyError:
            return "no"
        except ValueError:
            return "negative"
        finally:
            done = True
    '''
)
AT_IMPORT = {2, 4, 5, 7, 8, 27}
ALWAYS = {10, 15}


def _run(call: str) -> tuple[object, set[int]]:
    """Return what a call gives, and the lines that ran."""
    table = bytearray(CODE.count("\n") + 2)
    names: dict[str, object] = {"__lines_run__": table}
    exec(compile(add_probes(ast.parse(CODE)), "code", "exec"), names)
    return eval(call, names), {line for line, ran in enumerate(table) if ran}


@pytest.mark.parametrize(
    ("call", "value", "lines"),
    [
        ("__doc__", "A docstring.", set()),
        ("choose.__doc__", "What it is.", set()),
        ("choose(1)", "one.", ALWAYS | {11, 12, 19, 21, 22, 24, 25}),
        ("choose(3)", "other!.", ALWAYS | {13, 14, 16, 21, 22, 24, 25}),
        ("fail()", "negative", ALWAYS | {13, 14, 19, 20, 28, 29, 33, 34, 36}),
    ],
)
def test_what_runs_is_seen(call: str, value: object, lines: set[int]) -> None:
    made, seen = _run(call)
    assert made == value
    assert seen == AT_IMPORT | lines
