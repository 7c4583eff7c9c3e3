"""What keeps the stack from starting, in one sentence with its remedy."""


class CannotStart(Exception):
    """The stack cannot start; the text says why and what to do, and is shown as it is."""
