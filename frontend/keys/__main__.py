"""`python -m frontend.keys`, which `tritone keys` runs: make, list and revoke keys."""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict

import structlog

from frontend.database.connections import make_pool
from frontend.database.database import Database
from frontend.errors import BackendUnavailable
from frontend.keys.issue import issue
from frontend.keys.model import KeyLimits, KeyReport, default_burst
from frontend.keys.pepper import pepper_of
from frontend.keys.secrets import named_id, parsed, pepper_id
from frontend.keys.store import KeyStore
from frontend.settings import InvalidSettings, Settings, load_settings

_PATIENCE_S = 5.0
_RATES = 0.01, 1e6  # requests per minute
_MAX_BURST = 100_000
_MAX_IN_FLIGHT = 1000  # every slot taken is written with every request
_MAX_NAME_CHARS = 100
_HEADINGS = ("id", "name", "created", "last used", "requests", "sound", "limits", "state")

Command = Callable[[KeyStore, Settings, argparse.Namespace], Awaitable[int]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit status."""
    options = _parser().parse_args(arguments)
    _keep_output_clean()
    try:
        return asyncio.run(_run(options, load_settings()))
    except InvalidSettings as error:
        sys.stderr.write(f"tritone: {error}\n")
        return 2
    except BackendUnavailable:  # the pool has said why
        sys.stderr.write("tritone: TRITONE_JOBS__DATABASE_URL: the database cannot be reached\n")
        return 1


def _keep_output_clean() -> None:
    # Standard output is for what was asked for; libraries' warnings go to standard error anyway.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _run(options: argparse.Namespace, settings: Settings) -> int:
    if settings.jobs.database_url is None:
        raise InvalidSettings(
            "TRITONE_JOBS__DATABASE_URL: keys that can be made and revoked need a database; "
            "without one, set TRITONE_KEYS__STATIC"
        )
    url = settings.jobs.database_url.get_secret_value()
    database = Database(make_pool(url, 1, durable=True), _PATIENCE_S)
    command: Command = options.command
    try:
        await database.open()
        return await command(KeyStore(database), settings, options)
    finally:
        await database.close()


async def _create(store: KeyStore, settings: Settings, options: argparse.Namespace) -> int:
    limits = KeyLimits(
        rate_per_minute=options.rate_per_minute,
        burst=options.burst or default_burst(options.rate_per_minute),
        max_in_flight=options.max_in_flight,
    )
    text = await issue(store, pepper_of(settings.keys), options.name, limits)
    sys.stdout.write(f"{text}\n")  # alone there, so that `KEY=$(tritone keys create …)` works
    sys.stderr.write("Keep it: it is shown only this once.\n")
    return 0


async def _list(store: KeyStore, settings: Settings, options: argparse.Namespace) -> int:
    ours = pepper_id(pepper_of(settings.keys))
    reports = await store.reports()
    if options.json:
        found = [_as_json(report, ours) for report in reports]
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        sys.stdout.write(_table([_HEADINGS, *(_cells(report, ours) for report in reports)]))
    return 0


async def _revoke(store: KeyStore, settings: Settings, options: argparse.Namespace) -> int:
    key_id = named_id(options.id)
    if key_id is None or not await store.revoke(key_id):
        sys.stderr.write("tritone: there is no such key; see `tritone keys list`\n")
        return 1
    sys.stderr.write(f"Revoked; it works for at most {settings.keys.cache_s:g} s more.\n")
    return 0


def _state(report: KeyReport, ours: bytes) -> str:
    if report.revoked_at is not None:
        return "revoked"
    return "active" if report.pepper_id == ours else "another pepper"


def _cells(report: KeyReport, ours: bytes) -> tuple[str, ...]:
    created, used = report.created_at, report.last_used_at
    return (
        report.id,
        report.name,
        f"{created:%Y-%m-%d}",
        f"{used:%Y-%m-%d %H:%M}" if used else "never",
        str(report.requests),
        f"{report.sound_seconds:.1f} s",
        _shown_limits(report.limits),
        _state(report, ours),
    )


def _shown_limits(limits: KeyLimits) -> str:
    shown = []
    if limits.rate_per_minute is not None:
        shown.append(f"{limits.rate_per_minute:g}/min (burst {limits.burst})")
    if limits.max_in_flight is not None:
        shown.append(f"{limits.max_in_flight} at once")
    return ", ".join(shown) or "none"


def _as_json(report: KeyReport, ours: bytes) -> dict[str, object]:
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
        "state": _state(report, ours),
    }


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tritone keys", description="Make, list and revoke API keys."
    )
    commands = parser.add_subparsers(required=True, metavar="create|list|revoke")
    create = commands.add_parser("create", help="make a key and show it once")
    create.add_argument("name", type=_name, help="whose key it is, for the list")
    create.add_argument("--rate-per-minute", type=_rate, help="requests; default: no limit")
    create.add_argument(
        "--burst",
        type=_up_to(_MAX_BURST),
        help="requests at once after a pause; default: ten seconds' worth",
    )
    create.add_argument(
        "--max-in-flight",
        type=_up_to(_MAX_IN_FLIGHT),
        help="requests being answered; default: no limit",
    )
    create.set_defaults(command=_create)
    listing = commands.add_parser("list", help="show every key and its usage")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(command=_list)
    revoke = commands.add_parser("revoke", help="end a key")
    revoke.add_argument("id", help="its id, or the key itself")
    revoke.set_defaults(command=_revoke)
    return parser


def _name(text: str) -> str:
    if parsed(text.strip()) is not None:
        raise argparse.ArgumentTypeError("this is a key, not a name")
    if not text.strip().isprintable() or not 0 < len(text.strip()) <= _MAX_NAME_CHARS:
        raise argparse.ArgumentTypeError(f"1 to {_MAX_NAME_CHARS} printable characters")
    return text.strip()


def _rate(text: str) -> float:
    least, most = _RATES
    rate = float(text)
    if not least <= rate <= most:
        raise argparse.ArgumentTypeError(f"{least:g} to {most:g}")
    return rate


def _up_to(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text)
        if not 1 <= found <= most:
            raise argparse.ArgumentTypeError(f"1 to {most}")
        return found

    return number


if __name__ == "__main__":
    sys.exit(main())
