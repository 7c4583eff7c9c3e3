"""ElevenLabs: the WebSocket `/v1/text-to-speech/{voice_id}/stream-input`.

Text comes while it is written, and is spoken passage by passage in one encoder's stream.
"""

import asyncio
import secrets
from contextlib import aclosing

import numpy as np
from fastapi import APIRouter, WebSocket

from frontend.audio.stream_encoder import StreamEncoder
from frontend.audio.threads import in_audio_thread
from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.elevenlabs.locators import Pronunciations, find_pronunciations
from frontend.contracts.elevenlabs.speech import PATH, WORDS, to_order
from frontend.contracts.elevenlabs.stream_messages import (
    DEFAULT_SCHEDULE,
    FINAL_OUTPUT,
    InputMessage,
    StreamInputQuery,
    find_key,
    make_output,
    make_speech_body,
)
from frontend.contracts.elevenlabs.text_buffer import TextBuffer
from frontend.contracts.kit.app_parts import (
    get_gate,
    get_owner,
    get_request_id,
    get_settings,
    get_speaker,
)
from frontend.contracts.kit.body import validate
from frontend.contracts.kit.conversation import Conversation, InputTimeout, converse
from frontend.contracts.kit.speech_answer import iterate_parts
from frontend.contracts.kit.words import in_words
from frontend.errors import BackendUnavailable, DeadlineExceeded, NothingToSpeak
from frontend.http.access import Served
from frontend.keys.credentials import find_presented_key
from frontend.passes.caller import Caller
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speech
from tritone.limits import RANDOM_SEEDS

_MAX_WAITING = 8  # passages; then the client's messages wait on its side
_KEY_TIMEOUT_S = 10.0  # for the first message of whoever has shown no key
_PASSAGE_PAUSE_S = 0.26  # as between sentences of one text

router = APIRouter(tags=["ElevenLabs"])


@router.websocket(f"{PATH}/stream-input")
async def stream_input(websocket: WebSocket) -> None:
    """Speak text that comes while it is written."""

    async def talk(conversation: Conversation) -> None:
        content = dict(websocket.query_params)
        query = validate(StreamInputQuery, content, "query", strict=False)
        presented = find_presented_key(websocket.headers) or find_presented_key(find_key(content))
        timeout_s = query.inactivity_timeout
        first = await conversation.receive_within(
            timeout_s if presented else min(timeout_s, _KEY_TIMEOUT_S)
        )
        presented = presented or find_presented_key(find_key(first))
        async with get_gate(websocket).admit(presented) as owner:
            websocket.state.owner = owner
            message = validate(InputMessage, first, "body")
            try:
                async with asyncio.timeout(get_settings(websocket).timeout_s):
                    await Session(websocket, conversation, query, message).run()
            except TimeoutError as error:
                raise DeadlineExceeded("The connection was open for too long.") from error

    await converse(websocket, ENVELOPE, talk)


class Session:
    """One client's text, from the first message to the last chunk."""

    def __init__(
        self,
        websocket: WebSocket,
        conversation: Conversation,
        query: StreamInputQuery,
        first: InputMessage,
    ) -> None:
        """`first` says how to speak; its text counts, too."""
        self._websocket = websocket
        self._conversation = conversation
        self._query = query
        self._first = first
        self._buffer = TextBuffer(first.schedule or DEFAULT_SCHEDULE)
        self._passages: asyncio.Queue[str | None] = asyncio.Queue(_MAX_WAITING)
        self._is_speaking = False
        self._encoder: StreamEncoder | None = None
        self._sample_rate = 0
        self._spoken_s = 0.0
        # One for all passages: so the same text sounds the same wherever it stands.
        self._seed = secrets.randbelow(RANDOM_SEEDS) if query.seed is None else query.seed
        self._pronunciations: Pronunciations = ()
        self._unspoken: NothingToSpeak | None = None

    async def run(self) -> None:
        """Return when everything is spoken; whatever ends one half of the work ends the other."""
        locators = self._first.pronunciation_dictionary_locators
        self._pronunciations = await find_pronunciations(self._websocket, locators)
        with in_words(WORDS):
            # What is wrong with the voice or the settings is said before any text comes.
            get_speaker(self._websocket).plan(self._make_request("a"))
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read())
                await group.create_task(self._speak())
                reading.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        finally:
            owner = get_owner(self._websocket)
            get_gate(self._websocket).count_sound(owner, self._spoken_s)

    async def _read(self) -> None:
        message = self._first
        while message.text or message.flush:
            await self._take(message)
            message = await self._receive()
        for passage in self._buffer.flush():
            await self._passages.put(passage)
        await self._passages.put(None)
        while True:  # what comes after the end is not read, but the client's leaving is
            await self._conversation.receive()

    async def _take(self, message: InputMessage) -> None:
        is_triggered = message.try_trigger_generation
        for passage in self._buffer.add(message.text, is_triggered=is_triggered):
            await self._passages.put(passage)
        if message.flush or self._query.auto_mode:
            for passage in self._buffer.flush():
                await self._passages.put(passage)

    async def _receive(self) -> InputMessage:
        timeout_s = self._query.inactivity_timeout
        while True:
            try:
                received = await self._conversation.receive_within(timeout_s)
            except InputTimeout:
                if self._is_speaking or not self._passages.empty():
                    continue  # the client listens
                raise
            return validate(InputMessage, received, "body")

    async def _speak(self) -> None:
        while (passage := await self._passages.get()) is not None:
            if not any(character.isalnum() for character in passage):
                continue  # a lone sign is no reason to end the conversation
            self._is_speaking = True
            try:
                await self._speak_passage(passage)
            except NothingToSpeak as error:  # no reason to end it, while others can be spoken
                self._unspoken = error
            self._is_speaking = False
        if self._encoder is None and self._unspoken is not None:
            raise self._unspoken
        if self._encoder is not None:
            audio = await in_audio_thread(self._encoder.finish)
            if audio:
                await self._conversation.send(make_output(audio, None))
        await self._conversation.send(FINAL_OUTPUT)

    async def _speak_passage(self, passage: str) -> None:
        caller = Caller(
            request_id=get_request_id(self._websocket), owner=get_owner(self._websocket)
        )
        with in_words(WORDS):
            speech = await get_speaker(self._websocket).speak(self._make_request(passage), caller)
        self._websocket.state.served = Served(speech.card.name, speech.model_version)
        silence_s = 0.0 if self._encoder is None else _PASSAGE_PAUSE_S
        encoder = self._open_encoder(speech)
        async with aclosing(iterate_parts(speech, self._query.audio_format)) as parts:
            async for part, timings in parts:
                silence = np.zeros((len(part), round(silence_s * speech.sample_rate)), part.dtype)
                pcm = np.concatenate((silence, part), axis=1)
                self._spoken_s += pcm.shape[1] / speech.sample_rate
                audio = await in_audio_thread(encoder.feed, pcm)
                await self._conversation.send(make_output(audio, timings, silence_s))
                silence_s = 0.0

    def _make_request(self, text: str) -> SpeechRequest:
        body = make_speech_body(self._query, text, self._first, self._seed)
        voice_id = str(self._websocket.path_params["voice_id"])
        return to_order(
            body,
            self._query,
            voice_id,
            pronunciations=self._pronunciations,
            wants_timings=True,
        ).wanted

    def _open_encoder(self, speech: Speech) -> StreamEncoder:
        if self._encoder is None:
            self._sample_rate = speech.sample_rate
            self._encoder = StreamEncoder(
                speech.sample_rate, speech.card.audio_channels, self._query.audio_format
            )
        elif self._sample_rate != speech.sample_rate:
            raise BackendUnavailable("The model was replaced by another one: connect again.")
        return self._encoder
