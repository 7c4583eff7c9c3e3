"""The sentences by which the gateway recognises why Triton or a backend did not do a request.

A stream carries an error's text and no code, and an ensemble puts a prefix before it: whoever reads
one searches for these words. Whoever writes one of ours adds what else helps (`at step 3/20`).
"""

QUEUE_FULL = "denoiser queue is full"
STOPPING = "denoiser is stopping"
DEADLINE_EXCEEDED = "deadline exceeded"
CANCELLED = "cancelled"

DEAD_PROCESS = "is not healthy"
"""Triton's own words: a backend's process has died (24.10: `Stub process 'x' is not healthy`)."""
