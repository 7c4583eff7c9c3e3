"""Pronunciation dictionaries, from the routes through the database to what the voice is asked."""

import httpx2
import pytest
from websockets.asyncio.client import connect

from frontend.speech.dictionaries import store
from tests.frontend.contracts.elevenlabs.talking import END, listen, say, serving_app
from tests.frontend.contracts.workbench import Workbench
from tests.frontend.speech.dictionaries.test_lexicon import LEXICON
from tritone.speech_options import Pronunciation

BASE = "/v1/pronunciation-dictionaries"
ALIAS = {"type": "alias", "string_to_replace": "SQL", "alias": "sequel"}
PHONEME = {
    "type": "phoneme",
    "string_to_replace": "tomato",
    "phoneme": "T AH0 M EY1 T OW0",
    "alphabet": "cmu-arpabet",
    "case_sensitive": False,
    "word_boundaries": False,
}
AS_ALIAS = Pronunciation(text="SQL", alias="sequel", is_case_sensitive=True)
AS_PHONEME = Pronunciation(text="tomato", ipa="təmˈeɪtoʊ", is_whole_word=False)


async def make(bench: Workbench, *rules: object, name: str = "names") -> dict[str, str]:
    body = {"name": name, "rules": list(rules)}
    answer = await bench.client.post(f"{BASE}/add-from-rules", json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, str] = answer.json()
    return made


async def speak(bench: Workbench, *locators: object, path: str = "") -> httpx2.Response:
    body = {"text": "SQL tomato.", "pronunciation_dictionary_locators": list(locators)}
    return await bench.client.post(f"/v1/text-to-speech/anna{path}", json=body)


def locate(made: dict[str, str], version: str | None = None) -> dict[str, str | None]:
    return {"pronunciation_dictionary_id": made["id"], "version_id": version}


@pytest.mark.parametrize("path", ["", "/stream", "/with-timestamps", "/stream/with-timestamps"])
async def test_the_rules_of_a_dictionary_reach_the_voice(bench: Workbench, path: str) -> None:
    made = await make(bench, ALIAS, PHONEME)
    answer = await speak(bench, locate(made), path=path)
    assert answer.status_code == 200
    assert "x-tritone-note" not in answer.headers
    (spoken,) = bench.gateway.speech_passes
    assert spoken.options.pronunciations == (AS_ALIAS, AS_PHONEME)


@pytest.mark.parametrize(
    ("version", "said"), [(None, "isFinal"), ("nonesuch", "pronunciation_dictionary_not_found")]
)
async def test_the_rules_hold_for_a_whole_conversation(
    bench: Workbench, version: str | None, said: str
) -> None:
    made = await make(bench, ALIAS)
    first = {"text": " ", "pronunciation_dictionary_locators": [locate(made, version)]}
    async with serving_app(bench.app) as address:
        url = f"ws://{address}/v1/text-to-speech/anna/stream-input?auto_mode=true"
        async with connect(url, proxy=None) as connection:
            await say(connection, first, {"text": "SQL. "}, {"text": "More SQL. "}, END)
            received, _, _ = await listen(connection)
    assert said in str(received[-1])
    told = [each.options.pronunciations for each in bench.gateway.speech_passes]
    assert told == ([(AS_ALIAS,)] * 2 if version is None else [])


async def test_a_version_stays_what_it_was(bench: Workbench) -> None:
    made = await make(bench, ALIAS)
    url = f"{BASE}/{made['id']}"
    added = (await bench.client.post(f"{url}/add-rules", json={"rules": [PHONEME]})).json()
    assert (added["id"], added["version_rules_num"]) == (made["id"], 2)
    other = {**ALIAS, "alias": "ess queue ell"}
    replaced = (await bench.client.post(f"{url}/add-rules", json={"rules": [other]})).json()
    removed = await bench.client.post(f"{url}/remove-rules", json={"rule_strings": ["tomato", "x"]})
    await bench.client.post(f"{url}/set-rules", json={"rules": []})
    for version in (made["version_id"], added["version_id"], replaced["version_id"]):
        await speak(bench, locate(made, version))
    await speak(bench, locate(made, removed.json()["version_id"]))
    await speak(bench, locate(made))
    told = [
        [each.alias or each.ipa for each in spoken.options.pronunciations]
        for spoken in bench.gateway.speech_passes
    ]
    assert told == [
        ["sequel"],
        ["sequel", "təmˈeɪtoʊ"],
        ["ess queue ell", "təmˈeɪtoʊ"],
        ["ess queue ell"],
        [],
    ]


async def test_the_first_dictionary_counts(bench: Workbench) -> None:
    first, second = await make(bench, ALIAS), await make(bench, {**ALIAS, "alias": "other"})
    await speak(bench, locate(first), locate(second))
    (spoken,) = bench.gateway.speech_passes
    assert [each.alias for each in spoken.options.pronunciations] == ["sequel", "other"]


async def test_a_lexicon_is_kept_and_given_back(bench: Workbench) -> None:
    answer = await bench.client.post(
        f"{BASE}/add-from-file",
        data={"name": "words", "description": "of mine"},
        files={"file": ("words.pls", LEXICON.encode(), "text/xml")},
    )
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["name"], made["description"], made["version_rules_num"]) == ("words", "of mine", 4)
    shown = (await bench.client.get(f"{BASE}/{made['id']}")).json()
    assert shown["rules"][0] == {
        "type": "alias",
        "string_to_replace": "Claughton",
        "alias": "Cloffton",
        "case_sensitive": True,
        "word_boundaries": True,
    }
    url = f"{BASE}/{made['id']}/{made['version_id']}/download"
    file = await bench.client.get(url)
    assert file.headers["content-type"] == "application/pls+xml"
    again = await bench.client.post(
        f"{BASE}/add-from-file", data={"name": "copy"}, files={"file": file.content}
    )
    copy = (await bench.client.get(f"{BASE}/{again.json()['id']}")).json()
    assert copy["rules"] == shown["rules"]


async def test_dictionaries_are_listed_page_by_page(bench: Workbench) -> None:
    names = ["Bob", "anna", "Cleo"]
    made = [await make(bench, name=name) for name in names]
    seen, query = [], {"page_size": "2"}
    while True:
        page = (await bench.client.get(BASE, params=query)).json()
        seen += [each["name"] for each in page["pronunciation_dictionaries"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == names[::-1]
    by_name = {"sort": "name", "sort_direction": "ascending"}
    page = (await bench.client.get(f"{BASE}/", params=by_name)).json()
    found = [each["name"] for each in page["pronunciation_dictionaries"]]
    assert found == ["anna", "Bob", "Cleo"]
    url = f"{BASE}/{made[0]['id']}"
    changed = (await bench.client.patch(url, json={"archived": True, "name": "Bert"})).json()
    assert (changed["name"], changed["archived_time_unix"] is None) == ("Bert", False)
    assert len((await bench.client.get(BASE)).json()["pronunciation_dictionaries"]) == 2
    everything = await bench.client.get(BASE, params={"include_archived": "true"})
    assert len(everything.json()["pronunciation_dictionaries"]) == 3
    assert (await speak(bench, locate(made[0]))).status_code == 200
    back = (await bench.client.patch(url, json={"archived": False})).json()
    assert (back["name"], back["archived_time_unix"]) == ("Bert", None)


async def test_nobody_sees_the_dictionary_of_another(bench: Workbench) -> None:
    made = await bench.system.dictionaries.create("another", "theirs", None, ())
    assert (await bench.client.get(BASE)).json()["pronunciation_dictionaries"] == []
    for answer in (
        await bench.client.get(f"{BASE}/{made.id}"),
        await bench.client.get(f"{BASE}/{made.id}/{made.version_id}/download"),
        await bench.client.patch(f"{BASE}/{made.id}", json={"name": "mine"}),
        await bench.client.post(f"{BASE}/{made.id}/set-rules", json={"rules": []}),
        await speak(bench, {"pronunciation_dictionary_id": made.id}),
    ):
        assert answer.status_code == 404
        assert answer.json()["detail"]["code"] == "pronunciation_dictionary_not_found"
    assert bench.gateway.speech_passes == []


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("add-from-rules", {"name": "", "rules": []}),
        ("add-from-rules", {"name": "a"}),
        ("add-from-rules", {"name": "a", "rules": [{**ALIAS, "type": "song"}]}),
        ("add-from-rules", {"name": "a", "rules": [{**PHONEME, "alphabet": "x-sampa"}]}),
        ("add-from-rules", {"name": "a", "rules": [{**PHONEME, "phoneme": "HH XX"}]}),
        ("add-from-rules", {"name": "a", "rules": [{**ALIAS, "alias": "x" * 201}]}),
        ("add-from-file", {"name": "a"}),  # no form
    ],
)
async def test_what_is_no_dictionary_is_a_422(bench: Workbench, route: str, body: object) -> None:
    answer = await bench.client.post(f"{BASE}/{route}", json=body)
    assert (answer.status_code, isinstance(answer.json()["detail"], list)) == (422, True)


async def test_four_dictionaries_or_a_thousand_rules_are_too_many(bench: Workbench) -> None:
    rules = [{**ALIAS, "string_to_replace": f"w{k}"} for k in range(501)]
    made = [await make(bench, *rules) for _ in range(2)]
    for locators in ([locate(made[0])] * 4, [locate(each) for each in made]):
        answer = await speak(bench, *locators)
        assert (answer.status_code, answer.json()["detail"][0]["loc"][1]) == (
            422,
            "pronunciation_dictionary_locators",
        )


async def test_old_versions_and_too_many_dictionaries_do_not_pile_up(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_VERSIONS", 2)
    monkeypatch.setattr(store, "MAX_DICTIONARIES", 1)
    made = await make(bench, ALIAS)
    for _ in range(2):
        await bench.client.post(f"{BASE}/{made['id']}/add-rules", json={"rules": [PHONEME]})
    assert (await speak(bench, locate(made, made["version_id"]))).status_code == 404
    assert (await speak(bench, locate(made))).status_code == 200
    full = await bench.client.post(f"{BASE}/add-from-rules", json={"name": "b", "rules": []})
    assert (full.status_code, "may be 1" in full.text) == (422, True)


async def test_without_a_database_a_dictionary_is_unavailable(client: httpx2.AsyncClient) -> None:
    body = {
        "text": "Hi.",
        "pronunciation_dictionary_locators": [{"pronunciation_dictionary_id": "x"}],
    }
    assert (await client.post("/v1/text-to-speech/anna", json=body)).status_code == 503
    assert (await client.get(BASE)).status_code == 503
