"""A real Docker engine inside a bench, from Debian's packages, which are unpacked and not
installed."""

import shlex
import subprocess
from pathlib import Path

from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

PACKAGES = "docker.io docker-cli containerd runc tini"
_GET = f"""set -e
apt-get download -qq {PACKAGES}
for package in *.deb; do dpkg-deb -x "$package" .; rm "$package"; done
"""


class Docker:
    """Docker's daemon with all that it keeps in `directory`, in the namespaces of a bench of root.

    Attributes:
        url: of its API; reachable from outside.
    """

    def __init__(
        self,
        bench: Bench,
        directory: Path,
    ) -> None:
        self._bench = bench
        self._directory = directory
        self._socket = directory / "docker.sock"
        self._path = f"PATH={directory}/usr/sbin:{directory}/usr/bin:/usr/sbin:/usr/bin"
        self._daemon: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Get the packages, start the daemon, and give it the bench's image of busybox.

        Raises:
            subprocess.CalledProcessError: Debian's archive cannot be reached.
        """
        subprocess.run(
            ["sh", "-c", _GET],
            cwd=self._directory,
            capture_output=True,
            check=True,
        )
        places = [
            f"--{name}={self._directory}/{name}" for name in ("data-root", "exec-root", "pidfile")
        ]
        words = [
            "dockerd",
            "--host",
            self.url,
            *places,
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
        ]
        with (self._directory / "log").open("wb") as log:
            command = self._bench.command("env", self._path, *words)
            self._daemon = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
            )
        assert eventually(self._socket.exists), (self._directory / "log").read_text()
        archive = self._directory / "busybox.tar"
        self._bench.podman(
            "save",
            "--format",
            "docker-archive",
            "-o",
            str(archive),
            BUSYBOX,
        )
        self.docker("load", "-i", str(archive))

    def stop(self) -> None:
        if self._daemon is not None:
            names = self.docker("ps", "-aq").split()
            self.docker("rm", "-f", *names)
            self._daemon.terminate()
            self._daemon.wait(60)

    def docker(self, *arguments: str) -> str:
        """Run Docker's own client; returns its output.

        Raises:
            subprocess.CalledProcessError
        """
        return self._bench.execute(
            "env", self._path, f"DOCKER_HOST={self.url}", "docker", *arguments
        )

    def run(
        self,
        name: str,
        flags: str,
        words: str = "sleep 1000",
    ) -> None:
        """`docker run`, in the background."""
        self.docker(
            "run",
            "-d",
            "--name",
            name,
            *shlex.split(flags),
            BUSYBOX,
            *shlex.split(words),
        )
