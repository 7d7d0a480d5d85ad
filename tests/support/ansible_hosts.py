"""Hosts for Ansible and Salt: each a Podman in namespaces of its own, behind an sshd of its own."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from tests.support.podman import Bench

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = Path(
    os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "hardentui-test-engines"
)
"""Where ansible-core and salt are installed once, apart from everything else."""
SSHD = "/usr/sbin/sshd"


class EngineMissing(Exception):
    """ansible-core or salt cannot be installed here; says why."""


def installed(package: str) -> Path:
    """The folder with the programs of a package, in an environment of its own.

    Several processes of the tests may ask at once: one installs, the others wait.

    Raises:
        EngineMissing: it is not here, and cannot be installed.
    """
    place = ENVIRONMENTS / package
    complete = place / "complete"
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            venv.create(place, with_pip=True, clear=True)
            done = subprocess.run(
                [place / "bin" / "pip", "install", "-q", package],
                capture_output=True,
                text=True,
                timeout=1200,
                check=False,
            )
            if done.returncode:
                raise EngineMissing(f"{package} cannot be installed: {done.stderr.strip()[-200:]}")
            complete.touch()
    return place / "bin"


class SshHost:
    """One host, reached with ssh; its sshd answers one connection and ends.

    Attributes:
        directory: its state: HardenTUI's journal, what Ansible copies, its keys.
    """

    def __init__(
        self,
        name: str,
        bench: Bench,
        directory: Path,
        *,
        account: str = "",
        login: str = "",
    ) -> None:
        """
        Args:
            account: whose Podman it is, if it is not root's.
            login: who logs in instead of root, and may not become root.
        """
        self.name = name
        self.bench = bench
        self.account = account
        self.login = login
        self.directory = directory
        directory.mkdir(mode=0o755)
        self._key()
        if login:
            self._add_account(login)
        if account or login:
            self._let_become(account or login)
        python = self._python_of_all() if account else sys.executable
        if bench.release:
            python = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        paths = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
        self.program = self._script(
            "hardentui",
            f'exec env PYTHONPATH={":".join(paths)} {python} -m hardentui "$@"',
        )
        self.gone = directory / "gone"
        """While it exists, nobody answers."""
        # as root, also where the bench enters as its account
        holder = f"$(cut -d' ' -f1 {bench.directory}/holder.pid)"
        # an sshd of this machine, where the host is another release's
        where = f"-t {holder} -n unshare -m" if bench.release else f"-t {holder} -m -n"
        place = (
            "mount -t tmpfs tmpfs /run; mkdir /run/sshd" if bench.release else "mkdir -p /run/sshd"
        )
        self.proxy = self._script(
            "proxy",
            f"[ ! -e {self.gone} ] || exit 1; echo $$ > {directory}/proxy.pid; "
            f"exec nsenter {where} sh -c '{place}; exec {self._sshd()}'",
        )

    def probe_until_changed(self, container: str, then: str = "exit 1") -> str:
        """A probe that works while the container is as it is now; later, it does this."""
        identity = self.bench.podman("inspect", "--format", "{{.Id}}", container)
        answer = f"http://d/v4.0.0/libpod/containers/{container}/json"
        script = self._script(
            "probe",
            f"curl -s --unix-socket {self.bench.socket} {answer} | grep -q {identity} && exit 0\n{then}",
        )
        return str(script)

    def probe_that_cuts_off(self, container: str) -> str:
        """A probe that, once the container is changed, ends the session and all that runs in it at
        once; and nobody answers any more."""
        return self.probe_until_changed(
            container,
            f"touch {self.gone}\nlast=$(cat {self.directory}/proxy.pid)\npid=$PPID\n"
            'while [ "$pid" -gt 1 ]; do\n'
            "  above=$(sed 's/.*) . //; s/ .*//' /proc/$pid/stat)\n"
            "  kill -9 $pid\n"
            '  [ "$pid" != "$last" ] || exit 0\n'
            "  pid=$above\n"
            "done",
        )

    def _add_account(self, name: str) -> None:
        """In the bench only."""
        with (self.bench.directory / "conf" / "passwd").open("a") as accounts:
            accounts.write(f"{name}:x:59999:59999::{self.directory}/state:/bin/sh\n")

    def fill_disk(self) -> None:
        """Its state lies on a disk without a free byte."""
        state = self.directory / "state"
        self._in_mounts("mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", state)
        self._in_mounts("sh", "-c", f"cat /dev/zero > {state}/full 2> /dev/null || true")

    def _let_become(self, account: str) -> None:
        """`su` asks the file of passwords for an account that exists in the bench only."""
        shadow = self.directory / "shadow"
        shadow.write_text(f"{Path('/etc/shadow').read_text()}{account}:*:19000:0:99999:7:::\n")
        shadow.chmod(0o600)
        self._mount(shadow, Path("/etc/shadow"))

    def _python_of_all(self) -> Path:
        """The Python of these tests where every account may run it, which is not so in a home."""
        base = self.directory / "python"
        base.mkdir()
        self._mount(Path(sys.base_prefix), base)
        return base / "bin" / Path(os.path.realpath(sys.executable)).name

    def _mount(self, source: Path, target: Path) -> None:
        self._in_mounts("mount", "--bind", source, target)

    def _in_mounts(self, *words: str | Path) -> None:
        """As root, in the mount namespace of its bench only."""
        holder = (self.bench.directory / "holder.pid").read_text().split()[0]
        subprocess.run(
            ["nsenter", "-t", holder, "-m", *words],
            check=True,
        )

    def _script(self, name: str, line: str) -> Path:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return path

    def _key(self) -> None:
        for name in ("host_key", "key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / name],
                check=True,
            )
        (self.directory / "key.pub").rename(self.directory / "authorized")
        (self.directory / "authorized").chmod(0o644)

    def _sshd(self) -> str:
        state = self.directory / "state"
        state.mkdir(mode=0o777)
        state.chmod(0o1777)
        variables = {
            "XDG_STATE_HOME": f"{state}/state",
            "XDG_CACHE_HOME": f"{state}/cache",
            "XDG_CONFIG_HOME": f"{state}/config",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_LIBRARY_PATH": "/usr/lib",  # salt-ssh fails where it is not set
        }
        (self.directory / "sshd_config").write_text(
            f"HostKey {self.directory}/host_key\n"
            f"AuthorizedKeysFile {self.directory}/authorized\n"
            "StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n"
            f"SetEnv {' '.join(f'{name}={value}' for name, value in variables.items())}\n"
            "Subsystem sftp internal-sftp\n"
            + (f"ForceCommand {self._within()}\n" if self.bench.release else "")
        )
        return f"{SSHD} -i -f {self.directory}/sshd_config"

    def _within(self) -> Path:
        """Runs what a session asks for where the other release's programs are."""
        holder = f"$(cut -d' ' -f1 {self.bench.directory}/holder.pid)"
        return self._script(
            "within",
            f'exec nsenter -t {holder} -m sh -c "${{SSH_ORIGINAL_COMMAND:-sh}}"',
        )

    def ssh_words(self) -> str:
        """The options of ssh that lead to it."""
        return (
            f"-o ProxyCommand={self.proxy} -i {self.directory}/key -o IdentitiesOnly=yes "
            "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
            "-o ControlMaster=no"
        )

    def of_inventory(self) -> dict[str, Any]:
        """Its variables for Ansible."""
        become = {
            "ansible_become": True,
            "ansible_become_method": "su",
            "ansible_become_user": self.account,
        }
        if self.login:
            become = {"ansible_become": True, "ansible_become_method": "sudo"}
        return {
            "ansible_host": self.name,  # by which Ansible keeps connections; the proxy leads there
            "ansible_user": self.login or "root",
            "ansible_ssh_transfer_method": "piped" if self.bench.release else "smart",
            "ansible_ssh_common_args": self.ssh_words(),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_remote_tmp": f"{self.directory}/state/tmp",
            "hardentui_program": str(self.program),
            "hardentui_url": self.bench.url,
            **(become if self.account or self.login else {}),
        }
