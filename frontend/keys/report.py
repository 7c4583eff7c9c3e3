"""The list of keys as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from frontend.keys.model import KeyLimits, KeyReport

_HEADINGS = ("id", "name", "created", "last used", "requests", "sound", "limits", "state")


def format_table(reports: Sequence[KeyReport], pepper_id: bytes) -> str:
    """Return the keys as a table; `pepper_id` tells which of them our pepper opens."""
    rows = [_HEADINGS, *(_cells(report, pepper_id) for report in reports)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def format_json(reports: Sequence[KeyReport], pepper_id: bytes) -> str:
    """Return the keys as a JSON array; `pepper_id` tells which of them our pepper opens."""
    return json.dumps([_entry(report, pepper_id) for report in reports], indent=2)


def _state(report: KeyReport, pepper_id: bytes) -> str:
    if report.revoked_at is not None:
        return "revoked"
    return "active" if report.pepper_id == pepper_id else "another pepper"


def _cells(report: KeyReport, pepper_id: bytes) -> tuple[str, ...]:
    created, used = report.created_at, report.last_used_at
    return (
        report.id,
        report.name,
        f"{created:%Y-%m-%d}",
        f"{used:%Y-%m-%d %H:%M}" if used else "never",
        str(report.requests),
        f"{report.sound_seconds:.1f} s",
        _describe(report.limits),
        _state(report, pepper_id),
    )


def _describe(limits: KeyLimits) -> str:
    words = []
    if limits.rate_per_minute is not None:
        words.append(f"{limits.rate_per_minute:g}/min (burst {limits.burst})")
    if limits.max_in_flight is not None:
        words.append(f"{limits.max_in_flight} at once")
    return ", ".join(words) or "none"


def _entry(report: KeyReport, pepper_id: bytes) -> dict[str, object]:
    moments = {
        name: moment.isoformat() if moment else None
        for name, moment in (
            ("created_at", report.created_at),
            ("last_used_at", report.last_used_at),
            ("revoked_at", report.revoked_at),
        )
    }
    return {
        "id": report.id,
        "name": report.name,
        **asdict(report.limits),
        **moments,
        "requests": report.requests,
        "sound_seconds": report.sound_seconds,
        "state": _state(report, pepper_id),
    }
