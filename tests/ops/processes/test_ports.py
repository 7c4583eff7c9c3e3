import socket

import pytest

from ops.errors import CannotStart
from ops.processes.ports import LOOPBACK, choose_ports


def test_free_ports_are_different() -> None:
    ports = choose_ports({"A": 0, "B": 0, "C": 0})
    assert len(set(ports.values())) == 3
    assert all(ports.values())


def test_a_wanted_port_is_kept() -> None:
    (free,) = choose_ports({"A": 0}).values()
    assert choose_ports({"A": free, "B": 0})["A"] == free


def test_a_taken_port_names_the_variable_to_set() -> None:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} .* in use.*set TRITONE_PORT"):
            choose_ports({"TRITONE_PORT": port})
