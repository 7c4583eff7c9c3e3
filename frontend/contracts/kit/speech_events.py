"""A text that is spoken to the client as events, which carry the audio in base64.

Source: https://platform.openai.com/docs/api-reference/audio, `stream_format` `sse`.
"""

import base64
import json
from collections.abc import AsyncIterator

from fastapi import Request

from frontend.contracts.kit.file_headers import without_file
from frontend.contracts.kit.speech_answer import SpeechOrder, encode_speech, make_speech_headers
from frontend.contracts.kit.streamed import StreamedAnswer
from frontend.speech.speaker import Speech

_CHARACTERS_PER_TOKEN = 4  # a rule of thumb: nobody is billed by our count
_TOKENS_PER_SECOND = 20  # of audio; the same


def stream_speech_events(request: Request, speech: Speech, order: SpeechOrder) -> StreamedAnswer:
    """Return an answer that sends an event for the audio of each chunk, and one at the end."""

    async def send_events() -> AsyncIterator[bytes]:
        seconds = 0.0
        async for chunk in encode_speech(request, speech, order.audio_format):
            seconds += chunk.seconds
            if chunk.audio:
                audio = base64.b64encode(chunk.audio).decode()
                yield _make_event({"type": "speech.audio.delta", "audio": audio})
        n_in = -(-len(order.wanted.text) // _CHARACTERS_PER_TOKEN)
        n_out = round(seconds * _TOKENS_PER_SECOND)
        usage = {"input_tokens": n_in, "output_tokens": n_out, "total_tokens": n_in + n_out}
        yield _make_event({"type": "speech.audio.done", "usage": usage})

    headers = without_file(make_speech_headers(speech, order)) | {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
    }
    return StreamedAnswer(send_events(), speech.aclose, headers=headers)


def _make_event(event: dict[str, object]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()
