"""Which addresses a webhook may go to: only public ones, by lists of networks.

The flags of `ipaddress` are not enough: they call NAT64 forms of 127.0.0.1, multicast and some
clouds' metadata services global, and change between Python versions (measured on 3.11 to 3.13).

Source: IANA's special-purpose address registries (read 2026-11-21).
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT, and one cloud's metadata service
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the other clouds' metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4: hides an IPv4 address
        "3fff::/20",
    )
)


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not is_in(address, _NOT_PUBLIC_4)
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    return address in _PUBLIC_6 and not is_in(address, _NOT_PUBLIC_6)


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Return whether an address lies in one of the networks; a mapped IPv4 address counts as it."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == each.version and address in each for each in networks)


def may_receive(address: Address, allowed: Sequence[Network], denied: Sequence[Network]) -> bool:
    """Return whether a webhook may go to an address; what is denied stays denied."""
    if is_in(address, denied):
        return False
    return is_public(address) or is_in(address, allowed)


def vet(
    addresses: Sequence[Address], allowed: Sequence[Network], denied: Sequence[Network]
) -> list[Address]:
    """Return those addresses of one name that a webhook may go to; empty: it may go to none.

    One forbidden address forbids the name: whoever mixes public addresses with ours means no good.
    A name with an address in an allowed network is the operator's own, such as `localhost`, which
    is `::1` as well: there, only the forbidden addresses are left out.
    """
    good = [each for each in addresses if may_receive(each, allowed, denied)]
    is_the_operators = any(is_in(each, allowed) for each in good)
    return good if is_the_operators or len(good) == len(addresses) else []
