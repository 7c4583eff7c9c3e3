"""ElevenLabs: what goes in and out of `/v1/pronunciation-dictionaries…`.

Source: https://elevenlabs.io/docs/api-reference/pronunciation-dictionaries and the types of the
official clients (Python 1.59 to 2.78, JavaScript 2.73), which say what an answer must have.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from frontend.contracts.kit.fields import Integer, Name, RequestModel, StrictBody, Text
from frontend.speech.dictionaries.rules import ARPABET, IPA, Rule, Rules
from frontend.speech.dictionaries.store import Dictionary

_MAX_PAGE = 100
_MAX_NAME, _MAX_DESCRIPTION = 200, 2000

Label = Annotated[Name, Field(max_length=_MAX_NAME)]
Description = Annotated[Text, Field(max_length=_MAX_DESCRIPTION)]


class _RuleBody(StrictBody):
    string_to_replace: Name
    case_sensitive: bool = True
    word_boundaries: bool = Field(True, description="false: replaced within words, too.")


class AliasRule(_RuleBody):
    """A string that is read as other words."""

    type: Literal["alias"]
    alias: Name

    def to_rule(self) -> Rule:
        """Return it in our words."""
        return Rule(
            text=self.string_to_replace,
            alias=self.alias,
            is_case_sensitive=self.case_sensitive,
            is_whole_word=self.word_boundaries,
        )


class PhonemeRule(_RuleBody):
    """A string that is spoken as phonemes."""

    type: Literal["phoneme"]
    phoneme: Name
    alphabet: Text = Field(IPA, description=f"{IPA} or {ARPABET}.")

    def to_rule(self) -> Rule:
        """Return it in our words."""
        return Rule(
            text=self.string_to_replace,
            phoneme=self.phoneme,
            alphabet=self.alphabet,
            is_case_sensitive=self.case_sensitive,
            is_whole_word=self.word_boundaries,
        )


RuleBody = Annotated[AliasRule | PhonemeRule, Field(discriminator="type")]


class RulesBody(StrictBody):
    """Rules to add, or to have instead of those that are there."""

    rules: list[RuleBody]

    def to_rules(self) -> Rules:
        """Return them in our words."""
        return tuple(each.to_rule() for each in self.rules)


class NewDictionaryBody(RulesBody):
    """A dictionary to make of rules."""

    name: Label
    description: Description | None = None
    workspace_access: Text | None = Field(None, description="Without effect.")


class NewDictionaryForm(RequestModel):
    """A dictionary to make of a lexicon, a file in the field `file`."""

    name: Label
    description: Description | None = None
    workspace_access: Text | None = Field(None, description="Without effect.")


class RuleStringsBody(StrictBody):
    """The strings whose rules are to be removed."""

    rule_strings: list[Text]


class DictionaryChange(StrictBody):
    """What to change of a dictionary; its rules stay."""

    name: Label | None = None
    archived: bool | None = Field(None, description="Archived ones are not listed, but work.")


class DictionaryQuery(RequestModel):
    """A page of the dictionaries."""

    cursor: Annotated[Text, Field(pattern="^[0-9]{1,4}$")] | None = None
    page_size: Integer = Field(30, ge=1, le=_MAX_PAGE)
    sort: Literal["creation_time_unix", "created_at_unix", "name"] = "creation_time_unix"
    sort_direction: Literal["asc", "ascending", "desc", "descending"] = "desc"
    include_archived: bool = False


class AddedDictionary(BaseModel):
    """A dictionary that was made."""

    id: str
    name: str
    created_by: str
    creation_time_unix: int
    version_id: str
    version_rules_num: int
    description: str | None
    permission_on_resource: Literal["admin"] = "admin"

    @classmethod
    def of(cls, made: Dictionary) -> Self:
        """Return a dictionary in the contract's words."""
        return cls(
            id=made.id,
            name=made.name,
            created_by=made.owner,
            creation_time_unix=int(made.created_at.timestamp()),
            version_id=made.version_id,
            version_rules_num=made.n_rules,
            description=made.description,
        )


class ChangedRules(BaseModel):
    """The version that a change of the rules made."""

    id: str
    version_id: str
    version_rules_num: int


class ListedDictionary(BaseModel):
    """A dictionary, without its rules."""

    id: str
    latest_version_id: str
    latest_version_rules_num: int
    name: str
    permission_on_resource: Literal["admin"] = "admin"
    created_by: str
    creation_time_unix: int
    archived_time_unix: int | None
    description: str | None

    @classmethod
    def of(cls, found: Dictionary, **further: object) -> Self:
        """Return a dictionary in the contract's words."""
        archived = found.archived_at
        about: dict[str, object] = {
            "id": found.id,
            "latest_version_id": found.version_id,
            "latest_version_rules_num": found.n_rules,
            "name": found.name,
            "created_by": found.owner,
            "creation_time_unix": int(found.created_at.timestamp()),
            "archived_time_unix": int(archived.timestamp()) if archived else None,
            "description": found.description,
        }
        return cls.model_validate(about | further)


class ShownRule(BaseModel):
    """A rule; `alias`, or `phoneme` with its alphabet, is null."""

    type: Literal["alias", "phoneme"]
    string_to_replace: str
    case_sensitive: bool
    word_boundaries: bool
    alias: str | None = None
    phoneme: str | None = None
    alphabet: str | None = None

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """Return a rule in the contract's words."""
        return cls(
            type="alias" if rule.alias else "phoneme",
            string_to_replace=rule.text,
            case_sensitive=rule.is_case_sensitive,
            word_boundaries=rule.is_whole_word,
            alias=rule.alias or None,
            phoneme=rule.phoneme or None,
            alphabet=rule.alphabet or None,
        )


class ShownDictionary(ListedDictionary):
    """A dictionary with the rules of its latest version."""

    rules: list[ShownRule]


class DictionaryPage(BaseModel):
    """Some dictionaries, and how to get more."""

    pronunciation_dictionaries: list[ListedDictionary]
    next_cursor: str | None
    has_more: bool
