"""A slash at the end of a contract's path is ignored, without a redirect.

Source: LocalAI removes it before routing (core/http/app.go); MusicGPT's n8n node asks for
`/api/public/v1/`. Clients drop keys and bodies on redirects.
"""

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlashes:
    """ASGI middleware; removes slashes at the end of paths that begin with one of the prefixes."""

    def __init__(self, app: ASGIApp, *, prefixes: Collection[str]) -> None:
        """Wrap `app`; a prefix is a path's first part, without slashes."""
        self._app = app
        self._prefixes = frozenset(prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.endswith("/") and self._is_ours(path):
            scope = {**scope, "path": path.rstrip("/")}  # `state` stays the same object
        await self._app(scope, receive, send)

    def _is_ours(self, path: str) -> bool:
        return path.split("/")[1] in self._prefixes
