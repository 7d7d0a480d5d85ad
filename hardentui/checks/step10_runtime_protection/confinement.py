"""Denials and AppArmor modes at run time."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.facts import Denial
from hardentui.reading.confinement import need_apparmor, unconfined_by_apparmor


@Check(
    gives=Gain.HOST.after(2),  # a layer only logs
    points=2,
    summary="Set the AppArmor profile to enforce mode",
    fix=FixKind.HOST_FILE,
    passes=lambda: (
        _labelled("containers-default-0.62.2 (enforce)"),
        _labelled("containers-default-0.62.2//&crun (mixed)"),
        container(
            kernel=Kernel(7, lsm_label="web (complain)"),
            engine=rootless(),
        ),
        _stopped(web="enforce"),
    ),
    fails=lambda: (
        _labelled("web (complain)"),
        _stopped(shop="enforce"),
        _stopped(web="complain"),
        container(
            "--security-opt=apparmor=web",
            kernel=Kernel(7, lsm_label="web (complain)"),
        ),
    ),
    references=("CIS Docker 1.6 5.2", "OWASP Docker rule 6"),
)
def apparmor_complain_mode(facts: ContainerFacts) -> Verdict:
    """AppArmor profile in complain mode.

    What it checks:
    On a host with AppArmor: whether the profile of a rootful container's main process is in
    complain mode. The kernel shows the mode after the profile's name. For a stopped container:
    whether the profile that it names is loaded, and in which mode.

    Why it matters:
    In complain mode everything is allowed, and a line is written to a log that nobody reads. The
    container looks confined in every list, but is not.

    What may break:
    Whatever the profile denies once it is enforced. Read the log of the time in complain mode: each
    line is something that will fail.
    """
    need_apparmor(facts)
    label = ask(facts, lambda kernel: kernel.lsm_label)
    if isinstance(label, NotRunning):
        return _before_it_runs(facts)
    if isinstance(label, Unread):
        return unknown(label)
    if unconfined_by_apparmor(label):
        return not_applicable("no profile (see apparmor-unconfined)")
    declared = f"profile {facts.spec[APPARMOR] or 'of the engine'}"
    evidence = (Evidence(proc(facts, "attr/current"), label),)
    if label.endswith("(complain)"):
        commands = (f"aa-enforce {facts.spec[APPARMOR] or 'PROFILE'}",) if _is_plain(facts) else ()
        return failed(
            "the profile allows everything and only logs", declared, label, evidence, None, commands
        )
    return passed(declared, label, evidence)


def _before_it_runs(facts: ContainerFacts) -> Verdict:
    """From the kernel's list of loaded profiles, if the container names its own profile."""
    name = facts.spec[APPARMOR]
    if name in ("", "unconfined"):
        return not_applicable(
            "the mode of the engine's profile shows only while the container is running"
        )
    loaded = facts.host.security_modules.apparmor_profiles
    if isinstance(loaded, Unread):
        return unknown(loaded, f"profile {name}")
    mode = loaded.get(name)
    evidence = (Evidence("/sys/kernel/security/apparmor/profiles", mode or "not listed"),)
    if mode is None:
        return failed(
            "the profile is not loaded, so the container cannot start with it",
            f"profile {name}",
            evidence=evidence,
        )
    if mode == "complain":
        commands = (f"aa-enforce {name}",) if _is_plain(facts) else ()
        return failed(
            "the profile allows everything and only logs",
            f"profile {name}",
            evidence=evidence,
            commands=commands,
        )
    return passed(f"profile {name}", evidence=evidence)


def _is_plain(facts: ContainerFacts) -> bool:
    """Whether the name can be pasted into a shell."""
    return all(c.isascii() and (c.isalnum() or c in "._-") for c in facts.spec[APPARMOR])


def _stopped(**profiles: str) -> ContainerFacts:
    modules = SecurityModules(
        apparmor=True,
        apparmor_profiles=profiles,
    )
    return container(
        "--security-opt=apparmor=web",
        host=HostFacts(security_modules=modules),
    )


def _labelled(label: str) -> ContainerFacts:
    return container(kernel=Kernel(7, lsm_label=label))


_TO_SEE = {
    "apparmor": "journalctl -k -g 'apparmor=\"DENIED\"' --since -1d",
    "selinux": "journalctl -k -g 'avc: *denied' --since -1d   # with auditd: ausearch -m AVC",
    "seccomp": "journalctl -k -g type=1326 --since -1d   # with auditd: ausearch -m SECCOMP",
}


@Check(
    gives=Gain.ENTRY.after(2),  # something tries what it may not, or a profile is wrong
    summary="Find out whether it was an attack or a profile that is too tight",
    risk=Risk.SAFE,
    passes=lambda: (container(denials=()),),
    fails=lambda: (
        container(denials=(Denial("seccomp", "syscall=keyctl comm=x"),)),
        container(denials=(Denial("apparmor", 'operation="open" name="/proc/kcore"'),) * 9),
        container(denials=(Denial("selinux", "{ read } file shadow, by cat"),)),
    ),
    references=("seccomp(2) SECCOMP_RET_ERRNO",),
)
def runtime_denials(facts: ContainerFacts) -> Verdict:
    """Recent kernel denials.

    What it checks:
    Audit log entries that seccomp, SELinux or AppArmor wrote when they denied this container
    something in the last 24 hours.

    Why it matters:
    Every such entry means one of two things. Either an intruder tried something that the service
    never does, and the barrier held this time: then it is the first and often only sign of them. Or
    the profile is too tight, and some part of the service has been broken unnoticed.

    What may break:
    Looking breaks nothing. Relax a profile only when you know what the denied action was for.
    """
    read = known(lambda: facts.denials)
    if isinstance(read, Unread) and facts.inspect and not facts.running:
        return not_applicable("it does not run, so nothing is denied to it")
    denials = need(read)
    if not denials:
        return passed(effective="no denials")
    by = listed(frozenset(denial.by for denial in denials))
    evidence = tuple(
        Evidence(f"audit log, {denial.by}", visible(denial.what, 200)) for denial in denials[:5]
    )
    return failed(
        f"{plural(len(denials), 'action was', 'actions were')} denied by {by}",
        effective=plural(len(denials), "denial"),
        evidence=evidence,
        commands=tuple(_TO_SEE[by] for by in _TO_SEE if any(by == item.by for item in denials)),
    )
