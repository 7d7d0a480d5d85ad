"""The emulated host of these tests: `Machine` drives tests/support/host_bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.check_report import by_check, findings_of
from tests.support.podman import RELEASE

_REPOSITORY = Path(__file__).parents[2]
_SCRIPT = _REPOSITORY / "tests" / "support" / "host_bench"
_OURS = "/opt/hardentui"
_NEEDS = (
    "certifi",
    "charset_normalizer",
    "idna",
    "jinja2",
    "markupsafe",
    "msgspec",
    "podman",
    "requests",
    "tomli_w",
    "urllib3",
)
"""For looking msgspec would do; podman-py and what it needs are for changing, Jinja for a class."""
_STEP_SECONDS = 300.0
_START_SECONDS = 1500.0
_IMAGE = """
set -e
tree=$(mktemp -d)
mkdir -p "$tree"/bin "$tree"/etc "$tree"/data
cp /usr/bin/busybox "$tree"/bin/
for name in sh sleep cat id echo touch; do ln -s busybox "$tree"/bin/$name; done
echo 'root:x:0:0::/:/bin/sh' >"$tree"/etc/passwd
install -d -m 1777 "$tree"/tmp
chmod 755 "$tree"
tar -C "$tree" -cf /tmp/image.tar .
chmod 644 /tmp/image.tar
"""
_IMPORT = 'podman import -q --change \'CMD ["sleep","100000"]\' /tmp/image.tar localhost/bb:1'


class MachineFailed(Exception):
    """It could not be built or started, or a command in it failed."""


class Machine:
    """One virtual host with systemd, of which `bench` is the rootless user: Debian 13, or the
    release that HARDENTUI_TEST_RELEASE names.

    Args:
        lsm: what confines its containers, `apparmor` or `selinux`.
    """

    def __init__(self, lsm: str) -> None:
        self._environment = {
            **os.environ,
            "HOST_BENCH_RELEASE": RELEASE or "trixie",
            "HOST_BENCH_LSM": lsm,
        }
        self._lsm = lsm

    @cached_property
    def ground(self) -> dict[str, str]:
        """What tests in it run on, for docs/support.md."""
        tell = "podman --version; python3 --version; uname -m; . /etc/os-release; echo $PRETTY_NAME"
        podman, python, processor, release = self.run(tell).splitlines()
        return {
            "Podman": podman.split()[-1],
            "Distribution": release,
            "Python": python.split()[-1].rpartition(".")[0],
            "Rights": "rootful and rootless, with systemd",
            "cgroup": "version 2",
            "Security module": {"apparmor": "AppArmor", "selinux": "SELinux with Debian's policy"}[
                self._lsm
            ],
            "Processor": processor,
        }

    def start(self) -> None:
        """Build the disk where there is none, start the machine, bring HardenTUI's sources into it.

        Both users have the image `localhost/bb:1` then.

        Raises:
            MachineFailed: with what the script said.
        """
        self._script("build", seconds=_START_SECONDS)
        self._script("up", seconds=_START_SECONDS)
        for directory in ("hardentui", "checklists"):
            self.push(_REPOSITORY / directory, _OURS)
        for wheel in self._wheels():
            self.push(wheel, "/tmp")
            self.run(f"python3 -m zipfile -e /tmp/{wheel.name} {_OURS}")
        self.run(f"ln -sfn {_OURS}/checklists {_OURS}/hardentui/checklists; chmod -R a+rX {_OURS}")
        self.run("sh", text=_IMAGE)
        for user in ("root", "bench"):
            self.run(_IMPORT, user)

    def stop(self) -> None:
        """Pull the plug; the built disk stays for the next run."""
        self._script("down")

    def crash(self) -> None:
        """Pull its plug and start it again from the disk as it is then. What only /run held is
        gone."""
        self._script("crash", seconds=_START_SECONDS)

    def ends(
        self,
        command: str,
        user: str = "root",
        *,
        seconds: float = _STEP_SECONDS,
    ) -> tuple[int, str]:
        """The exit code of a shell command line, and what it printed on both its outputs.

        Raises `MachineFailed` when it does not end in `seconds`.
        """
        line = f"{{ {command}; }} 2>&1; code=$?; echo; echo $code"
        said = self.run(line, user, seconds=seconds)
        text, _, code = said.rpartition("\n")
        return int(code), text

    def run(
        self,
        command: str,
        user: str = "root",
        text: str = "",
        *,
        seconds: float = _STEP_SECONDS,
    ) -> str:
        """What a shell command line prints, without the last line end.

        Args:
            text: for its standard input.

        Raises:
            MachineFailed: when it ends with another status than 0.
        """
        return self._script(
            "ssh",
            user,
            command,
            text=text,
            seconds=seconds,
        ).rstrip("\n")

    def write(
        self,
        path: str,
        text: str,
        user: str = "root",
    ) -> None:
        """Write a file, with the directory above it."""
        self.run(
            f"mkdir -p {os.path.dirname(path)} && cat >{path}",
            user,
            text,
        )

    def push(self, path: Path, directory: str) -> None:
        """Bring a file or directory of this machine into a directory of that one, as root."""
        self._script("push", str(path), directory)

    def hardentui(
        self,
        arguments: str,
        user: str = "root",
        container: str = "",
        *,
        seconds: float = _STEP_SECONDS,
    ) -> str:
        """What `hardentui` prints; findings (status 1) and open questions (status 4) are no failure
        here.

        Args:
            container: run it in this one.
        """
        within = f"podman exec -w {_OURS} {container} " if container else ""
        command = f"cd {_OURS} && {within}python3 -m hardentui {arguments}"
        return self.run(
            f"{command}; status=$?; case $status in 1|4) exit 0 ;; *) exit $status ;; esac",
            user,
            seconds=seconds,
        )

    def report(
        self,
        arguments: str,
        user: str = "root",
        container: str = "",
    ) -> Report:
        """The findings of `hardentui check`; paths as the host has them."""
        text = self.hardentui(
            f"{arguments} --format json",
            user,
            container,
        )
        return Report(json.loads(text.replace("/run/host/", "/") if container else text))

    def main_process(
        self,
        container: str,
        user: str = "root",
    ) -> str:
        """The directory in /proc of the container's first process."""
        return "/proc/" + self.run(f"podman inspect -f '{{{{.State.Pid}}}}' {container}", user)

    def _wheels(self) -> list[Path]:
        """What HardenTUI needs there, for the Python of the machine, which reaches no network;
        fetched once, beside the disk."""
        version = self.run("python3 -c 'import sys; print(*sys.version_info[:2], sep=chr(46))'")
        state = self._environment.get(
            "HOST_BENCH_DIR",
            f"/tmp/hardentui-host-{os.getuid()}",
        )
        place = Path(state, "wheels", version)
        missing = [name for name in _NEEDS if not list(place.glob(f"{name}-*.whl"))]
        if missing:
            fetch = (
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "--python-version",
                version,
            )
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "pip",
                    *fetch,
                    "--dest",
                    str(place),
                    *missing,
                ],
                capture_output=True,
                text=True,
                timeout=_STEP_SECONDS,
                check=False,
            )
            if done.returncode:
                raise MachineFailed(
                    f"wheels for Python {version} were not fetched: {done.stderr[-2000:]}"
                )
        return [max(place.glob(f"{name}-*.whl")) for name in _NEEDS]

    def _script(
        self,
        *arguments: str,
        text: str = "",
        seconds: float = _STEP_SECONDS,
    ) -> str:
        try:
            done = subprocess.run(
                [str(_SCRIPT), *arguments],
                input=text,
                capture_output=True,
                text=True,
                timeout=seconds,
                env=self._environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = b"".join(
                part for part in (error.stdout, error.stderr) if isinstance(part, bytes)
            )
            raise MachineFailed(
                f"{' '.join(arguments)}: no end after {seconds:g} s: {said[-2000:].decode(errors='replace')}"
            ) from None
        if done.returncode:
            raise MachineFailed(
                f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout


class Report:
    """A JSON report of ours, by subject and check."""

    def __init__(self, document: Any) -> None:
        self._document = document

    @property
    def managed(self) -> list[Any]:
        """Who manages which containers."""
        return list(self._document["managed"])

    def finding(self, name: str, check: str) -> Any:
        """The one finding of that check on the subject of that name."""
        return by_check(self._document, name)[check]

    def status(self, name: str, check: str) -> str:
        return str(self.finding(name, check)["status"])

    def verdicts(self) -> dict[tuple[str, str, str], tuple[str, str]]:
        """Kind, subject and check -> status and reason."""
        return {
            (subject["kind"], subject["name"], finding["check"]): (
                finding["status"],
                finding.get("reason", ""),
            )
            for subject in self._document["subjects"]
            for finding in findings_of(self._document, subject)
        }

    def with_status(self, status: str, *kinds: str) -> dict[str, str]:
        """The ids of checks with that status on subjects of these kinds, with their reasons."""
        return {
            finding["check"]: finding["reason"]
            for subject in self._document["subjects"]
            if subject["kind"] in kinds
            for finding in findings_of(self._document, subject)
            if finding["status"] == status
        }


# What the kernel of that machine says of a process: the other side of every comparison.


def status_line(
    machine: Machine,
    process: str,
    name: str,
) -> str:
    """A line of its /proc/PID/status, without the name."""
    return machine.run(f"sed -n 's/^{name}:[[:space:]]*//p' {process}/status")


def cgroup_value(
    machine: Machine,
    process: str,
    file: str,
) -> str:
    """The value that binds: the smallest of the cgroup of the process and those above it."""
    group = machine.run(f"cut -d: -f3 {process}/cgroup")
    climb = (
        f"cd /sys/fs/cgroup{group}; while [ $PWD != /sys/fs/cgroup ]; do cat {file} "
        "2>/dev/null; cd ..; done"
    )
    values = [line for line in machine.run(climb).splitlines() if not line.startswith("max")]
    return min(
        values,
        key=lambda value: int(value.split()[0]),
        default="max",
    )


def root_mount(machine: Machine, process: str) -> str:
    """The mount options of its root."""
    return machine.run(f"awk '$5 == \"/\" {{ print $6 }}' {process}/mountinfo")


def label(machine: Machine, process: str) -> str:
    """Its AppArmor profile or SELinux context."""
    return machine.run(f"cat {process}/attr/current").rstrip("\0")
