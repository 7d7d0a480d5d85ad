"""The emulated host of these tests: `Machine` drives tests/support/host_bench."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).parents[2]
_SCRIPT = _REPOSITORY / "tests" / "support" / "host_bench"
_OURS = "/opt/hardentui"
_STEP_SECONDS = 600.0


class MachineFailed(Exception):
    """It could not be built or started, or a command in it failed."""


class Machine:
    """One virtual host with systemd, of which `bench` is the rootless user."""

    def start(self) -> None:
        """Build the disk where there is none, start the machine, bring HardenTUI's sources into it.

        Raises:
            MachineFailed: with what the script said.
        """
        self._script("build", seconds=900)
        self._script("up")
        for folder in ("hardentui", "checklists"):
            self._script("push", str(_REPOSITORY / folder), _OURS)
        self.run(f"ln -sfn {_OURS}/checklists {_OURS}/hardentui/checklists; chmod -R a+rX {_OURS}")

    def stop(self) -> None:
        """Pull the plug; the built disk stays for the next run."""
        self._script("down")

    def run(self, command: str, user: str = "root", text: str = "") -> str:
        """What a shell command line prints, without the last line end.

        Args:
            text: for its standard input.

        Raises:
            MachineFailed: when it ends with another status than 0.
        """
        return self._script("ssh", user, command, text=text).rstrip("\n")

    def write(self, path: str, text: str, user: str = "root") -> None:
        """Write a file, with the folder above it."""
        self.run(f"mkdir -p {os.path.dirname(path)} && cat >{path}", user, text)

    def hardentui(self, arguments: str, user: str = "root") -> str:
        """What `hardentui` prints; findings (status 1) and open questions (status 4) are no failure here."""
        command = f"cd {_OURS} && python3 -m hardentui {arguments}"
        return self.run(f"{command}; status=$?; case $status in 1|4) exit 0 ;; *) exit $status ;; esac", user)

    def report(self, arguments: str, user: str = "root") -> Report:
        """The findings of `hardentui check` or `hardentui host`."""
        return Report(json.loads(self.hardentui(f"{arguments} --format json", user)))

    def main_process(self, container: str, user: str = "root") -> str:
        """The folder in /proc of the container's first process."""
        return "/proc/" + self.run(f"podman inspect -f '{{{{.State.Pid}}}}' {container}", user)

    def _script(self, *arguments: str, text: str = "", seconds: float = _STEP_SECONDS) -> str:
        done = subprocess.run(
            [str(_SCRIPT), *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise MachineFailed(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


class Report:
    """A JSON report of ours, by subject and check."""

    def __init__(self, document: Any) -> None:
        self._subjects = document["subjects"]

    def finding(self, name: str, check: str) -> Any:
        """The one finding of that check on the subject of that name."""
        (found,) = [
            finding
            for subject in self._subjects
            if subject["name"] == name
            for finding in subject["findings"]
            if finding["check"] == check
        ]
        return found

    def status(self, name: str, check: str) -> str:
        return str(self.finding(name, check)["status"])

    def with_status(self, status: str, *kinds: str) -> dict[str, str]:
        """The ids of checks with that status on subjects of these kinds, with their reasons."""
        return {
            finding["check"]: finding["reason"]
            for subject in self._subjects
            if subject["kind"] in kinds
            for finding in subject["findings"]
            if finding["status"] == status
        }
