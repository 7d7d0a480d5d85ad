"""Programs of the host that monitor all containers: whether they are installed, and how to add them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardentui.host.files.reader import Files, there
from hardentui.host.process.capabilities import read_process_table, sees_everybody
from hardentui.model.host import HostFacts
from hardentui.model.known import Known, Unread, known
from hardentui.model.monitoring import Sensor

_FALCO_KEY = "/usr/share/keyrings/falco-archive-keyring.gpg"
_FALCO_DEB = (
    "curl -fsSL https://falco.org/repo/falcosecurity-packages.asc | sudo gpg --dearmor -o " + _FALCO_KEY,
    f"echo 'deb [signed-by={_FALCO_KEY}] https://download.falco.org/packages/deb stable main'"
    " | sudo tee /etc/apt/sources.list.d/falcosecurity.list",
    "sudo apt-get update && sudo apt-get install falco",
)
_FALCO_RPM = (
    "sudo rpm --import https://falco.org/repo/falcosecurity-packages.asc",
    "sudo curl -fsSL -o /etc/yum.repos.d/falcosecurity.repo https://falco.org/repo/falcosecurity-rpm.repo",
    "sudo dnf install falco",
)
_TRACEE = (
    "sudo podman run -d --name tracee --privileged --pid=host --cgroupns=host"
    " -v /etc/os-release:/etc/os-release-host:ro docker.io/aquasec/tracee:latest",
)


class _Kind(Struct, frozen=True):
    name: str
    sees: str
    mind: str
    add: Mapping[str, tuple[str, ...]]
    service: str = ""


_KINDS = (
    _Kind(
        "falco",
        "rule violations in system calls of all containers: shells, writes to /etc, outgoing connections",
        "It loads a program into the kernel (eBPF) and needs kernel 5.8 or later for the modern probe.",
        {"deb": _FALCO_DEB, "rpm": _FALCO_RPM},
        "falco-modern-bpf",
    ),
    _Kind(
        "tracee",
        "system calls and signs of attacks through eBPF, with evidence",
        "It runs as a privileged container; pin its image by digest.",
        {"deb": _TRACEE, "rpm": _TRACEE, "zypper": _TRACEE},
    ),
    _Kind(
        "auditd",
        "changes to files and programs listed in its rules, denials by SELinux, AppArmor and seccomp",
        "HardenTUI reads denials from its log. The check unaudited-engine has rules to begin with.",
        {
            "deb": ("sudo apt-get install auditd",),
            "rpm": ("sudo dnf install audit",),
            "zypper": ("sudo zypper install audit",),
        },
        "auditd",
    ),
    _Kind(
        "fapolicyd",
        "started programs that the package manager does not know; it blocks them",
        "It can block programs in containers; start with permissive = 1 in /etc/fapolicyd/fapolicyd.conf.",
        {"deb": ("sudo apt-get install fapolicyd",), "rpm": ("sudo dnf install fapolicyd",)},
        "fapolicyd",
    ),
)
_FAPOLICYD = ("/usr/sbin/fapolicyd", "/sbin/fapolicyd")


def sensors(host: Known[HostFacts], files: Files) -> tuple[Sensor, ...]:
    """The sensors of this host, always in the same order."""
    if isinstance(host, Unread):
        return tuple(Sensor(kind.name, kind.sees, None, None, (), host.reason) for kind in _KINDS)
    family = _family(host)
    return tuple(_sensor(kind, host, files, family) for kind in _KINDS)


def _sensor(kind: _Kind, host: HostFacts, files: Files, family: str) -> Sensor:
    if kind.name == "fapolicyd":
        installed: bool | None = any(there(files, path) for path in _FAPOLICYD)
        table = known(read_process_table, files)
        running: bool | None = None
        if not isinstance(table, Unread):
            running = any(process.program == "fapolicyd" for process in table) or (
                False if sees_everybody(table) else None
            )
    else:
        installed = known(lambda: kind.name in host.detectors, else_=None)
        running = known(lambda: kind.name in host.running_sensors, else_=None)
    if running:
        return Sensor(kind.name, kind.sees, True, True)
    start = (f"sudo systemctl enable --now {kind.service}",) if kind.service else ()
    add = () if installed else kind.add.get(family, ())
    mind = kind.mind
    if not installed and not add:
        mind = f"HardenTUI knows no package for this distribution. {mind}"
    return Sensor(kind.name, kind.sees, installed, running, (*add, *start) if installed or add else (), mind)


def _family(host: HostFacts) -> str:
    words = f"{host.os_release.get('ID', '')} {host.os_release.get('ID_LIKE', '')}".split()
    if any(word in words for word in ("debian", "ubuntu")):
        return "deb"
    if any(word in words for word in ("suse", "sles", "opensuse")):
        return "zypper"
    return "rpm" if any(word in words for word in ("fedora", "rhel", "centos")) else ""
