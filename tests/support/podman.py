"""A real Podman for tests: `Bench` drives tests/support/podman_bench. The fixtures are in
tests/live."""

import http.client
import json
import os
import platform
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from hardentui.host.place import find_place
from hardentui.host.podman.generator import GENERATORS
from hardentui.model.podman_version import OLDEST_WITH_QUADLET, Version

SCRIPT = Path(__file__).with_name("podman_bench")
ROOTS = Path(__file__).with_name("podman_root")
BUSYBOX = "localhost/bb:1"
TEST_USER = "hardentui-test"
_API = "/v5.0.0/libpod"
_PROGRAMS = {
    "podman": "podman",
    "crun": "crun",
    "conmon": "conmon",
    "netavark": "netavark",
    "busybox": "busybox-static",
    "curl": "curl",
    "ip": "iproute2",
    "ssh-agent": "openssh-client",
    "dbus-daemon": "dbus",
}
_ALSO_HERE = "/usr/lib/podman:/usr/libexec/podman:/usr/sbin:/sbin"

ROOTS_DIRECTORY = Path(
    os.environ.get("HARDENTUI_TEST_ROOTS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hardentui-test-roots"
)
"""Where podman_root keeps what it makes."""
NO_QUADLET = "refused: this Podman has no Quadlet"
RELEASE = os.environ.get("HARDENTUI_TEST_RELEASE", "")
"""The Debian release whose Podman is tested; empty = this machine's own."""

_REFUSALS = (
    "unknown flag",
    "not supported",
    "not yet supported",
    "invalid filesystem type",
    "network pasta",
    "invalid sdnotify value",
)


def refused(said: str) -> bool:
    """Whether another release's Podman does not know what it was asked for."""
    return bool(RELEASE) and any(words in said for words in _REFUSALS)


def _release(root: str) -> dict[str, str]:
    lines = Path(root, "usr/lib/os-release").read_text().splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


class BenchFailed(Exception):
    """The bench could not be started."""


class ApiError(Exception):
    """Podman answered a request of a test with an error."""

    def __init__(self, status: int, answer: Any) -> None:
        super().__init__(f"{status}: {answer}")
        self.status = status


def missing_programs() -> str:
    """The command that installs what a bench needs and this host lacks; empty when nothing is
    missing."""
    path = f"{os.environ.get('PATH', '')}:{_ALSO_HERE}"
    packages = [
        package for program, package in _PROGRAMS.items() if not shutil.which(program, path=path)
    ]
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}" if packages else ""


def root_of(release: str) -> str:
    """The root directory of that release, made when it is missing; empty for none.

    Raises:
        subprocess.CalledProcessError: it cannot be made.
    """
    if not release:
        return ""
    subprocess.run(
        [str(ROOTS), "make", release],
        check=True,
        timeout=900,
    )
    done = subprocess.run(
        [str(ROOTS), "path", release],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


class Bench:
    """One Podman with namespaces, settings and storage of its own.

    Args:
        user: as root, run Podman rootless as this user.
        release: run that Debian's Podman, in a copy of its root; empty = this machine's own.

    Attributes:
        directory: its state, in a short directory of its own; `stop` removes it.
        socket, url: of its API; reachable from outside. Ports that containers publish are not: they
            are in the bench's network namespace, reached with `execute("curl", …)`.
        ground: what tests in it run on, for docs/support.md.
        hosts: directory of a bench with the root of a release -> the process that stands for its
            process 1.
    """

    hosts: ClassVar[dict[Path, int]] = {}

    def __init__(
        self,
        user: str = "",
        release: str = RELEASE,
    ) -> None:
        base = tempfile.gettempdir()
        self.directory = Path(
            tempfile.mkdtemp(
                prefix="hb-",
                dir=base if len(base) < 40 else "/tmp",
            )
        )
        self.socket = str(self.directory / "api" / "podman.sock")
        self.url = f"unix://{self.socket}"
        self.release = release
        self._root = root_of(release)
        self._environment = {
            **os.environ,
            "PODMAN_BENCH_DIR": str(self.directory),
            "PODMAN_BENCH_USER": user,
            "PODMAN_BENCH_ROOT": self._root,
        }

    def start(self) -> None:
        """Start it, or what is missing of it.

        Raises:
            BenchFailed: with what the script said.
        """
        done = self._run("up", timeout=60)
        if done.returncode:
            raise BenchFailed(done.stderr.strip())
        if self._root:
            self.hosts[self.directory] = int((self.directory / "holder.pid").read_text().split()[0])

    def stop(self) -> None:
        """End all that runs in it and remove its directory."""
        self.hosts.pop(self.directory, None)
        self._run("down", timeout=150)
        shutil.rmtree(self.directory, ignore_errors=True)

    def image(self, reference: str = BUSYBOX) -> str:
        """Import the busybox image; returns its id."""
        return self._checked("image", reference).removeprefix("sha256:")

    def import_image(
        self,
        tar: Path,
        reference: str,
        changes: Sequence[str],
    ) -> str:
        """Import a root file system with Dockerfile instructions (`USER redis`); returns its id."""
        words = [word for change in changes for word in ("--change", change)]
        return self.podman(
            "import",
            "-q",
            *words,
            str(tar),
            reference,
            timeout=300,
        ).removeprefix("sha256:")

    def podman(self, *arguments: str, timeout: float = 60) -> str:
        """Run podman in it; returns its output without the last line end.

        Raises:
            subprocess.CalledProcessError
        """
        return self._checked(
            *arguments,
            program=self.command("podman"),
            timeout=timeout,
        )

    def execute(self, *command: str, timeout: float = 60) -> str:
        """Run any command in it."""
        return self._checked(
            *command[1:],
            program=self.command(command[0]),
            timeout=timeout,
        )

    def account(self) -> int:
        """The uid that Podman runs as."""
        return int(self.execute("id", "-u"))

    def command(self, *command: str) -> list[str]:
        """The words that run a command in it, for a caller who starts the process."""
        return [str(self.directory / "enter"), *command]

    @cached_property
    def ground(self) -> dict[str, str]:
        release = platform.freedesktop_os_release() if not self._root else _release(self._root)
        rootless = bool(self._environment["PODMAN_BENCH_USER"]) or os.geteuid() != 0
        v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        return {
            "Podman": str(self.version),
            "Distribution": release["PRETTY_NAME"],
            "Python": platform.python_version().rpartition(".")[0],
            "Rights": "rootless" if rootless else "rootful",
            "cgroup": "version 2" if v2 else "version 1",
            "Security module": "AppArmor"
            if Path("/sys/kernel/security/apparmor").exists()
            else "none",
            "Processor": platform.machine(),
        }

    @cached_property
    def version(self) -> Version:
        return Version.parse(self.get("/version")["Version"])

    def generator(self) -> str | None:
        """A program that runs the Quadlet generator of this Podman; None if it has none."""
        if self.version < OLDEST_WITH_QUADLET:
            return None
        path = next(
            (path for path in GENERATORS if os.access(self._root + path, os.X_OK)),
            None,
        )
        if path is None or not self._root:
            return path
        program = self.directory / "generator"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(self.command(path))} "$@"\n')
        program.chmod(0o755)
        return str(program)

    def run(self, name: str, *arguments: str) -> str:
        """Start a container of that name in the background; returns its id. See `remove`."""
        return self.podman(
            "run",
            "-d",
            "--name",
            name,
            "--stop-timeout",
            "0",
            *arguments,
        )

    def remove(self, *names: str) -> None:
        """Remove containers with their anonymous volumes; absent ones are no error."""
        self.podman(
            "rm",
            "-f",
            "-i",
            "-v",
            "-t",
            "0",
            *names,
        )

    def wipe(self, name: str) -> None:
        """Remove a container, what was kept or made beside it, and their volumes."""
        beside = self.podman("ps", "-a", "-q", "--filter", f"name=^{name}").split()
        self.podman("rm", "--depend", "-f", "-i", "-v", "-t", "0", name, *beside)
        for volume in self.podman("volume", "ls", "-q", "--filter", f"name={name}").split():
            self.podman("volume", "rm", "-f", volume)

    def kill_service(self) -> None:
        """End the API service at once, as a crash does; containers go on. `start` brings it back."""
        pid = int((self.directory / "service.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def serves(self) -> bool:
        """Whether the API service answers."""
        try:
            self._request("GET", "/version")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        return True

    def get(self, path: str) -> Any:
        return self._request("GET", path)

    def post(self, path: str, body: object = None) -> Any:
        return self._request("POST", path, body)

    def post_compatible(
        self,
        path: str,
        body: object = None,
    ) -> Any:
        """As docker-compose does: through the API that Podman has for the clients of others."""
        return self._request("POST", path, body, "/v1.41")

    def delete(self, path: str) -> Any:
        return self._request("DELETE", path)

    def _request(
        self,
        method: str,
        path: str,
        body: object = None,
        api: str = _API,
    ) -> Any:
        connection = http.client.HTTPConnection("d", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(self.socket)
            sent = None if body is None else json.dumps(body)
            connection.request(
                method,
                api + path,
                sent,
                {"Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        document = json.loads(text) if text.strip() else None
        if answer.status >= 400:
            raise ApiError(answer.status, document)
        return document

    def _run(
        self,
        *arguments: str,
        program: Sequence[str] = (str(SCRIPT),),
        timeout: float,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments],
            env=self._environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _checked(
        self,
        *arguments: str,
        program: Sequence[str] = (str(SCRIPT),),
        timeout: float = 60,
    ) -> str:
        done = self._run(
            *arguments,
            program=program,
            timeout=timeout,
        )
        if done.returncode:
            words = (*program[-1:], *arguments)
            raise subprocess.CalledProcessError(
                done.returncode,
                words,
                done.stdout,
                done.stderr,
            )
        return done.stdout.strip()


@contextmanager
def seen_as_hosts() -> Iterator[None]:
    """A bench with the root directory of a release is a host of its own, also if its engine is
    rootless."""
    with mock.patch(
        "hardentui.features.opening.engines.find_place",
        lambda engines: find_place((*engines, *Bench.hosts.values())),
    ):
        yield
