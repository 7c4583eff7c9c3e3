"""Why a version is not served, in one sentence with its remedy."""

from ops.errors import OpsError


class ModelsError(OpsError):
    """The command cannot be carried out; what was served is served as before."""


class Refused(ModelsError):
    """The version is no good."""
