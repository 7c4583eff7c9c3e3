"""What the models of bodies, queries and forms are made of.

Three rules hold for all of them. Where a field has a default, null, an empty value and no value are
one thing. A whole number may be written 42.0. Fields that nobody knows are skipped, and named in a
note.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)
from pydantic_core import PydanticCustomError

_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_MAX_NAMES = 8  # of unknown fields, in one note


def is_absent(value: object, default: object = None) -> bool:
    """Return whether a value says nothing: null, "", or an empty list where lists are expected."""
    is_empty = isinstance(value, list | dict) and not value and type(value) is type(default)
    return value is None or value == "" or is_empty


class RequestModel(BaseModel):
    """A model that takes absent values for defaults and remembers what it skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)
    _unknown: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _drop_absent(cls, content: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(content, Mapping):
            return handler(content)
        given = {name: value for name, value in content.items() if cls._is_given(name, value)}
        made = handler(given)
        made._unknown = tuple(given.keys() - cls.model_fields.keys())
        return made

    @classmethod
    def _is_given(cls, name: str, value: object) -> bool:
        field = cls.model_fields.get(name)
        if field is not None and field.is_required():
            return True
        return not is_absent(value, field.default if field is not None else None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was asked for and is not done: fields that the contract does not have."""
        nested = (note for each in self._list_nested() for note in each.notes)
        return tuple(dict.fromkeys((*self._name_unknown(), *nested)))

    def _list_nested(self) -> "Iterator[RequestModel]":
        for name in type(self).model_fields:
            value = getattr(self, name)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, RequestModel):
                    yield each

    def _name_unknown(self) -> tuple[str, ...]:
        named = sorted(name for name in self._unknown if _PLAIN_NAME.fullmatch(name))[:_MAX_NAMES]
        n_others = len(self._unknown) - len(named)
        others = (f"{n_others} unknown fields ignored",) if n_others else ()
        return (*(f"{name} ignored" for name in named), *others)


class StrictBody(RequestModel):
    """A JSON body: takes no "5" for a number."""

    model_config = ConfigDict(strict=True)


def _check_characters(text: str) -> str:
    # JSON can escape what UTF-8 cannot say; no tokenizer, protobuf or log would take it.
    if _UNUSABLE.search(text):
        raise PydanticCustomError(
            "string_unicode", "Input should be valid Unicode without NUL characters"
        )
    return text


def _check_not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("string_too_short", "Input should not be blank")
    return text


Text = Annotated[str, AfterValidator(_check_characters)]
Name = Annotated[str, Field(min_length=1), AfterValidator(_check_characters)]
Prompt = Annotated[Name, AfterValidator(_check_not_blank)]


def _make_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_make_whole)]
"""A whole number. Clients without an integer type write 42.0."""

ControlWord = Annotated[Text | bool | Integer | float, Field(union_mode="left_to_right")]
"""The value of a control: 96.0 is a whole number, whichever type the control has."""
