import pytest

from ops.voices.hibari import CARD
from tritone.card import InvalidCard, ModelCard, SpeechCard, Voice, from_json
from tritone.voices import ELEVENLABS_VOICES, OPENAI_VOICES, KnownVoice, stand_in


def voice(voice_id: str, gender: str, language: str) -> Voice:
    return Voice(
        id=voice_id, name=voice_id, language=language, gender=gender,  # type: ignore[arg-type]
        license="MIT", description="",
    )  # fmt: skip


INSTALLED = (
    voice("heart", "female", "en-US"),
    voice("emma", "female", "en-GB"),
    voice("bob", "male", "en-US"),
    voice("sara", "female", "it-IT"),
)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (KnownVoice("A", "female"), "heart"),
        (KnownVoice("B", "female", "en-GB"), "emma"),
        (KnownVoice("C", "male", "en-GB"), "bob"),
        (KnownVoice("D", "neutral"), "heart"),
        (KnownVoice("E", "male", "it-IT"), "sara"),
    ],
)
def test_who_stands_in(known: KnownVoice, found: str) -> None:
    chosen = stand_in(known, INSTALLED)
    assert chosen is not None
    assert chosen.id == found


def test_nobody_stands_in_for_another_language() -> None:
    assert stand_in(KnownVoice("F", "female", "fr-FR"), INSTALLED) is None


def test_every_known_voice_has_a_stand_in_out_of_the_box() -> None:
    for known in (*OPENAI_VOICES.values(), *ELEVENLABS_VOICES.values()):
        assert stand_in(known, CARD.voices) is not None


def test_ids_look_like_the_vendors() -> None:
    assert all(len(key) == 20 and key.isalnum() for key in ELEVENLABS_VOICES)
    assert len(OPENAI_VOICES) == 13


def test_a_speech_card_says_its_task_and_comes_back() -> None:
    text = CARD.to_json()
    assert '"task": "speech"' in text
    assert from_json(text) == CARD
    assert CARD.languages == ("en-US",)


def test_cards_without_a_task_are_of_sounds(card: ModelCard) -> None:
    assert "task" not in card.to_json()
    assert from_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a model card"),
        ("[]", "not a model card"),
        ('{"task": "dance"}', "unknown task 'dance'; known: sound, speech"),
        ('{"task": "speech"}', "not a speech card"),
    ],
)
def test_other_cards_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidCard, match=message):
        from_json(text)


def test_a_card_without_its_default_voice_is_refused() -> None:
    text = CARD.to_json().replace('"default_voice": "heart"', '"default_voice": "emma"')
    with pytest.raises(InvalidCard, match="has no voice 'emma'"):
        SpeechCard.from_json(text)
