import re

import pytest

from tests.frontend.contracts.workbench import Workbench

DATA = bytes(range(256)) * 4


async def _link(bench: Workbench) -> str:
    return await bench.system.files.url(await bench.system.files.put(DATA, "mp3"))


async def test_a_file_is_sent_whole(bench: Workbench) -> None:
    response = await bench.get(await _link(bench))
    assert response.status_code == 200
    assert response.content == DATA
    headers = response.headers
    assert headers["content-type"] == "audio/mpeg"
    assert headers["content-length"] == "1024"
    assert headers["accept-ranges"] == "bytes"
    assert headers["last-modified"].endswith(" GMT")
    assert headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r'inline; filename="tritone-[\w-]{8}\.mp3"', headers["content-disposition"])


@pytest.mark.parametrize(
    ("asked", "content_range", "part"),
    [
        ("bytes=0-9", "bytes 0-9/1024", DATA[:10]),
        ("bytes=1000-", "bytes 1000-1023/1024", DATA[1000:]),
        ("bytes=-4", "bytes 1020-1023/1024", DATA[-4:]),
        ("bytes=0-9999", "bytes 0-1023/1024", DATA),
    ],
)
async def test_a_part_is_sent(
    asked: str, content_range: str, part: bytes, bench: Workbench
) -> None:
    response = await bench.get(await _link(bench), range=asked)
    assert response.status_code == 206
    assert response.headers["content-range"] == content_range
    assert (response.content, response.headers["content-length"]) == (part, str(len(part)))


async def test_a_part_outside_is_a_416(bench: Workbench) -> None:
    response = await bench.get(await _link(bench), range="bytes=1024-")
    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */1024"
    assert response.json()["error"]["code"] == 416


@pytest.mark.parametrize("asked", ["bytes=a-b", "lines=1-2", "bytes=0-1,4-5"])
async def test_other_ranges_are_ignored(asked: str, bench: Workbench) -> None:
    response = await bench.get(await _link(bench), range=asked)
    assert (response.status_code, len(response.content)) == (200, 1024)


@pytest.mark.parametrize("form", ["{}", '"another", W/{}', "*"])
async def test_a_file_that_the_client_has_is_not_sent_again(form: str, bench: Workbench) -> None:
    link = await _link(bench)
    tag = (await bench.get(link)).headers["etag"]
    response = await bench.get(link, **{"if-none-match": form.format(tag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == tag
    assert "content-type" not in response.headers


async def test_another_files_tag_gets_the_file(bench: Workbench) -> None:
    response = await bench.get(await _link(bench), **{"if-none-match": '"another"'})
    assert (response.status_code, response.content) == (200, DATA)


async def test_a_part_is_sent_only_of_the_file_that_the_client_knows(bench: Workbench) -> None:
    link = await _link(bench)
    known = (await bench.get(link)).headers
    for condition in (known["etag"], known["last-modified"]):
        response = await bench.get(link, range="bytes=0-9", **{"if-range": condition})
        assert (response.status_code, response.content) == (206, DATA[:10])
    for condition in ('"another"', f"W/{known['etag']}", "Sat, 01 Jan 2000 00:00:00 GMT"):
        response = await bench.get(link, range="bytes=0-9", **{"if-range": condition})
        assert (response.status_code, response.content) == (200, DATA)


async def test_head_tells_without_sending(bench: Workbench) -> None:
    link = (await _link(bench)).split("8080")[1]
    response = await bench.client.head(link)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == "1024"


@pytest.mark.parametrize("token", ["nonesuch", "a.mp3", "%2e%2e%2fetc%2fpasswd", "%00", "é"])
async def test_a_made_up_link_leads_nowhere(token: str, bench: Workbench) -> None:
    response = await bench.client.get(f"/files/{token}")
    assert response.status_code == 404
    assert list(response.json()) == ["error"]


async def test_a_deleted_file_is_a_404(bench: Workbench) -> None:
    key = await bench.system.files.put(DATA, "wav")
    link = await bench.system.files.url(key)
    await bench.system.files.delete([key])
    assert (await bench.get(link)).status_code == 404


async def test_links_have_the_host_that_the_client_used(bench: Workbench) -> None:
    hook = "https://hooks.example.com/"
    body = {"prompt": "rain", "seconds": 0.5, "webhook_url": hook}
    client = {"host": "studio.lan:8080"}
    job = (await bench.client.post("/jobs", json=body, headers=client)).json()
    await bench.work_off(job["id"])
    found = (await bench.client.get(f"/jobs/{job['id']}", headers=client)).json()
    link = found["result"]["files"][0]["url"]
    assert link.startswith("http://studio.lan:8080/files/")
    (delivery,) = await bench.system.service.deliveries(job["id"], None)
    assert b'"http://studio.lan:8080/files/' in delivery.body
    assert (await bench.get(link)).status_code == 200
