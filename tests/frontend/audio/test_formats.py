import pytest

from frontend.audio.formats import FORMATS, choose_channels, choose_rate, format_at


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_bears_the_name_it_is_found_by(name: str) -> None:
    row = FORMATS[name]
    assert row.name == name
    assert row.media_type.startswith("audio/")
    assert row.sample_rates is None or list(row.sample_rates) == sorted(row.sample_rates)


@pytest.mark.parametrize(
    ("name", "sample_rate", "delivered"),
    [
        ("wav", 44100, 44100),
        ("wav", 12345, 12345),
        ("mp3", 96000, 48000),
        ("mp3", 44100, 44100),
        ("mp3", 30000, 32000),
        ("aac", 96000, 96000),
        ("opus", 44100, 48000),
        ("ulaw", 44100, 8000),
    ],
)
def test_rates_no_encoder_takes_go_to_the_nearest(
    name: str, sample_rate: int, delivered: int
) -> None:
    assert choose_rate(FORMATS[name], sample_rate) == delivered


def test_a_fixed_rate_wins_over_the_rate_of_the_sound() -> None:
    assert choose_rate(format_at("pcm", 16000), 44100) == 16000


def test_telephony_is_mono_and_everything_else_as_the_sound_is() -> None:
    assert {name for name in FORMATS if choose_channels(FORMATS[name], 2) == 1} == {
        "ulaw",
        "alaw",
    }
