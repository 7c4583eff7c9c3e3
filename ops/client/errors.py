"""Everything that keeps a sound from being made, in one sentence with its remedy."""

from ops.errors import OpsError

FAILED = 1  # exit status: refused, failed, or no server
BUSY = 75  # try the same again later; EX_TEMPFAIL of sysexits.h
INTERRUPTED = 130  # Ctrl-C; 128 + SIGINT


class ClientError(OpsError):
    """No sound; the text says why and what to do."""

    exit_code = FAILED


class ServerBusy(ClientError):
    """The server refuses for now."""

    exit_code = BUSY


class NoJobs(ClientError):
    """The server does not take jobs at present."""
