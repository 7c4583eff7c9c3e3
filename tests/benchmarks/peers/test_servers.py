import io
import wave

import httpx2
import pytest

from benchmarks.peers.servers import PEERS, samples_of, wav_samples

_SAMPLES = bytes(range(20))


def _wav() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(_SAMPLES)
    return buffer.getvalue()


def test_samples_of_a_wav_file() -> None:
    assert samples_of(httpx2.Response(200, content=_wav())) == _SAMPLES


def test_a_chunk_before_the_samples_is_passed_over() -> None:
    wav = _wav()
    assert wav_samples(wav[:12] + b"LIST\x03\0\0\0abc\0" + wav[12:]) == _SAMPLES


def test_samples_of_binary_data() -> None:
    headers = {"inference-header-content-length": "2"}
    assert samples_of(httpx2.Response(200, headers=headers, content=b"{}" + _SAMPLES)) == _SAMPLES


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="WAV"):
        wav_samples(b"{}" * 20)


def test_only_the_plain_peer_denoises_the_window() -> None:
    assert [peer.key for peer in PEERS if not peer.trimmed] == ["fastapi"]
