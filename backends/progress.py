"""How far a job is. Knows no Triton."""

Progress = tuple[int, int]
"""What is done, and what there is in all: steps, frames or passages."""

UNKNOWN_JOB: Progress = (-1, -1)
"""The progress of a job that nobody has, or had lately."""
