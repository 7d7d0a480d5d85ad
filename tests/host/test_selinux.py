"""On a real host with SELinux enforced on containers, rootful and rootless.

tests/host/README.md says what this machine's policy can show and what it cannot. The tests that
change something stand last, in this order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.host.conftest import OWN_QUADLETS, QUADLETS, started
from tests.host.machine import Machine, MachineFailed, Report, label, root_mount, status_line

pytestmark = [
    pytest.mark.host,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]

_QUADLET = """[Container]
Image=localhost/bb:1
ContainerName=quadlet
Network=none
StopTimeout=0
"""
_PRIVILEGED = _QUADLET.replace("quadlet", "unitprivileged") + "PodmanArgs=--privileged\n"
_RUN = "podman run -d --network none --stop-timeout 0"
_IMAGE = "localhost/bb:1"
_READS = "while cat /bare/file >/dev/null; do sleep 1; done"
_ROOTFUL = f"""
set -e
useradd --create-home victim
for name in bare own shared; do mkdir -p /srv/$name; echo secret >/srv/$name/file; done
{_RUN} --name plain {_IMAGE}
{_RUN} --name disabled --security-opt label=disable -v /srv/bare:/bare {_IMAGE}
{_RUN} --name reader --security-opt label=disable -v /srv/bare:/bare:ro {_IMAGE} sh -c '{_READS}'
{_RUN} --name privileged --privileged {_IMAGE}
{_RUN} --name hostpid --pid host {_IMAGE}
{_RUN} --name spc --security-opt label=type:spc_t {_IMAGE}
{_RUN} --name first --security-opt label=level:s0:c1,c2 {_IMAGE}
{_RUN} --name second --security-opt label=level:s0:c2,c1 {_IMAGE}
{_RUN} --name low --security-opt label=level:s0 {_IMAGE}
{_RUN} --name mounts -v /srv/bare:/bare -v /srv/own:/own:Z -v /srv/shared:/shared:z {_IMAGE}
{_RUN} --name home -v /home/victim:/home:Z {_IMAGE}
systemctl daemon-reload
systemctl start quadlet unitprivileged
"""
_ROOTLESS = f"""
set -e
{_RUN} --name mine {_IMAGE}
{_RUN} --name myprivileged --privileged {_IMAGE}
systemctl --user daemon-reload
systemctl --user start quadlet
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """The running host with SELinux, and with its containers."""
    with started("selinux") as started_machine:
        started_machine.write(f"{QUADLETS}/quadlet.container", _QUADLET)
        started_machine.write(
            f"{QUADLETS}/unitprivileged.container",
            _PRIVILEGED,
        )
        started_machine.write(
            f"{OWN_QUADLETS}/quadlet.container",
            _QUADLET,
            "bench",
        )
        started_machine.run("sh", text=_ROOTFUL)
        started_machine.run("sh", "bench", _ROOTLESS)
        yield started_machine


@pytest.fixture(scope="module")
def reports(machine: Machine) -> dict[str, Report]:
    """What `check` says of the containers of each user before anything is fixed."""
    return {user: machine.report("check", user) for user in ("root", "bench")}


def reads(
    machine: Machine,
    container: str,
    path: str,
) -> bool:
    """Whether a process in the container may read that file. Only its status is looked at: the
    policy of this machine lets no container write to the pipes of who calls `podman exec`."""
    try:
        machine.run(f"podman exec {container} cat {path} >/dev/null")
    except MachineFailed:
        return False
    return True


def file_label(machine: Machine, path: str) -> str:
    return machine.run(f"stat -c %C {path}")


def categories(context: str) -> str:
    return context.split(":", 4)[4]


@pytest.mark.parametrize(
    ("user", "name", "domain", "status"),
    [
        ("root", "plain", "container_t", "pass"),
        ("root", "quadlet", "container_t", "pass"),
        ("root", "mounts", "container_t", "pass"),
        ("root", "low", "container_t", "pass"),
        ("root", "disabled", "unconfined_t", "fail"),
        ("root", "privileged", "unconfined_t", "fail"),
        ("root", "unitprivileged", "spc_t", "fail"),
        ("root", "hostpid", "unconfined_t", "fail"),
        ("root", "spc", "spc_t", "fail"),
        ("bench", "mine", "container_t", "pass"),
        ("bench", "quadlet", "container_t", "pass"),
        ("bench", "myprivileged", "unconfined_t", "fail"),
    ],
)
def test_the_label_is_that_of_the_kernel(
    machine: Machine,
    reports: dict[str, Report],
    user: str,
    name: str,
    domain: str,
    status: str,
) -> None:
    real = label(machine, machine.main_process(name, user))
    result = reports[user].finding(name, "selinux-disabled")
    assert real.split(":")[2] == domain
    assert result["status"] == status
    assert status == "pass" or result["effective"] == real


def test_categories(
    machine: Machine,
    reports: dict[str, Report],
) -> None:
    """Podman gives each container two of its own; who shares them, or has none, is named."""
    real = {
        name: label(machine, machine.main_process(name))
        for name in ("plain", "quadlet", "first", "second")
    }
    assert re.fullmatch(r"c\d+,c\d+", categories(real["plain"]))
    assert categories(real["plain"]) != categories(real["quadlet"])
    assert categories(real["first"]) == categories(real["second"]), "the kernel sorts them"
    root = reports["root"]
    check = "shared-mcs-categories"
    assert root.status("plain", check) == root.status("quadlet", check) == "pass"
    assert "second" in root.finding("first", check)["reason"]
    assert "first" in root.finding("second", check)["reason"]
    assert "no categories" in root.finding("low", check)["reason"]
    for name in ("disabled", "privileged", "hostpid", "spc"):
        assert root.status(name, check) == "not-applicable", root.finding(name, check)


def test_what_label_disable_gives_away(
    machine: Machine,
    reports: dict[str, Report],
) -> None:
    assert reads(machine, "disabled", "/bare/file")
    assert not reads(machine, "mounts", "/bare/file"), "SELinux does not enforce here"
    assert reports["root"].status("disabled", "selinux-disabled") == "fail"
    assert reports["root"].status("mounts", "selinux-disabled") == "pass"


def test_relabelled_mounts(
    machine: Machine,
    reports: dict[str, Report],
) -> None:
    mine = categories(label(machine, machine.main_process("mounts")))
    assert reads(machine, "mounts", "/own/file")
    assert reads(machine, "mounts", "/shared/file")
    assert file_label(machine, "/srv/own/file") == f"system_u:object_r:container_file_t:s0:{mine}"
    assert file_label(machine, "/srv/shared/file") == "system_u:object_r:container_file_t:s0"
    assert "container_file_t" not in file_label(machine, "/srv/bare/file")
    assert reports["root"].status("mounts", "relabelled-system-directory") == "pass"


def test_a_relabelled_home(
    machine: Machine,
    reports: dict[str, Report],
) -> None:
    assert "container_file_t" in file_label(machine, "/home/victim")
    result = reports["root"].finding("home", "relabelled-system-directory")
    assert result["status"] == "fail"
    assert "/home/victim" in result["reason"]


def test_apparmor_is_not_expected(reports: dict[str, Report]) -> None:
    for check in ("apparmor-unconfined", "apparmor-complain-mode"):
        assert reports["root"].status("plain", check) == "not-applicable"
        assert reports["bench"].status("mine", check) == "not-applicable"


def test_denials_belong_to_the_container_with_their_categories(machine: Machine) -> None:
    """Also of a process that has ended since."""
    assert not reads(machine, "mounts", "/bare/file")
    process = machine.main_process("mounts")
    level = re.escape(label(machine, process).partition(":s0:")[2])
    lines = machine.run(
        f"journalctl -k -o cat | grep -cE 'avc: +denied.*scontext=[^ ]*:s0:{level} '"
    )
    report = machine.report("check mounts privileged")
    result = report.finding("mounts", "runtime-denials")
    assert result["status"] == "fail"
    assert result["effective"] == f"{lines} denials"
    assert report.status("privileged", "runtime-denials") == "pass"


def test_only_root_is_shown_denials(machine: Machine) -> None:
    result = machine.report("check mine", "bench").finding("mine", "runtime-denials")
    assert result["status"] == "unknown"
    assert "only root" in result["reason"]


def test_a_trial_leaves_out_what_selinux_denies_and_names_the_denial(machine: Machine) -> None:
    """The files that it mounts have no label for containers."""
    asked = "trial reader --check selinux-disabled --check new-privileges-allowed --format json"
    code, said = machine.ends(
        f"cd /opt/hardentui && python3 -m hardentui {asked} 2>/dev/null", seconds=1200.0
    )
    trial = json.loads(said)
    assert (code, trial["result"]) == (0, "works"), said
    assert "new-privileges-allowed" in {change["check"] for change in trial["kept"]}
    (left,) = (each for each in trial["left_out"] if each["check"] == "selinux-disabled")
    assert "SELinux denied it" in f"{left['reason']} {left['evidence']}"
    assert machine.main_process("reader"), "the original was not touched"


# --- what we change -------------------------------------------------------------------------------


def test_a_quadlet_of_ours_keeps_the_labels(machine: Machine) -> None:
    """Podman forgets `:Z` of a running container; without it the new one could not read its own
    files."""
    machine.run("mkdir -p /root/fixed")
    fixes = "--check new-privileges-allowed --check writable-rootfs"
    machine.hardentui(f"fix mounts {fixes} --to quadlet -o /root/fixed")
    machine.run(
        f"podman rm -f -t 0 mounts && cp /root/fixed/* {QUADLETS}/ && systemctl daemon-reload"
    )
    machine.run("systemctl start mounts")
    process = machine.main_process("mounts")
    real = label(machine, process)
    assert real.split(":")[2] == "container_t", "no-new-privileges has to leave the domain as it is"
    assert status_line(machine, process, "NoNewPrivs") == "1"
    assert root_mount(machine, process).startswith("ro")
    assert categories(file_label(machine, "/srv/own/file")) == categories(real)
    assert reads(machine, "mounts", "/own/file")
    assert reads(machine, "mounts", "/shared/file")
    assert not reads(machine, "mounts", "/bare/file")


def test_selinux_is_switched_on_again_by_the_fix(machine: Machine) -> None:
    machine.run("rm -rf /root/fixed && mkdir /root/fixed")
    machine.hardentui("fix disabled --check selinux-disabled --to run -o /root/fixed")
    machine.run("podman rm -f -t 0 disabled && sh /root/fixed/disabled.sh")
    result = machine.report("check disabled --check selinux-disabled").finding(
        "disabled", "selinux-disabled"
    )
    assert result["status"] == "pass"
    assert ":container_t:" in label(machine, machine.main_process("disabled"))
    assert not reads(machine, "disabled", "/bare/file"), "which is what the fix warns of"


def test_the_host_enforces(machine: Machine) -> None:
    def found() -> tuple[str, str]:
        finding = machine.report("check host").finding("bench", "selinux-not-enforcing")
        return finding["status"], finding.get("reason", "")

    assert machine.run("getenforce") == "Enforcing"
    assert found()[0] == "pass"
    assert re.search(r"ok +SELinux: enforcing", machine.hardentui("doctor"))
    machine.run("setenforce 0")
    try:
        assert found() == ("fail", "SELinux is permissive now")
    finally:
        machine.run("setenforce 1")
    machine.run("sed -i 's/^SELINUX=.*/SELINUX=permissive/' /etc/selinux/config")
    assert found() == ("fail", "SELinux enforces now, but will be permissive after the next boot")
