"""Rules as a lexicon of the W3C: https://www.w3.org/TR/pronunciation-lexicon/ (PLS 1.0)."""

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from frontend.errors import InvalidRequest
from frontend.speech.dictionaries.rules import IPA, Rule, Rules

NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_LEXEME, _GRAPHEME, _ALIAS, _PHONEME = (
    f"{{{NAMESPACE}}}{name}" for name in ("lexeme", "grapheme", "alias", "phoneme")
)


def read_lexicon(raw: bytes) -> Rules:
    """Return the rules of a lexicon: of each grapheme the preferred alias or phoneme.

    Raises:
        InvalidRequest: it is no such file.
    """
    try:
        text = raw.decode("utf-8-sig")
        if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
            raise _refuse("it has a document type, which may name other files")
        root = ET.fromstring(text)  # noqa: S314 -- it has no entities but XML's own
    except UnicodeDecodeError as error:
        raise _refuse("it is not UTF-8") from error
    except ET.ParseError as error:
        raise _refuse(str(error)) from error
    if root.tag != f"{{{NAMESPACE}}}lexicon":
        raise _refuse(f"its root is not a lexicon of {NAMESPACE}")
    return tuple(_read_lexemes(root))


def _read_lexemes(root: ET.Element) -> Iterator[Rule]:
    for lexeme in root.iter(_LEXEME):
        said = [each for each in lexeme if each.tag in (_ALIAS, _PHONEME)]
        said.sort(key=lambda each: each.get("prefer") != "true")
        for grapheme in lexeme.iter(_GRAPHEME):
            if said:
                yield _read_rule(_text_of(grapheme), said[0], root.get("alphabet", IPA))


def _read_rule(text: str, said: ET.Element, alphabet: str) -> Rule:
    if said.tag == _ALIAS:
        return Rule(text=text, alias=_text_of(said))
    return Rule(text=text, phoneme=_text_of(said), alphabet=said.get("alphabet", alphabet))


def _text_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _refuse(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The file is not a PLS lexicon: {reason}.", field="file")


def write_lexicon(rules: Sequence[Rule]) -> bytes:
    """Return the rules as a lexicon, each phoneme with its alphabet."""
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(
        f"{{{NAMESPACE}}}lexicon", {"version": "1.0", "alphabet": IPA, f"{_XML}lang": "en-US"}
    )
    for rule in rules:
        lexeme = ET.SubElement(root, _LEXEME)
        ET.SubElement(lexeme, _GRAPHEME).text = rule.text
        if rule.alias:
            ET.SubElement(lexeme, _ALIAS).text = rule.alias
        else:
            ET.SubElement(lexeme, _PHONEME, {"alphabet": rule.alphabet}).text = rule.phoneme
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
