"""Everything that goes wrong here, in one sentence with its remedy."""


class OpsError(Exception):
    """An error whose text is shown as it is."""


class CannotStart(OpsError):
    """The stack cannot start; the text says why and what to do."""


class TritonCallFailed(OpsError):
    """Triton refused a management call or did not answer it; the text is Triton's, or gRPC's."""
