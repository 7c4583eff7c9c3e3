"""Steps on a device: jobs keep their state there, one graph does a step. Knows no Triton."""
