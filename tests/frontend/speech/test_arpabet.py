import pytest

from frontend.speech.arpabet import NotArpabet, from_arpabet


@pytest.mark.parametrize(
    ("arpabet", "ipa"),
    [
        ("HH AH0 L OW1", "həlˈoʊ"),
        ("t ow2 m ey1 t ow0", "tˌoʊmˈeɪtoʊ"),
        ("B ER1 D ER0", "bˈɜɹdəɹ"),
        ("CH AH1 NG K", "tʃˈʌŋk"),
    ],
)
def test_phonemes_are_written_in_ipa(arpabet: str, ipa: str) -> None:
    assert from_arpabet(arpabet) == ipa


@pytest.mark.parametrize("phone", ["XX", "HH1", "AH3", "ə", "HELLO"])
def test_what_is_no_phoneme_is_named(phone: str) -> None:
    with pytest.raises(NotArpabet, match=phone):
        from_arpabet(f"HH {phone}")
