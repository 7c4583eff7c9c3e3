import pytest

from frontend.errors import InvalidRequest
from frontend.speech.dictionaries.lexicon import read_lexicon, write_lexicon
from frontend.speech.dictionaries.rules import Rule, add_rules

LEXICON = """\
<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" alphabet="cmu-arpabet" xml:lang="en-US">
  <lexeme><grapheme>Claughton</grapheme><alias>Cloffton</alias></lexeme>
  <lexeme>
    <grapheme>tomato</grapheme><grapheme>Tomato</grapheme>
    <phoneme>T AH0 M EY1 T OW0</phoneme>
    <phoneme prefer="true" alphabet="ipa">t\u0259\u02c8m\u0251\u02d0t\u0259\u028a</phoneme>
  </lexeme>
  <lexeme><grapheme>actually</grapheme><phoneme>AE1 K</phoneme></lexeme>
  <lexeme><grapheme>silent</grapheme></lexeme>
</lexicon>
"""
RULES = (
    Rule(text="Claughton", alias="Cloffton"),
    Rule(text="tomato", phoneme="təˈmɑːtəʊ", alphabet="ipa"),
    Rule(text="Tomato", phoneme="təˈmɑːtəʊ", alphabet="ipa"),
    Rule(text="actually", phoneme="AE1 K", alphabet="cmu-arpabet"),
)


def test_a_lexicon_is_read() -> None:
    assert read_lexicon(LEXICON.encode()) == RULES


def test_what_is_written_reads_the_same() -> None:
    assert read_lexicon(write_lexicon(RULES)) == RULES
    special = (Rule(text='<a> & "b"', alias="ä 日"),)
    assert read_lexicon(write_lexicon(special)) == special


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfe<", "not UTF-8"),
        (b"<lexicon", "not a PLS lexicon"),
        (b"<lexicon/>", "its root"),
        (b'<!DOCTYPE l [<!ENTITY a "aaaa">]><l>&a;</l>', "document type"),
        (b'<!doctype l SYSTEM "file:///etc/passwd"><l/>', "document type"),
    ],
)
def test_no_lexicon_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as caught:
        read_lexicon(raw)
    assert caught.value.field == "file"


@pytest.mark.parametrize(
    "rule",
    [
        Rule(text=" ", alias="a"),
        Rule(text="a", alias=" "),
        Rule(text="a" * 201, alias="a"),
        Rule(text="a", phoneme="a", alphabet="x-sampa"),
        Rule(text="a", phoneme="QQ", alphabet="cmu-arpabet"),
        Rule(text="a", phoneme="a" * 201, alphabet="ipa"),
    ],
)
def test_a_rule_that_no_voice_can_follow_is_refused(rule: Rule) -> None:
    with pytest.raises(InvalidRequest):
        add_rules((), (rule,))


def test_too_many_rules_are_refused() -> None:
    rules = [Rule(text=f"w{k}", alias="a") for k in range(1001)]
    assert len(add_rules((), rules[:1000])) == 1000
    with pytest.raises(InvalidRequest, match="1000 rules"):
        add_rules(rules[:1000], rules[1000:])
