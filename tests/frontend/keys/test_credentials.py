import pytest
from starlette.datastructures import Headers

from frontend.keys.credentials import find_presented_key


@pytest.mark.parametrize(
    "headers",
    [
        {"xi-api-key": "k1"},
        {"X-API-Key": "k1"},
        {"x-api-key": " k1 "},
        {"Authorization": "Bearer k1"},
        {"authorization": "bearer  k1"},
        {"Authorization": "k1"},
        {"xi-api-key": "k1", "Authorization": "Basic cHJveHk="},
        {"xi-api-key": "k1", "x-api-key": "k2", "Authorization": "Bearer k3"},
        {"xi-api-key": "", "Authorization": "Bearer k1"},
    ],
)
def test_every_form_is_read(headers: dict[str, str]) -> None:
    assert find_presented_key(Headers(headers)) == "k1"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"xi-api-key": ""},
        {"x-api-key": "  "},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"cookie": "k1"},
    ],
)
def test_without_a_key_there_is_none(headers: dict[str, str]) -> None:
    assert find_presented_key(Headers(headers)) is None


def test_another_scheme_is_a_key_that_nobody_has() -> None:
    assert find_presented_key({"authorization": "Basic dTpw"}) == "Basic dTpw"
