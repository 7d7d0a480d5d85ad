"""The Salt modules on a real host: a Podman behind an sshd, reached by salt-ssh."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import cannot_run
from tests.support.ansible_hosts import ROOT, SSHD, EngineMissing, SshHost, installed
from tests.support.podman import BUSYBOX, Bench, missing_programs
from tests.support.program import told

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(2400)]
DOCUMENTED = (ROOT / "docs" / "fleet.md").read_text()
CHECK = "default-capabilities-kept"


class Master:
    """salt-ssh with the modules of this repository, and one host."""

    def __init__(
        self,
        programs: Path,
        directory: Path,
        host: SshHost,
    ) -> None:
        self._programs = programs
        self._directory = directory
        (directory / "master").write_text(
            yaml.safe_dump(
                {
                    "root_dir": str(directory),
                    "cachedir": str(directory / "cache"),
                    "pki_dir": str(directory / "pki"),
                    "log_file": str(directory / "log"),
                    "ssh_log_file": str(directory / "ssh-log"),
                    "file_roots": {"base": [str(ROOT / "packaging" / "salt")]},
                }
            )
        )
        (directory / "roster").write_text(
            yaml.safe_dump(
                {
                    host.name: {
                        "host": "localhost",
                        "user": "root",
                        "priv": str(host.directory / "key"),
                        "set_path": "/usr/bin:/bin:/usr/sbin:/sbin",
                        "thin_dir": f"{host.directory}/state/thin",
                        "ssh_options": [
                            f"ProxyCommand={host.proxy}",
                            "IdentitiesOnly=yes",
                            "StrictHostKeyChecking=no",
                            "UserKnownHostsFile=/dev/null",
                        ],
                        "minion_opts": {
                            "hardentui": {"program": str(host.program), "url": host.bench.url}
                        },
                    }
                }
            )
        )

    def call(self, *words: str) -> Any:
        """What the host answers."""
        done = subprocess.run(
            [
                self._programs / "salt-ssh",
                "-c",
                str(self._directory),
                "--roster-file",
                str(self._directory / "roster"),
                "--ignore-host-keys",
                "--out",
                "json",
                "*",
                *words,
            ],
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        assert done.stdout, done.stderr
        (answer,) = json.loads(done.stdout).values()
        return answer

    def state(self, *words: str) -> Any:
        """What became of one state."""
        (answer,) = self.call("state.single", *words).values()
        return answer


@pytest.fixture
def host() -> Iterator[SshHost]:
    if os.getuid() != 0:
        cannot_run("a host with an sshd needs root")
    if command := missing_programs():
        cannot_run(f"a program is missing; run: {command}")
    if not os.access(SSHD, os.X_OK):
        cannot_run("a program is missing; run: apt-get install openssh-server")
    directory = Path(tempfile.mkdtemp(prefix="hf-", dir="/tmp"))
    directory.chmod(0o755)
    bench = Bench()
    try:
        bench.start()
        bench.image()
        bench.run(
            "web",
            "--network",
            "none",
            BUSYBOX,
            "sh",
            "-c",
            "mkdir -p /tmp/www && exec httpd -f -p 8080 -h /tmp/www",
        )
        yield SshHost("web01", bench, directory / "web01")
    finally:
        bench.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def master(host: SshHost, tmp_path: Path) -> Master:
    try:
        programs = installed("salt")
    except EngineMissing as error:
        cannot_run(str(error))
    return Master(programs, tmp_path, host)


def test_a_state_says_what_it_would_do_does_it_and_then_nothing(
    master: Master,
    host: SshHost,
) -> None:
    findings = master.call("hardentui.check")["findings"]
    assert ("web", CHECK) in {(each["subject"], each["check"]) for each in findings}

    words = ("hardentui.applied", "name=web", f"checks=[{CHECK}]")
    before = host.bench.podman("inspect", "--format", "{{.Id}}", "web")
    foreseen = master.state(*words, "test=True")
    assert foreseen["result"] is None
    assert foreseen["comment"] in DOCUMENTED
    assert "cap-drop" in foreseen["changes"]
    assert host.bench.podman("inspect", "--format", "{{.Id}}", "web") == before

    done = master.state(*words)
    assert done["result"] is True, done
    assert done["changes"].keys() == foreseen["changes"].keys()
    after = host.bench.podman("inspect", "--format", "{{.Id}} {{.State.Running}}", "web")
    assert after != f"{before} true"
    assert after.endswith(" true")

    again = master.state(*words)
    assert again["result"] is True
    assert again["comment"] in DOCUMENTED
    assert again["changes"] == {}
    assert host.bench.podman("inspect", "--format", "{{.Id}} {{.State.Running}}", "web") == after


def test_what_breaks_is_back_files_are_put_in_place_and_facts_come_back(
    master: Master,
    host: SshHost,
    tmp_path: Path,
) -> None:
    before = host.bench.podman("inspect", "--format", "{{.Id}}", "web")
    broken = master.state(
        "hardentui.applied",
        "name=web",
        f"checks=[{CHECK}]",
        f'probe=["{host.probe_until_changed("web")}"]',
    )
    assert broken["result"] is False
    assert "rolled back" in broken["comment"]
    assert broken["changes"] == {}
    assert host.bench.podman("inspect", "--format", "{{.Id}}", "web") == before

    words = (
        "hardentui.quadlet",
        "name=web",
        "dest=/etc/containers/systemd",
        "checks=[new-privileges-allowed]",
    )
    unit = "/etc/containers/systemd/web.container"
    foreseen = master.state(*words, "test=True")
    assert foreseen["result"] is None
    assert foreseen["changes"] == {"web.container": "new"}
    assert host.bench.execute("sh", "-c", f"ls {unit} || true") == ""
    done = master.state(*words)
    assert done["result"] is True, done
    assert done["changes"] == foreseen["changes"]
    assert "NoNewPrivileges=true" in host.bench.execute("cat", unit)
    again = master.state(*words)
    assert (again["result"], again["changes"]) == (True, {})
    host.bench.execute("sh", "-c", f"echo '# mine' >> {unit}")
    changed = master.state(*words)
    assert changed["changes"] == {"web.container": "changed"}, changed
    assert "# mine" in host.bench.execute("cat", f"{unit}.before~")

    facts = tmp_path / "web01.json.gz"
    facts.write_bytes(base64.b64decode(master.call("hardentui.facts")))
    report = told("check", "--facts", str(facts))
    assert "web" in {subject["name"] for subject in report["subjects"]}

    hardened = master.state("hardentui.hardened", "name=web", "checks=[new-privileges-allowed]")
    assert hardened["result"] is True, hardened
    assert set(hardened["changes"]) == {"no-new-privileges"}
    container = host.bench.podman("inspect", "--format", "{{.HostConfig.SecurityOpt}}", "web")
    assert "no-new-privileges" in container
