"""Publishing voices: what an installed package holds becomes a model that Triton serves."""

from ops.voices.publishing import publish_default_voice

__all__ = ["publish_default_voice"]
