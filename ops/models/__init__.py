"""Published models and their versions: what a repository holds, what Triton serves, and changes."""

from ops.models.published import PublishedModel, published_models

__all__ = ["PublishedModel", "published_models"]
