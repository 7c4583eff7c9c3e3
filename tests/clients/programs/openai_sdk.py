"""Calls of the `openai` package."""

import json
import os
import sys
from collections.abc import Callable

import openai

URL, KEY = os.environ["TEST_URL"], os.environ["TEST_KEY"]


def error_of(call: Callable[[], object]) -> tuple[str, int, object]:
    try:
        call()
    except openai.APIStatusError as error:
        return type(error).__name__, error.status_code, error.message
    raise AssertionError("no error")


found = {}
for name, base in (("root", f"{URL}/v1"), ("localai", f"{URL}/localai/v1")):
    own = openai.OpenAI(base_url=base, api_key=KEY, max_retries=0)
    stranger = openai.OpenAI(base_url=base, api_key="not-a-key-of-ours", max_retries=0)
    found[name] = {
        "models": [model.id for model in own.models.list()],
        "one": own.models.retrieve("stabilityai/stable-audio-open-1.0").id,
        "none": error_of(lambda own=own: own.models.retrieve("nonesuch")),
        "stranger": error_of(lambda stranger=stranger: stranger.models.list()),
    }
sys.stdout.write(json.dumps(found) + "\n")
