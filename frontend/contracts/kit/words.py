"""The names that a contract gives to our fields, put into the errors that its clients see."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from frontend.contracts.kit.body import MalformedRequest
from frontend.errors import InvalidRequest

Words = Mapping[str, str]  # our field names -> the contract's


@contextmanager
def in_words(words: Words) -> Iterator[None]:
    """Raise an `InvalidRequest` of the block again, under the contract's name of its field.

    A `MalformedRequest` passes: the contract's own body schema raised it.
    """
    try:
        yield
    except MalformedRequest:
        raise
    except InvalidRequest as error:
        if error.field is None or error.field not in words:
            raise
        raise error.with_field(words[error.field]) from error
