"""What can go wrong, in our own words. Knows no HTTP: each contract's envelope renders these.

    FrontendError
    ├── TritoneError                  a contract renders it
    │   ├── InvalidRequest            the caller must change the request
    │   │   ├── UnknownModel
    │   │   ├── UnknownVoice
    │   │   ├── UnsupportedLanguage
    │   │   ├── NothingToSpeak
    │   │   └── RequestTooLarge
    │   ├── Unauthenticated           the caller must show a right key
    │   │   └── MissingKey
    │   ├── Forbidden                 a foreign name or page, where no key is asked for
    │   ├── Overloaded                come back later
    │   │   ├── RateLimited
    │   │   └── TooManyAtOnce
    │   ├── BackendUnavailable        Triton is away, or stopping, or has no such model loaded
    │   ├── DeadlineExceeded          it took too long
    │   ├── GenerationFailed          our side failed; details go to the log only
    │   └── JobNotFound
    ├── FileNotFound                  routes say whose file it is: a job's, an item's of a history
    └── CannotStart                   a program of ours ends with this one line

Rooms derive their own errors from these. A message is written for whoever reads it: it names the
remedy, and to callers it leaks nothing internal. An error is never changed once it is made.
"""

from collections.abc import Iterable
from typing import ClassVar, Final, Literal, Self

HOW_TO_ADD_VOICES = "`tritone voices` lists the installed voices and says how to add others."

InvalidKind = Literal[
    "invalid",  # no other word fits
    "malformed",  # does not fit the contract's schema, which has its own words
    "too_long",
    "not_unicode",
    "not_finite",
    "not_above_minimum",  # the minimum itself is not allowed either
    "below_minimum",
    "above_maximum",
]
"""What is wrong with a field, for clients that compare words instead of reading messages."""


class FrontendError(Exception):
    """Any error of ours."""


class CannotStart(FrontendError):
    """A program cannot run as it is set up; the message is one line that names the remedy."""


class TritoneError(FrontendError):
    """Any error that a contract renders."""

    default_message: ClassVar = "Something went wrong on our side."

    def __init__(self, message: str | None = None) -> None:
        """Keep the message for the caller; None: the class' own."""
        self.message: Final = message or self.default_message
        super().__init__(self.message)


class InvalidRequest(TritoneError):
    """The request is malformed or outside the model's limits."""

    def __init__(
        self, message: str, *, field: str | None = None, kind: InvalidKind = "invalid"
    ) -> None:
        """`field` is the field at fault: in our words, until a contract puts in its own."""
        super().__init__(message)
        self.field: Final = field
        self.kind: Final[InvalidKind] = kind

    def with_field(self, field: str) -> Self:
        """Return the same error with another name of the field."""
        return type(self)(self.message, field=field, kind=self.kind)


class UnknownModel(InvalidRequest):
    """Neither a served model nor an alias."""

    def __init__(self, name: str, *, field: str = "model") -> None:
        """Keep the name that was asked for."""
        super().__init__(f"The model `{name}` does not exist.", field=field)
        self.name: Final = name

    def with_field(self, field: str) -> Self:
        """Return the same error with another name of the field."""
        return type(self)(self.name, field=field)


class UnknownVoice(InvalidRequest):
    """Neither an installed voice nor a published name that one stands in for."""

    def __init__(self, name: str, installed: Iterable[str], *, field: str = "voice") -> None:
        """Name the installed voices to the caller."""
        self.name: Final = name
        self.installed: Final = tuple(dict.fromkeys(installed))
        super().__init__(
            f"The voice `{name}` is not installed; installed: {', '.join(self.installed)}. "
            f"{HOW_TO_ADD_VOICES}",
            field=field,
        )

    def with_field(self, field: str) -> Self:
        """Return the same error with another name of the field."""
        return type(self)(self.name, self.installed, field=field)


class UnsupportedLanguage(InvalidRequest):
    """No installed voice speaks the language, or not the voice that was named."""

    def __init__(self, language: str, available: Iterable[str], *, field: str = "language") -> None:
        """Name the languages that can be spoken to the caller."""
        self.language: Final = language
        self.available: Final = tuple(dict.fromkeys(available))
        super().__init__(
            f"No voice that was asked for speaks `{language}`; it can be: "
            f"{', '.join(self.available)}. {HOW_TO_ADD_VOICES}",
            field=field,
        )

    def with_field(self, field: str) -> Self:
        """Return the same error with another name of the field."""
        return type(self)(self.language, self.available, field=field)


class NothingToSpeak(InvalidRequest):
    """The text holds no word that the voice can read."""


class RequestTooLarge(InvalidRequest):
    """The body or the prompt is over its limit."""


class Unauthenticated(TritoneError):
    """No key, or an unknown one."""


class MissingKey(Unauthenticated):
    """No key."""


class Forbidden(TritoneError):
    """The request comes under a foreign name, or from a foreign web page."""


class Overloaded(TritoneError):
    """Every slot and the queue are taken."""

    default_reason: ClassVar = "slots"
    """What was full, for the count of refusals: one of a few words, of the class or the error."""

    def __init__(self, message: str, *, retry_after_s: float, reason: str | None = None) -> None:
        """Keep an honest estimate of when a slot is free."""
        super().__init__(message)
        self.retry_after_s: Final = retry_after_s
        self.reason: Final = reason or self.default_reason

    def with_retry_after(self, retry_after_s: float) -> Self:
        """Return the same error with another estimate."""
        return type(self)(self.message, retry_after_s=retry_after_s, reason=self.reason)


class RateLimited(Overloaded):
    """The key asks too often."""

    default_reason = "key_rate"


class TooManyAtOnce(Overloaded):
    """The key has too many requests in flight."""

    default_reason = "key_in_flight"


class BackendUnavailable(TritoneError):
    """Triton cannot be reached, is stopping, or does not serve the model now."""

    default_message = "The model is not available right now; try again later."


class DeadlineExceeded(TritoneError):
    """The caller's deadline passed, waiting included."""

    default_message = "The sound was not finished in time."


class GenerationFailed(TritoneError):
    """An engine or our own code failed."""

    default_message = "The sound could not be made."


class JobNotFound(TritoneError):
    """No such job."""


class FileNotFound(FrontendError):
    """No such file, or not any more."""
