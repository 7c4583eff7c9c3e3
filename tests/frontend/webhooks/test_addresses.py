from ipaddress import ip_address, ip_network

import pytest

from frontend.webhooks.addresses import is_public, may_receive, vet

FORBIDDEN = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1"),
    *("127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192"),
    *("192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:db8::1"),
    *("2001:10::1", "2001:20::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1"),
    *("fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "4000::1"),
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
        *("172.15.255.255", "172.32.0.0", "192.0.1.1", "198.17.255.255", "223.255.255.255"),
        *("2606:4700:4700::1111", "2001:4860:4860::8888", "2a00::1", "::ffff:8.8.8.8"),
    ],
)
def test_a_public_address_is_allowed(text: str) -> None:
    assert is_public(ip_address(text))


def test_an_allowed_network_opens_itself_only() -> None:
    lan = [ip_network("192.168.7.0/24")]
    assert may_receive(ip_address("192.168.7.9"), lan, [])
    assert may_receive(ip_address("::ffff:192.168.7.9"), lan, [])
    assert not may_receive(ip_address("192.168.8.9"), lan, [])
    assert not may_receive(ip_address("fd00::1"), lan, [])


def test_what_is_denied_stays_denied() -> None:
    ours = [ip_network("8.8.8.0/24")]
    assert not may_receive(ip_address("8.8.8.8"), [], ours)
    assert not may_receive(ip_address("8.8.8.8"), ours, ours)
    assert may_receive(ip_address("1.1.1.1"), [], ours)


@pytest.mark.parametrize(
    ("addresses", "good"),
    [
        pytest.param(["8.8.8.8", "1.1.1.1"], ["8.8.8.8", "1.1.1.1"], id="public"),
        pytest.param(["8.8.8.8", "10.0.0.1"], [], id="one-forbidden"),
        pytest.param(["::1", "127.0.0.1"], ["127.0.0.1"], id="the-operators"),
        pytest.param(["::1"], [], id="only-forbidden"),
        pytest.param(["127.0.0.9", "127.0.0.1"], ["127.0.0.1"], id="denied-wins"),
        pytest.param([], [], id="none"),
    ],
)
def test_the_addresses_of_one_name_are_judged_together(
    addresses: list[str], good: list[str]
) -> None:
    allowed, denied = [ip_network("127.0.0.0/8")], [ip_network("127.0.0.9/32")]
    found = vet([ip_address(each) for each in addresses], allowed, denied)
    assert [str(each) for each in found] == good
