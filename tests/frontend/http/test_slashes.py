import httpx2
import pytest


@pytest.mark.parametrize("path", ["/v1/models", "/localai/v1/models", "/livez", "/nowhere"])
async def test_a_slash_more_means_nothing(path: str, client: httpx2.AsyncClient) -> None:
    one = await client.get(path)
    for doubled in (f"/{path}", path.replace("/", "//"), f"//{path}"):
        more = await client.get(httpx2.URL("http://x").copy_with(raw_path=doubled.encode()))
        assert (more.status_code, more.content) == (one.status_code, one.content), doubled
