"""Which model a name stands for."""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from frontend.errors import BackendUnavailable, InvalidRequest, UnknownModel
from tritone.card import ModelCard, SpeechCard

C = TypeVar("C", ModelCard, SpeechCard)


BUNDLED = "starter"
"""The model of sounds that comes with us: the default one until another is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNames:
    """The names that stand for models of one task, beside those of the models themselves."""

    aliases: Mapping[str, str | None]  # None: the default model
    default: str | None  # None: the bundled model; where that is not published, the only one

    def resolve(
        self, name: str | None, cards: Sequence[C], away: AbstractSet[str], *, field: str
    ) -> C:
        """Return the one of `cards` that a name or an alias stands for; None: the default model.

        Raises:
            UnknownModel: neither a served name nor an alias; `field` is where the name was.
            InvalidRequest: several are served, and none was chosen to be the default.
            BackendUnavailable: it should be served, but is away now.
        """
        served = {card.name: card for card in cards}
        if name in served:
            return served[name]
        is_ours = name is None or name in self.aliases
        if not is_ours:
            if name in away or not served:
                raise BackendUnavailable
            raise UnknownModel(str(name), field=field)
        target = self.aliases.get(name) if name is not None else None
        target = target or self._choose_default(served, away, field)
        if target not in served:
            raise BackendUnavailable
        return served[target]

    def _choose_default(self, served: Collection[str], away: AbstractSet[str], field: str) -> str:
        """Return the default model; publishing another one never changes which it is."""
        if self.default is not None:
            return self.default
        if not served or BUNDLED in served or BUNDLED in away:
            return BUNDLED
        if len(served) > 1:
            names = ", ".join(f"`{name}`" for name in sorted(served))
            raise InvalidRequest(
                f"Name a model: {names}. None of them is the default.", field=field
            )
        return next(iter(served))
