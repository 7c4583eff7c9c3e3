"""The one line that a message of others has room for in ours."""


def first_line(said: str | BaseException) -> str:
    """Return the first line that says something; of an error without words, what error it is."""
    line = next((line.strip() for line in str(said).splitlines() if line.strip()), "")
    return line if line or isinstance(said, str) else repr(said)
