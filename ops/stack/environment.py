"""What the frontend, the workers and `tritone keys` are told by their environment."""

from dataclasses import dataclass

from ops.settings import Settings, copy_environment
from tritone.environment import DATABASE_URL, HOST, PEPPER_FILE, PORT, STORAGE_URL, TRITON_URL

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the services of a stack are."""

    port: int  # of the frontend
    triton: str
    database: str | None  # None: there are no jobs


def frontend_url(settings: Settings, port: int) -> str:
    """Return where clients on this machine reach the frontend."""
    return f"http://{loopback_for(settings.host)}:{port}"


def loopback_for(host: str) -> str:
    """Return the host of URLs that lead this machine to what listens on an address."""
    reached = _ANY_ADDRESS.get(host, host)
    return f"[{reached}]" if ":" in reached else reached


def frontend_environment(settings: Settings, addresses: Addresses) -> dict[str, str]:
    """Return the environment of the frontend, and of the worker, which does the same later."""
    defaults = {STORAGE_URL: str(settings.resolved_state_directory() / "files")}
    ours = {
        HOST: settings.host,
        PORT: str(addresses.port),
        TRITON_URL: addresses.triton,
    }
    if addresses.database is not None:
        ours[DATABASE_URL] = addresses.database
    return {**defaults, **key_environment(settings), **ours}


def key_environment(settings: Settings) -> dict[str, str]:
    """Return our environment, with the pepper in the state folder unless it is said elsewhere."""
    environment = copy_environment()
    pepper_file = settings.resolved_state_directory() / "keys.pepper"
    return environment | {PEPPER_FILE: environment.get(PEPPER_FILE) or str(pepper_file)}
