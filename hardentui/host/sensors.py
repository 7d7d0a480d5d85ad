"""Runtime sensors of the host, and the rules of its audit log."""

from __future__ import annotations

from hardentui.host.commands import Run
from hardentui.host.files import Files, names, text, there
from hardentui.host.process import HostProcess, sees_everybody
from hardentui.model.known import Unread, need

_INSTALLED = {
    "falco": ("/usr/bin/falco",),
    "tetragon": ("/usr/local/bin/tetragon", "/usr/bin/tetragon"),
    "tracee": ("/usr/bin/tracee", "/usr/local/bin/tracee"),
    "auditd": ("/usr/sbin/auditd", "/sbin/auditd"),
}
_PROCESSES = {
    "falco": "falco",
    "tetragon": "tetragon",
    "tracee": "tracee",
    "tracee-ebpf": "tracee",
    "auditd": "auditd",
    "osqueryd": "osquery",
    "sysdig": "sysdig",
    "falcon-sensor": "CrowdStrike Falcon",
    "wazuh-syscheckd": "wazuh",
    "kubearmor": "KubeArmor",
    "elastic-endpoint": "Elastic Endpoint",
}
_AUDITCTL = ("/usr/sbin/auditctl", "/sbin/auditctl")
_AUDITCTL_SECONDS = 5.0


def read_detectors(files: Files) -> tuple[str, ...]:
    return tuple(
        name for name, paths in _INSTALLED.items() if any(there(files, path) for path in paths)
    )


def read_running_sensors(processes: tuple[HostProcess, ...]) -> tuple[str, ...]:
    """Running runtime sensors, also in a container; raises Unread if none is seen but some may be
    hidden."""
    running = {
        _PROCESSES[process.program] for process in processes if process.program in _PROCESSES
    }
    if not running and not sees_everybody(processes):
        raise Unread("not all processes of the host are visible")
    return tuple(sorted(running))


def read_audit_rules(files: Files) -> tuple[str, ...]:
    """The audit rules that auditd loads at boot."""
    rules: list[str] = []
    inside = names(files, "/etc/audit/rules.d")
    for path in (
        *(f"/etc/audit/rules.d/{name}" for name in inside),
        "/etc/audit/audit.rules",
    ):
        content = text(files, path)
        if isinstance(content, str) and path.endswith(".rules"):
            rules += [line.strip() for line in content.splitlines() if line.strip().startswith("-")]
    return tuple(dict.fromkeys(rules))


def read_loaded_audit_rules(
    files: Files,
    run: Run,
    *,
    root: bool,
) -> tuple[str, ...]:
    """The kernel's current audit rules. Without auditctl nothing on this host could have loaded
    one."""
    if not any(there(files, path) for path in _AUDITCTL):
        return ()
    if not root:
        raise Unread("only root can read the kernel's audit rules")
    answer = need(run(("auditctl", "-l"), _AUDITCTL_SECONDS))
    return tuple(line.strip() for line in answer.splitlines() if line.strip().startswith("-"))
