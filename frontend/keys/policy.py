"""Whether requests need a key, and whether the settings fit together."""

import ipaddress

from frontend.settings import InvalidSettings, Settings


def keys_are_required(settings: Settings) -> bool:
    """Return whether a request must show a key: on this machine only when somebody wants it."""
    if settings.keys.allow_anonymous is not None:
        return not settings.keys.allow_anonymous
    return bool(settings.keys.static) or not _is_loopback(settings.host)


def check_keys(settings: Settings) -> None:
    """Refuse settings that would let nobody in, or let everybody in against their own words.

    Raises:
        InvalidSettings: one line with the remedies.
    """
    if settings.keys.static and settings.keys.allow_anonymous:
        raise InvalidSettings(
            "TRITONE_KEYS__ALLOW_ANONYMOUS=true lets everybody in in spite of "
            "TRITONE_KEYS__STATIC; unset one of them"
        )
    has_keys = settings.keys.static or settings.jobs.database_url
    if keys_are_required(settings) and not has_keys:
        raise InvalidSettings(
            f"TRITONE_HOST={settings.host} needs API keys; set TRITONE_KEYS__STATIC, or "
            "TRITONE_JOBS__DATABASE_URL and use `tritone keys create`, or let everybody in with "
            "TRITONE_KEYS__ALLOW_ANONYMOUS=true"
        )


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"  # where any other name leads is not ours to know
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
