"""The bounds of what one request may ask for, the same in exporter, gateway and backends."""

MAX_STEPS = 1000

MAX_GUIDANCE_SCALE = 1000.0
"""Of a request. Beyond it the latents of any network overflow. 0 is the least."""

MIN_SEED, MAX_SEED = -(2**63), 2**63 - 1
"""A seed travels as int64."""

RANDOM_SEEDS = 2**32
"""A request without a seed gets one of 0 .. RANDOM_SEEDS - 1: short enough to be read out."""

MAX_TEXT_CHARS = 1_000_000
"""Of any text of a request; a deployment's own limit of prompts is lower."""
