"""`python -m frontend.openapi`: prints the OpenAPI document, as `docs/openapi.json` holds it."""

import json
import sys

from frontend.app import create_app
from frontend.settings import Settings


def make_document() -> str:
    """Return the document of an application with default settings, as indented JSON."""
    document = create_app(Settings.model_validate({})).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(make_document())
