"""What the clients are locked to: exact, with hashes, and from nowhere in particular."""

import json
import re
from pathlib import Path

import pytest

from tests.clients.installs import LOCKS


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_python_lock_has_exact_versions_and_hashes_and_no_host(lock: Path) -> None:
    text = lock.read_text()
    names = re.findall(r"^[a-z0-9-]+==\S+ \\$", text, re.MULTILINE)
    assert names
    assert len(names) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))
    assert text.count("--hash=sha256:") >= len(names)
    assert "://" not in text


def test_the_npm_lock_has_hashes_and_no_host() -> None:
    packages = json.loads((LOCKS / "node" / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package
        assert not name or package["integrity"].startswith("sha512-")
    for version in packages[""]["dependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
