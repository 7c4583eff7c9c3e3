import socket

import pytest

from ops.processes.ports import choose_ports
from ops.settings import Settings
from ops.stack.environment import frontend_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
        ("studio.lan", "http://studio.lan:80"),
    ],
)
def test_clients_of_this_machine_get_a_url_that_leads_to_it(host: str, url: str) -> None:
    assert frontend_url(Settings(host=host), 80) == url


def test_ports_are_chosen_on_ipv6_too() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert choose_ports({"TRITONE_PORT": 0}, "::1")["TRITONE_PORT"] > 0
