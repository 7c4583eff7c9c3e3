"""What can go wrong with jobs, beside `JobNotFound`."""

from frontend.errors import InvalidRequest


class JobConflict(InvalidRequest):
    """The idempotency key belongs to another request."""
