"""Nobody records who changes the engine.

What it checks:
Whether the audit rules of the host watch the engine: its program, the OCI runtime and conmon, its API
socket, its configuration and Quadlet folders, and its storage. The rules that auditd loads at boot are
read. The parameter `paths` holds the list; a watch on a folder above counts.

Why it matters:
Who changes `/etc/containers` or a Quadlet file decides what runs as root after the next restart. The audit
log is written by the kernel, names the login behind a `sudo`, and is the one place that an intruder who is
root in a container cannot edit. Without watches, the change itself leaves no trace.

What may break:
Nothing stops working, but a watch on a busy folder writes many lines: watch the storage folder for changes
of attributes only, and keep an eye on the size of the log. auditd must be installed and running.
"""

from __future__ import annotations

import re

from hardentui.model.check import Check, Parameters
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.host import HostFacts
from hardentui.model.known import Unreadable
from hardentui.words import plural

_PATHS = (
    "/usr/bin/podman",
    "/usr/bin/conmon",
    "/usr/bin/crun|/usr/bin/runc|/usr/sbin/runc",
    "/etc/containers",
    "/etc/containers/systemd",
    "/run/podman",
    "/var/lib/containers",
)
_WATCH = re.compile(r"(?:^|\s)(?:-w\s+|-F\s*path=|-F\s*dir=)(\S+)")


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    if isinstance(facts.audit_rules, Unreadable):
        return unknown(f"the audit rules could not be read: {facts.audit_rules.reason}")
    watched = {path for rule in facts.audit_rules for path in _watched(rule)}
    missing = [paths for paths in parameters.texts("paths") if not _covered(paths, watched)]
    declared = plural(len(watched), "watch", "watches")
    if not missing:
        return passed(declared)
    first = [paths.partition("|")[0] for paths in missing]
    return failed(
        f"nothing watches {', '.join(first)}",
        declared,
        evidence=(Evidence("/etc/audit/rules.d", plural(len(facts.audit_rules), "rule")),),
        commands=(
            "# /etc/audit/rules.d/50-containers.rules",
            *(f"-w {path} -p wa -k containers" for path in first),
            "augenrules --load",
        ),
    )


def _watched(rule: str) -> list[str]:
    text = rule.strip()
    return [] if text.startswith("#") else [path.rstrip("/") or "/" for path in _WATCH.findall(text)]


def _covered(paths: str, watched: set[str]) -> bool:
    """One of the alternatives `a|b` is watched itself, or is in a watched folder."""
    return any(
        path == watch or path.startswith(f"{watch.rstrip('/')}/")
        for path in paths.split("|")
        for watch in watched
    )


_SOME = ("-w /etc/passwd -p wa -k identity", "# -w /usr/bin/podman -p x")
_ALL = tuple(f"-w {path.partition('|')[0]} -p wa -k containers" for path in _PATHS)

CHECK = Check(
    id="unaudited-engine",
    title="Nobody records who changes the engine",
    step=7,
    severity=Severity.MEDIUM,
    kind=Kind.HOST,
    doc=__doc__ or "",
    summary="Watch the engine's programs, socket and folders with audit rules",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    parameters={"paths": _PATHS},
    passes=lambda: (HostFacts(audit_rules=_ALL),),
    fails=lambda: (HostFacts(audit_rules=()), HostFacts(audit_rules=_SOME), HostFacts(audit_rules=_ALL[:-1])),
    references=("CIS Docker 1.6 1.1.3-1.1.18", "NIST SP 800-190 4.5.4"),
    catalogue="S7-05",
)
