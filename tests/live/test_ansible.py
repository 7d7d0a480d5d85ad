"""The Ansible collection on real hosts: a Podman each, behind an sshd each.

A rolling change of one service stops at the host that it breaks, which is then as it was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import cannot_run
from tests.support.ansible_hosts import SSHD, EngineMissing, SshHost, installed
from tests.support.podman import BUSYBOX, TEST_USER, Bench, missing_programs
from tests.support.program import told
from tools.collection import collection

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
CHECK = "default-capabilities-kept"
SERVES = "mkdir -p /tmp/www && exec httpd -f -p 8080 -h /tmp/www"
NEEDS_A_RIGHT = f"chroot / /bin/true && {SERVES}"
"""It works until it may no longer change its root, which nobody saw it do at its start."""
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "fleet.md"


def _documented_playbook() -> str:
    """The playbook of docs/fleet.md, literally."""
    block = re.search(r"```yaml\n(- name: .*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert block
    return block[1]


@pytest.fixture(scope="module")
def engine() -> Path:
    if os.getuid() != 0:
        cannot_run("hosts with an sshd each need root")
    if command := missing_programs():
        cannot_run(f"a program is missing; run: {command}")
    if not os.access(SSHD, os.X_OK):
        cannot_run("a program is missing; run: apt-get install openssh-server sudo")
    try:
        return installed("ansible-core", "ansible-playbook")
    except EngineMissing as error:
        cannot_run(str(error))


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, SshHost]]:
    """Five hosts with the same service; web02 is rootless, and what web03 runs needs a right."""
    benches = {f"web{number:02}": Bench(TEST_USER if number == 2 else "") for number in range(1, 6)}
    directory = Path(tempfile.mkdtemp(prefix="hf-", dir="/tmp"))  # pytest's is root's alone
    directory.chmod(0o755)
    try:
        made = {}
        for name, bench in benches.items():
            bench.start()
            bench.image()
            bench.run(
                "web",
                "--network",
                "none",
                BUSYBOX,
                "sh",
                "-c",
                NEEDS_A_RIGHT if name == "web03" else SERVES,
            )
            made[name] = SshHost(
                name, bench, directory / name, account=TEST_USER if name == "web02" else ""
            )
        yield made
    finally:
        for bench in benches.values():
            bench.stop()
        shutil.rmtree(directory, ignore_errors=True)


class Controller:
    """Where Ansible runs, with the collection as `make packages` builds it."""

    def __init__(
        self,
        programs: Path,
        directory: Path,
        hosts: dict[str, SshHost],
    ) -> None:
        self._programs = programs
        self.directory = directory
        archive = collection(directory, "0.1.0", 0)
        self._environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(directory / "collections"),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        }
        self._run("ansible-galaxy", "collection", "install", str(archive), ends=0)
        inventory = {"all": {"hosts": {name: host.of_inventory() for name, host in hosts.items()}}}
        (directory / "hosts.yml").write_text(yaml.safe_dump(inventory))

    def play(self, playbook: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook, given as text, or by its name in the collection."""
        name = playbook
        if "\n" in playbook:
            (self.directory / "site.yml").write_text(playbook)
            name = "site.yml"
        return self._run("ansible-playbook", "-i", "hosts.yml", name, *words)

    def _run(
        self, program: str, *words: str, ends: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self._programs / program, *words],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ends in (None, done.returncode), done.stdout + done.stderr
        return done


@pytest.fixture
def controller(
    engine: Path,
    hosts: dict[str, SshHost],
    tmp_path: Path,
) -> Controller:
    return Controller(engine, tmp_path, hosts)


def _dropped(host: SshHost) -> list[str]:
    (container,) = json.loads(host.bench.podman("inspect", "web"))
    assert container["State"]["Running"], f"{host.name} serves"
    return [str(right) for right in container["HostConfig"]["CapDrop"]]


def _recap(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, int]]:
    """Host -> what PLAY RECAP counts."""
    lines = done.stdout.partition("PLAY RECAP")[2].splitlines()[1:]
    return {
        line.split()[0]: {
            word: int(count) for word, count in (part.split("=") for part in line.split()[2:])
        }
        for line in lines
        if ":" in line
    }


def test_a_rolling_change_stops_at_the_host_that_it_breaks(
    controller: Controller,
    hosts: dict[str, SshHost],
) -> None:
    before = hosts["web03"].bench.podman("inspect", "--format", "{{.Id}}", "web")
    untouched = _dropped(hosts["web05"])

    rolling = _documented_playbook()
    foreseen = controller.play(rolling, "--check", "--diff", "--limit", "web01")
    assert foreseen.returncode == 0, foreseen.stdout + foreseen.stderr
    assert _recap(foreseen)["web01"]["changed"] == 1
    assert "+--cap-drop" in foreseen.stdout
    assert _dropped(hosts["web01"]) == untouched, "check mode changes nothing"

    done = controller.play(rolling)
    assert done.returncode != 0
    recap = _recap(done)
    assert recap["web01"]["changed"] == recap["web02"]["changed"] == 1, done.stdout
    assert recap["web03"]["failed"] == 1, done.stdout
    assert not {"web04", "web05"} & recap.keys(), "the batch stops"
    assert "rolled back" in done.stdout
    assert hosts["web03"].bench.podman("inspect", "--format", "{{.Id}}", "web") == before
    for name in ("web01", "web02"):
        assert _dropped(hosts[name]) != untouched
    for name in ("web03", "web04", "web05"):
        assert _dropped(hosts[name]) == untouched

    again = controller.play(rolling, "--limit", "web01,web02")
    assert again.returncode == 0, again.stdout
    assert {counts["changed"] for counts in _recap(again).values()} == {0}, (
        "nothing the second time"
    )


def test_facts_are_gathered_with_those_before_and_told_as_a_fleet(
    controller: Controller,
) -> None:
    gather = ("hardentui.podman.gather", "--limit", "web01,web02", "-e")
    facts = controller.directory / "fleet"
    for _ in range(2):
        done = controller.play(*gather, f"hardentui_facts={facts}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert {counts["changed"] for counts in _recap(done).values()} == {0}
    assert sorted(path.name for path in facts.iterdir()) == [
        "web01.json.gz",
        "web01.previous.json.gz",
        "web02.json.gz",
        "web02.previous.json.gz",
    ]
    report = told("check", "--facts", str(facts))
    assert len(report["hosts"]) == 2
    assert len(report["fleet"]["changes"]) == 2
