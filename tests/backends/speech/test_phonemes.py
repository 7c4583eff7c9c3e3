import pytest

from backends.speech.phonemes import from_ipa

KNOWN = frozenset("ˈˌ həlOtɛsɪŋkɑnuʃwfAIʧʤɹθɡd")


@pytest.mark.parametrize(
    ("ipa", "letters"),
    [
        ("həˈloʊ", "həlˈO"),  # as the package's own dictionary has it
        ("həlˈoʊ", "həlˈO"),
        ("ˈtɛstɪŋ", "tˈɛstɪŋ"),
        ("ˌkɑːnstɪˈtuːʃən", "kˌɑnstɪtˈuʃən"),
        ("ˈstɹɛŋθ ˈaɪ", "stɹˈɛŋθ ˈI"),
        ("t͡ʃeɪnd͡ʒ", "ʧAnʤ"),
        ("wɪn|", "wɪn"),
    ],
)
def test_ipa_is_written_as_the_network_has_learnt_it(ipa: str, letters: str) -> None:
    assert from_ipa(ipa, KNOWN) == letters
