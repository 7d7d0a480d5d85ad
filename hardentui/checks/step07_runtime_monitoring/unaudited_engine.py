"""Changes to the engine are not audited.

What it checks:
Whether the host's audit rules watch the engine: its program, the OCI runtime and conmon, its API socket, its
configuration and Quadlet directories, and its storage. The rules in the kernel decide; if it does not reveal
them, the files that auditd loads at boot count, as long as auditd is running. The parameter `paths` holds the
list; a watch on a parent directory counts.

Why it matters:
Whoever changes `/etc/containers` or a Quadlet file decides what runs as root after the next restart. The
kernel writes the audit log, it names the login behind a `sudo`, and it is the one place that an intruder with
root in a container cannot edit. Without watches, the change itself leaves no trace.

What may break:
Nothing stops working, but a watch on a busy directory logs a lot: watch the storage directory only for
attribute changes, and keep an eye on the size of the log. auditd must be installed and running.
"""

from __future__ import annotations

import re

from hardentui.checks.prelude import *
from hardentui.model.known import Unread, known

_PATHS = (
    "/usr/bin/podman",
    "/usr/bin/conmon",
    "/usr/bin/crun|/usr/bin/runc|/usr/sbin/runc",
    "/etc/containers",
    "/etc/containers/systemd",
    "/run/podman",
    "/var/lib/containers",
)
_WATCH = r"(?:^|\s)(?:-w\s+|-F\s*path=|-F\s*dir=)(\S+)"


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    loaded = known(lambda: facts.audit_loaded)
    wanted = parameters.texts("paths")
    if isinstance(loaded, Unread):
        return _by_files(facts, wanted, loaded)
    missing = _missing(loaded, wanted)
    if not missing:
        return passed(_counted(loaded), "in force")
    on_disk = known(lambda: facts.audit_rules)
    if not isinstance(on_disk, Unread) and not _missing(on_disk, wanted):
        return _idle(on_disk)
    return _failed(missing, loaded, "auditctl -l")


def _by_files(facts: HostFacts, wanted: tuple[str, ...], why: Unread) -> Verdict:
    """Without the kernel's rules, those that auditd loads count while it is running."""
    on_disk = facts.audit_rules
    if missing := _missing(on_disk, wanted):
        return _failed(missing, on_disk, "/etc/audit/rules.d")
    sensors = known(lambda: facts.running_sensors)
    if isinstance(sensors, Unread):
        return unknown(f"rules are on disk, but whether they are in force is not known: {why.reason}")
    if "auditd" not in sensors:
        return _idle(on_disk)
    return passed(_counted(on_disk), reason="auditd is running; the rules in the kernel were not read")


def _missing(rules: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    watched = {path for rule in rules for path in _watched(rule)}
    return [paths for paths in wanted if not _covered(paths, watched)]


def _counted(rules: tuple[str, ...]) -> str:
    return plural(len({path for rule in rules for path in _watched(rule)}), "watch", "watches")


def _failed(missing: list[str], rules: tuple[str, ...], where: str) -> Verdict:
    first = [paths.partition("|")[0] for paths in missing]
    return failed(
        f"nothing watches {', '.join(first)}",
        _counted(rules),
        evidence=(Evidence(where, plural(len(rules), "rule")),),
        commands=(
            "# /etc/audit/rules.d/50-containers.rules",
            *(f"-w {path} -p wa -k containers" for path in first),
            "augenrules --load",
        ),
    )


def _idle(rules: tuple[str, ...]) -> Verdict:
    return failed(
        "rules are on disk but not in force: auditd is not installed or not running",
        _counted(rules),
        "not in force",
        (Evidence("/etc/audit/rules.d", plural(len(rules), "rule")),),
        commands=("# install auditd, then: systemctl enable --now auditd && augenrules --load",),
    )


def _watched(rule: str) -> list[str]:
    text = rule.strip()
    return [] if text.startswith("#") else [path.rstrip("/") or "/" for path in re.findall(_WATCH, text)]


def _covered(paths: str, watched: set[str]) -> bool:
    """Whether one of the alternatives `a|b` is watched, or is in a watched directory."""
    return any(
        path == watch or path.startswith(f"{watch.rstrip('/')}/")
        for path in paths.split("|")
        for watch in watched
    )


_SOME = ("-w /etc/passwd -p wa -k identity", "# -w /usr/bin/podman -p x")
_ALL = tuple(f"-w {path.partition('|')[0]} -p wa -k containers" for path in _PATHS)

CHECK = Check(
    title="Engine changes not audited",
    severity=Severity.MEDIUM,  # traces of who changed what are missing
    kind=Kind.HOST,
    summary="Watch the engine's programs, socket and directories with audit rules",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    parameters={"paths": _PATHS},
    passes=lambda: (
        HostFacts(audit_rules=_ALL, audit_loaded=_ALL),
        HostFacts(audit_rules=_ALL, running_sensors=("auditd",)),
    ),
    fails=lambda: (
        HostFacts(audit_rules=(), audit_loaded=()),
        HostFacts(audit_rules=_SOME, audit_loaded=_SOME),
        HostFacts(audit_rules=_ALL, audit_loaded=_ALL[:-1]),
        HostFacts(audit_rules=_ALL, audit_loaded=()),
        HostFacts(audit_rules=_ALL, running_sensors=()),
    ),
    references=("CIS Docker 1.6 1.1.3-1.1.18", "NIST SP 800-190 4.5.4"),
    catalogue="S7-05",
)
