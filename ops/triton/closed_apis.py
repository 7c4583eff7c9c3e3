"""The APIs of Triton that nobody here needs, closed. Standard library only.

Registering shared memory is the way of CVE-2025-23319; traces and logs may be written to any file.
Source: "Limit Endpoint Access" of Triton's docs/customization_guide/inference_protocols.md.
"""

import secrets

_APIS = "shared-memory,trace,logging"
_HEADER = "tritone-nobody"


def close_apis() -> list[str]:
    """Return flags that let only callers with a secret in, which is told to nobody."""
    secret = secrets.token_urlsafe(32)
    return [
        f"--grpc-restricted-protocol={_APIS}:{_HEADER}={secret}",
        f"--http-restricted-api={_APIS}:{_HEADER}={secret}",
    ]
