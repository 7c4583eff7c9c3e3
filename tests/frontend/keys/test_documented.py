import httpx2

OPEN = {"/livez", "/readyz", "/metrics", "/files/{token}"}


async def test_every_path_that_asks_for_a_key_says_so(client: httpx2.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    assert schema["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            security = operation.get("security", [])
            assert security == ([] if path in OPEN else [{"HTTPBearer": []}]), path


async def test_every_path_that_asks_for_a_key_documents_the_refusal(
    client: httpx2.AsyncClient,
) -> None:
    for path, operations in (await client.get("/openapi.json")).json()["paths"].items():
        for method, operation in operations.items():
            assert path in OPEN or "401" in operation["responses"], f"{method} {path}"
