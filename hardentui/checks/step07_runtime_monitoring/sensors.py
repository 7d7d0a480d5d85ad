"""What watches the host at run time."""

from __future__ import annotations

import re

from hardentui.checks.prelude import *
from hardentui.reading.host_words import to_install


@Check(
    gives=Gain.PERSISTENCE.after(1),  # a layer of watching more
    summary="Install and start a runtime sensor, or give auditd rules of its own",
    risk=Risk.SAFE,
    passes=lambda: (
        HostFacts(
            detectors=("falco",),
            running_sensors=("falco",),
        ),
        HostFacts(
            detectors=(),
            running_sensors=("tetragon",),
        ),
        HostFacts(
            detectors=("auditd",),
            running_sensors=("auditd",),
            audit_loaded=("-w /etc/containers -p wa -k containers",),
        ),
    ),
    fails=lambda: (
        HostFacts(detectors=(), running_sensors=()),
        HostFacts(
            detectors=("falco",),
            running_sensors=(),
        ),
        HostFacts(
            detectors=("auditd",),
            running_sensors=("auditd",),
            audit_rules=("-D", "-b 8192", "# -w /etc/passwd"),
        ),
    ),
    references=("NIST SP 800-190 4.4.4", "OWASP Docker rule 6"),
)
def no_runtime_sensor(facts: HostFacts) -> Verdict:
    """No runtime threat detection.

    What it checks:
    Whether a program is running that sees what processes do and can raise an alarm: Falco,
    Tetragon, Tracee, osquery, KubeArmor and others, on the host or in a container, or auditd with
    rules loaded in the kernel. One that is installed but not running sees nothing.

    Why it matters:
    Everything else in this list makes an attack harder. This one tells you that it is happening: a
    shell in a web server, a program that was not in the image, a connection to an address that the
    service never calls. Without a sensor, the first sign is often a letter from someone else.

    What may break:
    A sensor costs CPU time and sees everything on the host, so it is a target itself: keep it up to
    date. Rules that cry wolf are turned off after a week; start with a few.
    """
    installed, running = facts.detectors, known(lambda: facts.running_sensors)
    if isinstance(running, Unread):
        if installed:
            return unknown(
                f"{', '.join(installed)} is installed; whether it runs is not known: {running.reason}"
            )
        running = ()
    sensors = [name for name in running if name != "auditd"]
    if sensors:
        return passed(
            ", ".join(sensors), evidence=(Evidence("processes", f"{', '.join(sensors)} running"),)
        )
    if "auditd" in running:
        return _auditd(facts)
    if installed:
        return failed(
            f"{', '.join(installed)} is installed but not running",
            ", ".join(installed),
            "not running",
            commands=tuple(f"systemctl enable --now {name}" for name in installed),
        )
    return failed(
        "no runtime sensor is installed", "none", commands=(to_install(facts.os_release, "auditd"),)
    )


def _auditd(facts: HostFacts) -> Verdict:
    loaded = known(lambda: facts.audit_loaded, else_=None)
    loaded = facts.audit_rules if loaded is None else loaded
    rules = [rule for rule in loaded if rule.strip().startswith(("-w ", "-a "))]
    evidence = (
        Evidence(
            "audit rules",
            f"{plural(len(rules), 'rule')} that record something",
        ),
    )
    if rules:
        return passed("auditd with rules", "running", evidence)
    return failed(
        "auditd is running, but no rule records anything",
        "auditd",
        "running",
        evidence,
    )


_PATHS = tuple(
    "/usr/bin/podman /usr/bin/conmon /usr/bin/crun|/usr/bin/runc|/usr/sbin/runc /etc/containers "
    "/etc/containers/systemd /run/podman /var/lib/containers".split()
)
_WATCH = r"(?:^|\s)(?:-w\s+|-F\s*path=|-F\s*dir=)(\S+)"

_SOME = ("-w /etc/passwd -p wa -k identity", "# -w /usr/bin/podman -p x")

_ALL = tuple(f"-w {path.partition('|')[0]} -p wa -k containers" for path in _PATHS)


@Check(
    gives=Gain.PERSISTENCE.after(0, Origin.ACCOUNT),  # traces of who changed what are missing
    summary="Watch the engine's programs, socket and directories with audit rules",
    risk=Risk.SAFE,
    parameters={"paths": _PATHS},
    passes=lambda: (
        HostFacts(
            audit_rules=_ALL,
            audit_loaded=_ALL,
        ),
        HostFacts(
            audit_rules=_ALL,
            running_sensors=("auditd",),
        ),
    ),
    fails=lambda: (
        HostFacts(audit_rules=(), audit_loaded=()),
        HostFacts(
            audit_rules=_SOME,
            audit_loaded=_SOME,
        ),
        HostFacts(
            audit_rules=_ALL,
            audit_loaded=_ALL[:-1],
        ),
        HostFacts(audit_rules=_ALL, audit_loaded=()),
        HostFacts(
            audit_rules=_ALL,
            running_sensors=(),
        ),
    ),
    references=("CIS Docker 1.6 1.1.3-1.1.18", "NIST SP 800-190 4.5.4"),
)
def unaudited_engine(
    facts: HostFacts,
    parameters: Parameters,
) -> Verdict:
    """Engine changes not audited.

    What it checks:
    Whether the host's audit rules watch the engine: its program, the OCI runtime and conmon, its
    API socket, its configuration and Quadlet directories, and its storage. The rules in the kernel
    decide; if it does not reveal them, the files that auditd loads at boot count, as long as auditd
    is running. The parameter `paths` holds the list; a watch on a parent directory counts.

    Why it matters:
    Whoever changes `/etc/containers` or a Quadlet file decides what runs as root after the next
    restart. The kernel writes the audit log, it names the login behind a `sudo`, and it is the one
    place that an intruder with root in a container cannot edit. Without watches, the change itself
    leaves no trace.

    What may break:
    Nothing stops working, but a watch on a busy directory logs a lot: watch the storage directory
    only for attribute changes, and keep an eye on the size of the log. auditd must be installed and
    running.
    """
    loaded = known(lambda: facts.audit_loaded)
    wanted = parameters.texts("paths")
    if isinstance(loaded, Unread):
        return _by_files(facts, wanted, loaded)
    missing = _missing(loaded, wanted)
    if not missing:
        return passed(_counted(loaded), "in force")
    on_disk = known(lambda: facts.audit_rules)
    if not isinstance(on_disk, Unread) and not _missing(on_disk, wanted):
        return _idle(facts, on_disk)
    return _failed(missing, loaded, "auditctl -l")


def _by_files(
    facts: HostFacts,
    wanted: tuple[str, ...],
    why: Unread,
) -> Verdict:
    """Without the kernel's rules, those that auditd loads count while it is running."""
    on_disk = facts.audit_rules
    if missing := _missing(on_disk, wanted):
        return _failed(missing, on_disk, "/etc/audit/rules.d")
    sensors = known(lambda: facts.running_sensors)
    if isinstance(sensors, Unread):
        return unknown(
            f"rules are on disk, but whether they are in force is not known: {why.reason}"
        )
    if "auditd" not in sensors:
        return _idle(facts, on_disk)
    return passed(
        _counted(on_disk), reason="auditd is running; the rules in the kernel were not read"
    )


def _missing(
    rules: tuple[str, ...],
    wanted: tuple[str, ...],
) -> list[str]:
    watched = {path for rule in rules for path in _watched(rule)}
    return [paths for paths in wanted if not _covered(paths, watched)]


def _counted(rules: tuple[str, ...]) -> str:
    return plural(
        len({path for rule in rules for path in _watched(rule)}),
        "watch",
        "watches",
    )


def _failed(
    missing: list[str],
    rules: tuple[str, ...],
    where: str,
) -> Verdict:
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


def _idle(facts: HostFacts, rules: tuple[str, ...]) -> Verdict:
    return failed(
        "rules are on disk but not in force: auditd is not installed or not running",
        _counted(rules),
        "not in force",
        (Evidence("/etc/audit/rules.d", plural(len(rules), "rule")),),
        commands=(
            to_install(facts.os_release, "auditd"),
            "systemctl enable --now auditd && augenrules --load",
        ),
    )


def _watched(rule: str) -> list[str]:
    text = rule.strip()
    return (
        []
        if text.startswith("#")
        else [path.rstrip("/") or "/" for path in re.findall(_WATCH, text)]
    )


def _covered(paths: str, watched: set[str]) -> bool:
    """Whether one of the alternatives `a|b` is watched, or is in a watched directory."""
    return any(
        path == watch or path.startswith(f"{watch.rstrip('/')}/")
        for path in paths.split("|")
        for watch in watched
    )
