"""Which model a name stands for."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from frontend.errors import BackendUnavailable, UnknownModel
from tritone.card import ModelCard, SpeechCard

C = TypeVar("C", ModelCard, SpeechCard)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNames:
    """The names that stand for models of one task, beside those of the models themselves."""

    aliases: Mapping[str, str | None]  # None: the default model
    default: str | None  # None: the first model by name

    def resolve(
        self, name: str | None, cards: Sequence[C], away: AbstractSet[str], *, field: str
    ) -> C:
        """Return the one of `cards` that a name or an alias stands for; None: the default model.

        Raises:
            UnknownModel: neither a served name nor an alias; `field` is where the name was.
            BackendUnavailable: it should be served, but is away now.
        """
        served = {card.name: card for card in cards}
        if name in served:
            return served[name]
        target = self.aliases.get(name) if name is not None else None
        target = target or self.default or min(served, default=None)
        is_ours = name is None or name in self.aliases
        if is_ours and target in served:
            return served[target]
        if is_ours or name in away or not served:
            raise BackendUnavailable
        raise UnknownModel(str(name), field=field)
