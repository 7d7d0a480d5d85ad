"""The Ansible collection on five real hosts: a Podman each, behind an sshd each.

One has another Podman, one is rootless. A rolling change of one service stops at the host that it
breaks, which is then as it was. Then one goes away in the middle, one lets nobody become root, and
one has a full disk: the others go on.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.conftest import cannot_run
from tests.support.ansible_hosts import SSHD, EngineMissing, SshHost, installed
from tests.support.podman import BUSYBOX, TEST_USER, Bench, missing_programs
from tests.support.program import told
from tests.support.waiting import eventually
from tools.collection import collection

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
CHECK = "default-capabilities-kept"
OLDER = "bookworm"
VISITOR = "hardentui-visitor"
SECRET = "Tr0ub4dor-and-3"
SERVES = "mkdir -p /tmp/www && exec httpd -f -p 8080 -h /tmp/www"
NEEDS_A_RIGHT = f"chroot / /bin/true && {SERVES}"
"""It works until it may no longer change its root, which nobody saw it do at its start."""
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "fleet.md"


def _documented_playbook() -> str:
    """The playbook of docs/fleet.md, literally."""
    block = re.search(r"```yaml\n(- name: .*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert block
    return block[1]


def _documented(beginning: str) -> list[str]:
    """The lines of the output in docs/fleet.md that begins so."""
    block = next(
        block
        for block in re.findall(r"```text\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
        if block.startswith(beginning)
    )
    return [line for line in block.splitlines() if line]


def _is_documented(output: str, beginning: str) -> bool:
    """Whether these lines came in this order; `…` stands for anything within a line."""
    lines = iter(output.splitlines())
    return all(
        any(re.fullmatch(re.escape(line).replace("…", ".*"), shown.rstrip()) for shown in lines)
        for line in _documented(beginning)
    )


@pytest.fixture(scope="module")
def engine() -> Path:
    if os.getuid() != 0:
        cannot_run("hosts with an sshd each need root")
    if command := missing_programs():
        cannot_run(f"a program is missing; run: {command}")
    if not os.access(SSHD, os.X_OK):
        cannot_run("a program is missing; run: apt-get install openssh-server sudo")
    try:
        return installed("ansible-core")
    except EngineMissing as error:
        cannot_run(str(error))


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, SshHost]]:
    """Five hosts with the same service: web01 has an older Podman, web02 is rootless, what web03 runs
    needs a right, and who logs in to web04 may not become root."""
    try:
        older = Bench(release=OLDER)
    except subprocess.SubprocessError as error:
        cannot_run(f"the root of {OLDER} cannot be made: {error}")
    benches = {
        "web01": older,
        "web02": Bench(TEST_USER),
        "web03": Bench(),
        "web04": Bench(),
        "web05": Bench(),
    }
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
                name,
                bench,
                directory / name,
                account=TEST_USER if name == "web02" else "",
                login=VISITOR if name == "web04" else "",
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
        self._hosts = hosts
        self.vary()

    def vary(self, **variables: dict[str, object]) -> None:
        """What differs on these hosts from now on."""
        inventory = {
            name: {**host.of_inventory(), **variables.get(name, {})}
            for name, host in self._hosts.items()
        }
        text = yaml.safe_dump({"all": {"hosts": inventory}})
        (self.directory / "hosts.yml").write_text(text)

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
        (self.directory / f"{words[-1].rpartition('/')[2]}.out").write_text(done.stdout)
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
    assert _is_documented(done.stdout, "PLAY [The same fix"), done.stdout
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


QUADLET = """
- name: What a host shows
  hosts: web05
  gather_facts: false
  vars:
    of_this_host: {program: "{{ hardentui_program }}", url: "{{ hardentui_url }}"}
  tasks:
    - name: Look
      hardentui.podman.check: "{{ of_this_host }}"
    - name: Harden
      hardentui.podman.harden: "{{ of_this_host | combine(harden) }}"
      vars:
        harden: {name: vault, checks: [new-privileges-allowed]}
    - name: Units
      hardentui.podman.quadlet: "{{ of_this_host | combine({'name': 'vault', 'likely': true}) }}"
"""


def test_check_mode_says_what_a_run_does_twice_is_nothing_and_no_secret_comes_back(
    controller: Controller,
    hosts: dict[str, SshHost],
) -> None:
    bench = hosts["web05"].bench
    bench.run(
        "vault",
        "--network",
        "none",
        "--env",
        f"DB_PASSWORD={SECRET}",
        "--label",
        f"token={SECRET}",
        "--health-cmd",
        f"true --password={SECRET}",
        BUSYBOX,
        "sh",
        "-c",
        f"true --password={SECRET}; exec sleep 1000",
    )
    unit = "/etc/containers/systemd/vault.container"
    told_words = ("--diff", "-vvv")
    before = bench.podman("inspect", "vault")
    foreseen = controller.play(QUADLET, "--check", *told_words)
    assert foreseen.returncode == 0, foreseen.stdout
    assert _recap(foreseen)["web05"]["changed"] == 2
    assert bench.podman("inspect", "--format", "{{.Id}}", "vault") in before
    assert bench.execute("sh", "-c", f"ls {unit} || true") == ""

    done = controller.play(QUADLET, *told_words)
    assert done.returncode == 0, done.stdout
    assert _recap(done)["web05"]["changed"] == 2
    assert SECRET in bench.execute("cat", unit), "the service keeps it"
    assert "true" in bench.podman(
        "inspect", "--format", "{{.State.Running}} {{.HostConfig.SecurityOpt}}", "vault"
    )
    for line in ("+--no-new-privileges", f"+++ after: {unit}", "+[Container]"):
        assert line in foreseen.stdout
        assert line in done.stdout

    again = controller.play(QUADLET, *told_words)
    assert again.returncode == 0, again.stdout
    assert _recap(again)["web05"]["changed"] == 0

    facts = controller.directory / "facts"
    gathered = controller.play(
        "hardentui.podman.gather", "--limit", "web05", "-vvv", "-e", f"hardentui_facts={facts}"
    )
    assert gathered.returncode == 0, gathered.stdout
    assert SECRET not in gzip.decompress((facts / "web05.json.gz").read_bytes()).decode()
    for run in (foreseen, done, again, gathered):
        assert SECRET not in run.stdout + run.stderr


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


EACH = """
- name: One fix on every host at once
  hosts: all
  gather_facts: false
  tasks:
    - name: Apply
      hardentui.podman.apply:
        program: "{{ hardentui_program }}"
        url: "{{ hardentui_url }}"
        name: web
        checks: [new-privileges-allowed]
        probe: "{{ probe | default(omit) }}"
"""


def test_one_goes_away_one_refuses_one_is_full_and_the_others_go_on(
    controller: Controller,
    hosts: dict[str, SshHost],
) -> None:
    """`web03` loses its session, and what runs in it, between the change and its proof."""
    away, full = hosts["web03"], hosts["web05"]
    before = {name: _identity(host) for name, host in hosts.items()}
    full.fill_disk()
    controller.vary(
        web03={"probe": [away.probe_that_cuts_off("web")]},
        web05={"ansible_pipelining": True},  # else Ansible itself finds no room for the module
    )
    done = controller.play(EACH)
    recap = _recap(done)
    assert recap["web01"]["changed"] == recap["web02"]["changed"] == 1, done.stdout
    assert recap["web03"]["unreachable"] == 1, done.stdout
    assert recap["web04"]["failed"] == recap["web05"]["failed"] == 1, done.stdout
    assert _is_documented(done.stdout, "PLAY RECAP"), done.stdout
    for words in ("UNREACHABLE!", "Missing sudo password", "No space left on device"):
        assert words in done.stdout
    for name in ("web03", "web04", "web05"):
        assert eventually(partial(_is, hosts[name], before[name])), name
    for name in ("web01", "web02"):
        assert _identity(hosts[name]) != before[name]

    away.gone.unlink()
    controller.vary()
    again = controller.play(EACH, "--limit", "web03")
    assert again.returncode == 0, again.stdout
    assert away.bench.podman("inspect", "--format", "{{.State.Running}}", "web") == "true"


def _is(host: SshHost, identity: str) -> bool:
    return _identity(host) == identity


def _identity(host: SshHost) -> str:
    return host.bench.podman("inspect", "--format", "{{.Id}} {{.State.Running}}", "web")
