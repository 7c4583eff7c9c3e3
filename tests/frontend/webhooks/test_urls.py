import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.errors import InvalidRequest
from frontend.webhooks.settings import WebhookSettings
from frontend.webhooks.urls import check_url, get_host

SETTINGS = WebhookSettings.model_validate({})


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://example.com:8080/hook?a=b%20c",
        "https://EXAMPLE.com.:443/",
        "https://8.8.8.8/hook",
        "https://[2606:4700:4700::1111]/hook",
        "http://your-domain.example.invalid/webhook",
        "http://www.domain.tld",
    ],
)
def test_a_public_looking_address_is_accepted_without_asking_the_network(url: str) -> None:
    check_url(url, SETTINGS)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("example.com/hook", id="no-scheme"),
        pytest.param("ftp://example.com/", id="scheme"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("gopher://example.com/", id="gopher"),
        pytest.param("http:///hook", id="no-host"),
        pytest.param("https://user:secret@example.com/", id="user"),
        pytest.param("https://@example.com/", id="empty-user"),
        pytest.param("https://example.com/#x", id="fragment"),
        pytest.param("https://example.com/#", id="empty-fragment"),
        pytest.param("https://example.com/" + "x" * 3000, id="long"),
        pytest.param("https://example.com/a b", id="space"),
        pytest.param("https://example.com/\r\nHost: x", id="line-break"),
        pytest.param("https://example.com\\@127.0.0.1/", id="backslash"),
        pytest.param("https://exämple.com/", id="not-ascii"),
        pytest.param("http://１２７.0.0.1/", id="full-width-digits"),
        pytest.param("https://example.com:99999/", id="port-range"),
        pytest.param("https://example.com:abc/", id="port-word"),
        pytest.param("http://example.com:22/", id="ssh"),
        pytest.param("http://example.com:6379/", id="redis"),
        pytest.param("http://localhost/", id="localhost"),
        pytest.param("http://localhost./", id="localhost-dot"),
        pytest.param("http://a.localhost/", id="sub-localhost"),
        pytest.param("http://metadata.google.internal/", id="internal"),
        pytest.param("http://printer.local/", id="local"),
        pytest.param("http://postgres/", id="single-label"),
        pytest.param("http://2130706433/", id="decimal"),
        pytest.param("http://127.0.0.1/", id="loopback"),
        pytest.param("http://169.254.169.254/latest/", id="metadata"),
        pytest.param("http://[::1]/", id="loopback-6"),
        pytest.param("http://[::ffff:10.0.0.1]/", id="mapped"),
        pytest.param("http://[::1/", id="half-bracket"),
        pytest.param("http://0x7f000001/", id="hex"),
    ],
)
def test_an_address_that_can_never_be_delivered_to_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        check_url(url, SETTINGS)
    assert error.value.field == "webhook_url"


def test_http_can_be_forbidden() -> None:
    strict = WebhookSettings.model_validate({"https_only": True})
    check_url("https://example.com/", strict)
    with pytest.raises(InvalidRequest, match="https"):
        check_url("http://example.com/", strict)


def test_an_allowed_network_may_be_written_as_an_address() -> None:
    lan = WebhookSettings.model_validate({"allow_networks": ["127.0.0.0/8"]})
    check_url("http://127.0.0.1:8000/hook", lan)
    with pytest.raises(InvalidRequest):
        check_url("http://10.0.0.1/", lan)


@pytest.mark.parametrize("host", ["localhost", "receiver", "nas.local", "hooks.internal"])
def test_names_of_an_allowed_network_are_judged_when_they_are_resolved(host: str) -> None:
    lan = WebhookSettings.model_validate({"allow_networks": ["192.168.7.0/24"]})
    check_url(f"http://{host}:8000/hook", lan)
    with pytest.raises(InvalidRequest, match="public host name"):
        check_url(f"http://{host}:8000/hook", SETTINGS)


@given(st.one_of(st.text(), st.text().map(lambda text: f"https://{text}")))
def test_no_text_breaks_the_check(text: str) -> None:
    try:
        check_url(text, SETTINGS)
    except InvalidRequest:
        return
    assert get_host(text)
