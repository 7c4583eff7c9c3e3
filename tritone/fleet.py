"""Which versions all Tritons of a fleet shall serve, stated once: one small JSON file.

`tritone models … --fleet` writes it; frontends read it, and give no pass to a Triton that serves
something else (docs/versions.md).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from tritone.versions import Lineup


class InvalidFleetState(ValueError):
    """The file is not one this release can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What every Triton shall serve of one model."""

    version: int
    lineup: Lineup = field(default_factory=Lineup)
    coming: int | None = None  # a command is changing the fleet to it, one Triton after another

    def allows(self, version: int) -> bool:
        """Return whether a Triton that serves a version may get passes."""
        return version in {self.version, self.coming}


@dataclass(frozen=True, slots=True)
class FleetState:
    """What is wanted of each model; a model that is not named may be served in any version."""

    models: Mapping[str, Wanted] = field(default_factory=lambda: MappingProxyType({}))

    def with_model(self, name: str, wanted: Wanted) -> Self:
        """Return a copy that wants something else of one model."""
        return type(self)({**self.models, name: wanted})

    def to_json(self) -> str:
        """Return JSON for people, too."""
        models = {
            name: {"version": e.version, **json.loads(e.lineup.to_json()), "coming": e.coming}
            for name, e in sorted(self.models.items())
        }
        return json.dumps({"models": models}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a fleet's state.

        Raises:
            InvalidFleetState: broken JSON, or shares outside 0 to 1.
        """
        try:
            models = json.loads(text)["models"]
            return cls({str(name): _read(fields) for name, fields in models.items()})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidFleetState(f"not a fleet's state of this release: {error}") from error


def _read(fields: dict[str, Any]) -> Wanted:
    coming = fields["coming"]
    return Wanted(
        version=int(fields["version"]),
        lineup=Lineup.from_json(json.dumps(fields)),
        coming=None if coming is None else int(coming),
    )
