"""One rule for what a request says beside its prompt, whichever contract it came through.

What the model takes natively reaches its inputs. Else it is put into words, before the prompt: what
comes last may be cut. Else it is left out. Notes say what was not native.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from frontend.errors import InvalidRequest
from frontend.passes.checks import check_range, check_text
from tritone.card import ModelCard
from tritone.controls import (
    BPM,
    INSTRUMENTAL,
    KEYSCALE,
    LYRICS,
    TIMESIGNATURE,
    TYPES,
    Control,
    Controls,
    ControlValue,
    is_of_type,
    is_said,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A prompt and the controls that the model takes beside it."""

    prompt: str
    native: Controls
    notes: tuple[str, ...]


def apply_controls(prompt: str, asked: Controls, card: ModelCard) -> Applied:
    """Return what a model gets of a prompt and of the controls that were asked for.

    Raises:
        InvalidRequest: a value is of the wrong type, or not within what the model's control takes.
    """
    said = {name: value for name, value in asked.items() if is_said(value)}
    native = {
        each.name: _check(each, said[each.name])
        for each in card.controls
        if each.name in said and (each.needs is None or each.needs in said)
    }
    others = {name: value for name, value in said.items() if name not in native}
    if others.get(INSTRUMENTAL) is True and LYRICS not in native:
        del others[INSTRUMENTAL]  # the model does not sing anyway
    words = {name: _word(name, value) for name, value in others.items() if name in _WORDINGS}
    left_out = [name for name in others if name not in words]
    return Applied(
        prompt=", ".join(filter(None, (*words.values(), prompt.strip()))),
        native=native,
        notes=(*_note("put into words", words), *_note("left out", left_out)),
    )


def _note(what: str, names: Mapping[str, str] | list[str]) -> tuple[str, ...]:
    return (f"{what}: {', '.join(names)}",) if names else ()


def _check(control: Control, value: ControlValue) -> ControlValue:
    _check_type(control.name, value)
    if isinstance(value, str):
        check_text(control.name, value, int(control.most))
        try:
            control.check(value)
        except ValueError as error:
            raise InvalidRequest(str(error), field=control.name) from error
    else:
        check_range(control.name, value, control.least, control.most)
    return value


def _check_type(name: str, value: ControlValue) -> None:
    if not is_of_type(name, value):
        raise InvalidRequest(f"The value must be a {TYPES[name]}.", field=name)


def _word(name: str, value: ControlValue) -> str:
    _check_type(name, value)
    return _WORDINGS[name](str(value).strip())


def _say_time_signature(signature: str) -> str:
    # Clients send the number of beats; six of them are eighths.
    if signature.isdecimal():
        signature = f"{signature}/{8 if signature == '6' else 4}"
    return f"{signature} time"


_WORDINGS: Mapping[str, Callable[[str], str]] = {
    BPM: "{} BPM".format,
    KEYSCALE: "in {}".format,
    TIMESIGNATURE: _say_time_signature,
}
