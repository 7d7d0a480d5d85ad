"""A registry inside a bench, and our command line run there: what it writes is the bench's own
/etc."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.conftest import cannot_run
from tests.support.podman import SCRIPT, Bench

HOST = "127.0.0.1:5000"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


class Registry(NamedTuple):
    """A registry in a bench; our own state is in `directory`."""

    bench: Bench
    directory: Path

    def hardentui(self, *arguments: str) -> Answer:
        """In the bench: what it writes is the bench's own /etc/containers."""
        environment = (
            f"XDG_STATE_HOME={self.directory}/state",
            f"XDG_CACHE_HOME={self.directory}/cache",
            "HOME=/root",
        )
        words = [sys.executable, "-m", "hardentui", *arguments]
        command = self.bench.command("env", *environment, *words)
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def trust(self, verb: str, *arguments: str) -> Answer:
        return self.hardentui(
            "trust",
            verb,
            "--url",
            self.bench.url,
            *arguments,
        )

    def file(self, path: str) -> str:
        return self.bench.execute("cat", path)

    def there(self, path: str) -> bool:
        return (
            self.bench.execute(
                "sh",
                "-c",
                f"[ -e {path} ] && echo yes || echo no",
            )
            == "yes"
        )

    def pulls(self, name: str) -> bool:
        try:
            self.bench.podman("pull", "-q", f"{HOST}/{name}")
        except subprocess.CalledProcessError:
            return False
        return True


def started(bench: Bench, directory: Path, *programs: str) -> Registry:
    """A registry that runs; skips where one of the programs is missing."""
    for program in ("skopeo", "docker-registry", *programs):
        if not shutil.which(program):
            cannot_run(
                f"{program} is missing; run: sudo apt-get install --no-install-recommends {program}"
            )
    if bench.execute("id", "-u") != "0":
        cannot_run("/etc/containers of the bench can be written by root only")
    bench.execute(str(SCRIPT), "registry", "up")
    return Registry(bench, directory)
