"""Builds and runs our images without Docker: by buildah, in a chroot. Needs root."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.deploy.knowledge import DEPLOY, ROOT, tool

DOCKERFILE = DEPLOY / "Dockerfile"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# What the official image of Python has beside Debian's smallest system, as Debian's packages.
_PACKAGES = "python3.11,python3.11-venv,libpython3.11,python3-pip,ca-certificates"
_BUILD_TIMEOUT_S = 900.0
_STOP_TIMEOUT_S = 90.0  # as docs/deploy.md says


class Builder:
    """A store of images and containers in a folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` gets some 4 GB."""
        self._folder = folder
        self._command = [tool("buildah"), "--root", str(folder / "store")]
        self._command += ["--runroot", str(folder / "run")]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    def make_base(self) -> None:
        """Make an image of Debian's packages, and give it the name of the base of ours."""
        found = re.search(r"^ARG PYTHON_TAG=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
        assert found is not None
        root = self._folder / "base"
        release = found[1].rsplit("-", 1)[-1]
        command = [tool("debootstrap"), "--variant=minbase", f"--include={_PACKAGES}"]
        subprocess.run(
            [*command, release, str(root)], check=True, stdout=subprocess.DEVNULL, timeout=600
        )
        for name in ("python", "python3"):
            (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3.11")
        # The official image has no such mark: pip may install into the system.
        (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
        container = self._run("from", "scratch")
        self._run("copy", "--quiet", container, str(root), "/")
        self._run("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        self._run("commit", "--quiet", "--rm", container, f"docker.io/library/python:{found[1]}")

    def build(self, target: str) -> None:
        """Build a target of our Dockerfile, as it is written."""
        certificates = f"{CERTIFICATES}:{CERTIFICATES}:ro"
        options = ["--pull-never", "--isolation", "chroot", "--volume", certificates]
        image = f"localhost/{target}"
        self._run(
            "build", *options, "-f", str(DOCKERFILE), "--target", target, "-t", image, str(ROOT)
        )

    def remove_all(self) -> None:
        """Remove all containers and images, so that the folder can be removed."""
        self._run("rm", "--all")
        self._run("rmi", "--all", "--force")

    def make_container(self, target: str) -> "Container":
        """Make a container of an image that was built."""
        return Container(self._command, self._run("from", "--pull-never", f"localhost/{target}"))


class Container:
    """The file system of an image, in which commands run; what they write stays."""

    def __init__(self, buildah: list[str], name: str) -> None:
        """`name` is buildah's."""
        self._buildah, self._name = buildah, name

    def _command(self, command: list[str], environment: Mapping[str, str]) -> list[str]:
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        return [*self._buildah, "run", "--isolation=chroot", *variables, self._name, "--", *command]

    def run(self, command: list[str], environment: Mapping[str, str], timeout_s: float) -> str:
        """Run a command as the image's user, and return what it prints.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        done = subprocess.run(
            self._command(command, environment),
            check=True,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        return done.stdout

    @contextmanager
    def running(
        self, command: list[str], environment: Mapping[str, str], log: Path
    ) -> Iterator[None]:
        """Run a command until the end of the block, when SIGTERM ends it in good order."""
        with log.open("ab") as file:
            process = psutil.Popen(self._command(command, environment), stdout=file, stderr=file)
        try:
            yield
            inner = [each for each in process.children(recursive=True) if not _is_buildah(each)]
            inner[0].terminate()  # buildah passes no signal on
            assert process.wait(_STOP_TIMEOUT_S) == 0
        finally:
            with suppress(psutil.NoSuchProcess):  # it has ended in good order
                for each in [*process.children(recursive=True), process]:
                    each.kill()


def _is_buildah(process: psutil.Process) -> bool:
    return process.cmdline()[0].split("/")[-1].startswith("buildah")
