"""The one line that an error of others has room for in ours."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or what kind it is: some have no text."""
    return next(iter(str(error).strip().splitlines()), "") or repr(error)
