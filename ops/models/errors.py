"""Why a version is not served, in one sentence with its remedy."""


class ModelsError(Exception):
    """The command cannot be carried out; what was served is served as before."""


class Refused(ModelsError):
    """The version is no good."""
