"""Which version of a published model answers, which one before it did, and who is being tried out.

Kept as JSON in the `parameters` of the model's ensemble, so that it changes in one stroke with what
it describes, and every frontend reads it from Triton. A candidate is an ensemble of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

VERSIONS_PARAMETER = "tritone_versions"
"""Key under which an ensemble's configuration carries its `Lineup`."""

CANDIDATE_PARAMETER = "tritone_candidate_of"
"""Key under which a candidate's ensemble names the model it is a version of."""


class InvalidLineup(ValueError):
    """The parameter is not one this release can read."""


def candidate_name(model: str, version: int) -> str:
    """Return the Triton name under which a version is served before it is promoted."""
    return f"{model}@{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineup:
    """Beside the serving version: the one to roll back to, and the candidates."""

    previous: int | None = None  # loaded, for a rollback
    candidates: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))
    """Share of the requests, 0 to 1, by version; 0 where it is only loaded."""
    plans: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Networks that are TensorRT plans, by version; a version without any has no entry."""

    def to_json(self) -> str:
        """Return one line of JSON."""
        candidates = {str(version): share for version, share in sorted(self.candidates.items())}
        fields: dict[str, Any] = {"previous": self.previous, "candidates": candidates}
        if self.plans:
            fields["plans"] = {str(version): plans for version, plans in sorted(self.plans.items())}
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a lineup.

        Raises:
            InvalidLineup: broken JSON, or shares outside 0 to 1.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            previous = fields["previous"]
            shares = {int(key): float(share) for key, share in fields["candidates"].items()}
            plans = {int(key): tuple(found) for key, found in fields.get("plans", {}).items()}
            lineup = cls(
                previous=None if previous is None else int(previous),
                candidates=shares,
                plans=plans,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidLineup(f"not a lineup of this release: {error}") from error
        if not all(0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1:
            raise InvalidLineup(f"shares must lie within 0 and 1: {shares}")
        return lineup
