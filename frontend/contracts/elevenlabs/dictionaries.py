"""ElevenLabs: `/v1/pronunciation-dictionaries…`, the caller's own rules of pronunciation."""

from collections.abc import Callable

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from frontend.contracts.elevenlabs.dictionary_bodies import (
    AddedDictionary,
    ChangedRules,
    DictionaryChange,
    DictionaryPage,
    DictionaryQuery,
    ListedDictionary,
    NewDictionaryBody,
    NewDictionaryForm,
    RulesBody,
    RuleStringsBody,
    ShownDictionary,
    ShownRule,
)
from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_dictionaries, get_owner
from frontend.contracts.kit.body import read_body, read_query
from frontend.contracts.kit.forms import MULTIPART, read_form_with_file
from frontend.contracts.kit.route import make_router
from frontend.speech.dictionaries.lexicon import read_lexicon, write_lexicon
from frontend.speech.dictionaries.rules import Rules, add_rules, remove_rules
from frontend.speech.dictionaries.store import Dictionary

BASE = "/v1/pronunciation-dictionaries"
ONE = BASE + "/{pronunciation_dictionary_id}"
LEXICON_TYPE = "application/pls+xml"
_RULE = {"type": "phoneme", "string_to_replace": "Nguyen", "phoneme": "wɪn", "alphabet": "ipa"}
EXAMPLE = {"name": "names", "rules": [_RULE]}

router = make_router(ENVELOPE, "ElevenLabs")
_ERRORS = openapi.errors_of(ENVELOPE)
_ID = openapi.path_of("pronunciation_dictionary_id")
_FILE: openapi.Responses = {200: {"description": "The lexicon.", "content": {LEXICON_TYPE: {}}}}


@router.post(
    f"{BASE}/add-from-rules",
    response_model=AddedDictionary,
    responses=_ERRORS,
    openapi_extra=openapi.body_of(NewDictionaryBody, EXAMPLE),
)
async def add_from_rules(request: Request) -> Response:
    """Keep rules as a new dictionary."""
    body = await read_body(request, NewDictionaryBody)
    return await _create(request, body.name, body.description, body.to_rules())


@router.post(
    f"{BASE}/add-from-file",
    response_model=AddedDictionary,
    responses=_ERRORS,
    openapi_extra=openapi.body_of(NewDictionaryForm, {"name": "names"}, media_types=(MULTIPART,)),
)
async def add_from_file(request: Request) -> Response:
    """Keep a PLS lexicon, sent as `file` of a multipart form, as a new dictionary."""
    form, raw = await read_form_with_file(request, NewDictionaryForm, "file")
    rules = read_lexicon(raw) if raw is not None else ()
    return await _create(request, form.name, form.description, rules)


async def _create(request: Request, name: str, description: str | None, new: Rules) -> Response:
    rules, owner = add_rules((), new), get_owner(request)
    made = await get_dictionaries(request).create(owner, name, description, rules)
    return JSONResponse(AddedDictionary.of(made).model_dump())


@router.get(
    BASE,
    response_model=DictionaryPage,
    responses=_ERRORS,
    openapi_extra=openapi.query_of(DictionaryQuery),
)
async def list_dictionaries(request: Request) -> Response:
    """List the caller's dictionaries page by page."""
    query = read_query(request, DictionaryQuery)
    found = await get_dictionaries(request).list(get_owner(request))
    found = [each for each in found if query.include_archived or each.archived_at is None]
    if query.sort == "name":
        found.sort(key=lambda each: each.name.casefold(), reverse=True)
    if query.sort_direction.startswith("asc"):
        found.reverse()
    start = int(query.cursor or 0)
    end = start + query.page_size
    page = DictionaryPage(
        pronunciation_dictionaries=[ListedDictionary.of(each) for each in found[start:end]],
        has_more=end < len(found),
        next_cursor=str(end) if end < len(found) else None,
    )
    return JSONResponse(page.model_dump())


@router.get(ONE, response_model=ShownDictionary, responses=_ERRORS, openapi_extra=_ID)
async def show_dictionary(request: Request) -> Response:
    """Show a dictionary with the rules of its latest version."""
    found = await _find(request)
    rules = [ShownRule.of(each) for each in found.rules]
    shown = ShownDictionary.of(found, rules=rules).model_dump()
    # An alias has no phoneme, and no null for it: the clients check rules strictly.
    shown["rules"] = [each.model_dump(exclude_none=True) for each in rules]
    return JSONResponse(shown)


@router.patch(
    ONE,
    response_model=ListedDictionary,
    responses=_ERRORS,
    openapi_extra=_ID | openapi.body_of(DictionaryChange, {"archived": True}),
)
async def change_dictionary(request: Request) -> Response:
    """Rename a dictionary, archive it, or take it out of the archive."""
    body = await read_body(request, DictionaryChange)
    changed = await get_dictionaries(request).update(
        get_owner(request), _get_id(request), name=body.name, archived=body.archived
    )
    return JSONResponse(ListedDictionary.of(changed).model_dump())


@router.post(
    f"{ONE}/add-rules",
    response_model=ChangedRules,
    responses=_ERRORS,
    openapi_extra=_ID | openapi.body_of(RulesBody, {"rules": [_RULE]}),
)
async def add(request: Request) -> Response:
    """Make a version with further rules; one for the same string is replaced."""
    new = (await read_body(request, RulesBody)).to_rules()
    return await _change(request, lambda known: add_rules(known, new))


@router.post(
    f"{ONE}/set-rules",
    response_model=ChangedRules,
    responses=_ERRORS,
    openapi_extra=_ID | openapi.body_of(RulesBody, {"rules": [_RULE]}),
)
async def set_all(request: Request) -> Response:
    """Make a version with these rules only."""
    new = (await read_body(request, RulesBody)).to_rules()
    return await _change(request, lambda known: add_rules((), new))


@router.post(
    f"{ONE}/remove-rules",
    response_model=ChangedRules,
    responses=_ERRORS,
    openapi_extra=_ID | openapi.body_of(RuleStringsBody, {"rule_strings": ["Nguyen"]}),
)
async def remove(request: Request) -> Response:
    """Make a version without the rules for some strings."""
    strings = frozenset((await read_body(request, RuleStringsBody)).rule_strings)
    return await _change(request, lambda known: remove_rules(known, strings))


async def _change(request: Request, change: Callable[[Rules], Rules]) -> Response:
    store = get_dictionaries(request)
    made = await store.change_rules(get_owner(request), _get_id(request), change)
    changed = ChangedRules(id=made.id, version_id=made.version_id, version_rules_num=made.n_rules)
    return JSONResponse(changed.model_dump())


@router.get(
    f"{ONE}/{{version_id}}/download",
    response_class=Response,
    responses=_FILE | _ERRORS,
    openapi_extra={"parameters": _ID["parameters"] + openapi.path_of("version_id")["parameters"]},
)
async def download(request: Request) -> Response:
    """Send the rules of a version as a PLS lexicon."""
    found = await _find(request, str(request.path_params["version_id"]))
    headers = {"content-disposition": f'attachment; filename="{found.id}.pls"'}
    return Response(write_lexicon(found.rules), media_type=LEXICON_TYPE, headers=headers)


async def _find(request: Request, version_id: str | None = None) -> Dictionary:
    owner = get_owner(request)
    return await get_dictionaries(request).find(owner, _get_id(request), version_id)


def _get_id(request: Request) -> str:
    return str(request.path_params["pronunciation_dictionary_id"])
