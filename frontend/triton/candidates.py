"""Versions that are tried out under live traffic: which one a request goes to.

A candidate is an ensemble beside the model's own. Its share stands in the configuration of the
model's ensemble, so every frontend that looks there follows (docs/versions.md).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tritone.versions import Lineup, candidate_name

_SPAN = 1 << 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version that gets a share of a model's requests."""

    name: str  # Triton's
    version: str
    share: float  # 0 to 1


def read_candidates(model: str, lineup: str) -> tuple[Candidate, ...]:
    """Return the candidates that get requests, by version.

    Raises:
        InvalidLineup: the text is not a lineup of this release.
    """
    shares = Lineup.from_json(lineup).candidates
    return tuple(
        Candidate(candidate_name(model, version), str(version), share)
        for version, share in sorted(shares.items())
        if share > 0
    )


def choose_candidate(candidates: Sequence[Candidate], request_id: str) -> Candidate | None:
    """Return the candidate that a request goes to; None: the version that serves.

    The same request id always goes to the same version: all passes of one sound, and each attempt.
    """
    digest = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
    point = int.from_bytes(digest) / _SPAN
    for candidate in candidates:
        if point < candidate.share:
            return candidate
        point -= candidate.share
    return None


def is_candidate(name: str, names: set[str]) -> bool:
    """Return whether a Triton name is a version of a model among others."""
    model, separator, version = name.rpartition("@")
    return bool(separator) and version.isdecimal() and model in names
