"""Every environment variable that one of our programs reads, so that each can tell misspelt ones.

The settings themselves stand in the `settings.py` of each program; a test compares the two.
"""

import difflib
from collections.abc import Iterable

from tritone.environment import NESTING, PREFIX

_SETTINGS = {
    "": """
        ALIASES ALLOWED_HOSTS CORS_ORIGINS DEFAULT_MODEL DEFAULT_VOICE DRAIN_TIMEOUT_S
        ENGINE_DIRECTORY HANG_TIMEOUT_S HOST LOG_LEVEL MAX_BODY_BYTES MAX_PROMPT_CHARS MAX_SECONDS
        MODEL_FILES MODEL_REPOSITORY OTLP_ENDPOINT PORT STATE_DIRECTORY STRICT
        STRICT_SOUND_GENERATION TIMEOUT_S TRUSTED_PROXIES
    """,
    "ADMISSION": """
        MAX_IN_FLIGHT MAX_WAITING
    """,
    "JOBS": """
        CONCURRENCY DATABASE_URL EMBEDDED LEASE_S MAX_ATTEMPTS MAX_CONNECTIONS MAX_QUEUED
        MAX_STREAMS METRICS_PORT PATIENCE_S POLL_S WORKERS
    """,
    "KEYS": """
        ALLOW_ANONYMOUS CACHE_S PEPPER PEPPER_FILE STATIC
    """,
    "STORAGE": """
        PUBLIC_URL RETENTION_S SIGNING_KEY URL URL_LIFETIME_S
    """,
    "TRITON": """
        EJECT_AFTER EJECT_S EXPOSED FLEET GPU GRPC_PORT HTTP_PORT METRICS_PORT PROBE_PERIOD_S
        PROBE_TIMEOUT_S REFRESH_S RPC_TIMEOUT_S START_TIMEOUT_S URL USER WATCHDOG_S WEIGHTS
    """,
    "WEBHOOKS": """
        ALLOW_NETWORKS CONCURRENCY DENY_NETWORKS HTTPS_ONLY PER_HOST PREVIOUS_SECRET SCHEDULE_S
        SECRET TIMEOUT_S
    """,
}
"""By group; without one: the empty text."""

_OTHERS = frozenset({"ENVIRONMENT_FAULT", "INSTANCE", "KEY", "PUBLISH", "URL", "WEBHOOK_SECRET"})
"""Of the stack's own processes, of clients, of deploy/compose.yaml and of programs in docs/."""

KNOWN = frozenset(
    PREFIX + (f"{group}{NESTING}{name}" if group else name)
    for group, names in _SETTINGS.items()
    for name in names.split()
)


def find_unknown(names: Iterable[str]) -> list[str]:
    """Return the variables of our prefix that mean nothing, in order."""
    others = {PREFIX + name for name in _OTHERS}
    known = KNOWN | others
    return sorted(n for n in names if n.upper().startswith(PREFIX) and n.upper() not in known)


def list_complaints(names: Iterable[str]) -> list[str]:
    """Return a sentence on each variable of our prefix that means nothing, with what is near."""
    return [_complain(name) for name in find_unknown(names)]


def _complain(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), KNOWN, n=1, cutoff=0.8)
    return f"{name} is no setting" + (f"; did you mean {near[0]}?" if near else "")
