"""Headers that keep browsers from doing more with an answer than read it.

Source: https://owasp.org/www-project-secure-headers/ (read 2026-11).
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontend.http import api_page

_POLICIES = {
    api_page.PATH: (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'"
    )
}
# A browser shows a sound that is opened by its link inside a page of its own, under our policy.
_SOUND_ONLY = "default-src 'none'; media-src 'self'; frame-ancestors 'none'"


def make_page_policy(nonce: str) -> str:
    """Return the policy of the page at `/`; `nonce` marks the style sheets that it may have.

    Sounds are played and saved as blobs: the browser has them already.
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self';"
        " media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


class SecurityHeaders:
    """ASGI middleware; a header that an answer brings itself is left alone."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "no-referrer")
                headers.setdefault(
                    "content-security-policy", _POLICIES.get(scope["path"], _SOUND_ONLY)
                )
            await send(message)

        await self._app(scope, receive, send_with_headers)
