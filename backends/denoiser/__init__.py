"""Triton backend `denoiser`: one batch per diffusion step over all requests in flight."""
