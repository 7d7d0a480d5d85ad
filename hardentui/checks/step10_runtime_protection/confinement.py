"""Profiles that confine a container: what they refuse, allow and log."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.lib.seccomp import LETS_THROUGH, OpenCalls, dangerous_calls, parse_profile
from hardentui.model.facts import Denial
from hardentui.reading.confinement import (
    RAW_FILTER,
    FilterRules,
    capabilities_held,
    filter_rules,
    good_but_not_seen,
    parsed,
    unconfined_by_apparmor,
    without_apparmor,
)


def apparmor_complain_mode(facts: ContainerFacts) -> Verdict:
    """AppArmor profile in complain mode.

    What it checks:
    On a host with AppArmor: whether the profile of a rootful container's main process is in complain mode.
    The kernel shows the mode after the profile's name. For a stopped container: whether the profile that it
    names is loaded, and in which mode.

    Why it matters:
    In complain mode everything is allowed, and a line is written to a log that nobody reads. The container
    looks confined in every list, but is not.

    What may break:
    Whatever the profile denies once it is enforced. Read the log of the time in complain mode: each line is
    something that will fail.
    """
    without = without_apparmor(facts)
    if without:
        return without
    label = ask(facts, lambda kernel: kernel.lsm_label)
    if isinstance(label, NotRunning):
        return _before_it_runs(facts)
    if isinstance(label, Unread):
        return unknown(label.reason)
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
        return not_applicable("the mode of the engine's profile shows only while the container is running")
    loaded = facts.host.security_modules.apparmor_profiles
    if isinstance(loaded, Unread):
        return unknown(loaded.reason, f"profile {name}")
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
    modules = SecurityModules(apparmor=True, apparmor_profiles=profiles)
    return container("--security-opt=apparmor=web", host=HostFacts(security_modules=modules))


def _labelled(label: str) -> ContainerFacts:
    return container(kernel=Kernel(7, lsm_label=label))


APPARMOR_COMPLAIN_MODE = Check(
    severity=Severity.MEDIUM,  # a layer only logs
    points=2,
    summary="Set the AppArmor profile to enforce mode",
    fix=FixKind.HOST_FILE,
    evaluate=apparmor_complain_mode,
    passes=lambda: (
        _labelled("containers-default-0.62.2 (enforce)"),
        _labelled("containers-default-0.62.2//&crun (mixed)"),
        container(kernel=Kernel(7, lsm_label="web (complain)"), engine=rootless()),
        _stopped(web="enforce"),
    ),
    fails=lambda: (
        _labelled("web (complain)"),
        _stopped(shop="enforce"),
        _stopped(web="complain"),
        container("--security-opt=apparmor=web", kernel=Kernel(7, lsm_label="web (complain)")),
    ),
    references=("CIS Docker 1.6 5.2", "OWASP Docker rule 6"),
)


def runtime_denials(facts: ContainerFacts) -> Verdict:
    """Recent kernel denials.

    What it checks:
    Audit log entries that seccomp, SELinux or AppArmor wrote when they denied this container something in the
    last 24 hours.

    Why it matters:
    Every such entry means one of two things. Either an intruder tried something that the service never does,
    and the barrier held this time: then it is the first and often only sign of them. Or the profile is too
    tight, and some part of the service has been broken unnoticed.

    What may break:
    Looking breaks nothing. Relax a profile only when you know what the denied action was for.
    """
    denials = facts.denials
    if not denials:
        return passed(effective="no denials")
    by = listed(frozenset(denial.by for denial in denials))
    evidence = tuple(Evidence(f"audit log, {denial.by}", visible(denial.what, 200)) for denial in denials[:5])
    return failed(
        f"{plural(len(denials), 'action was', 'actions were')} denied by {by}",
        effective=plural(len(denials), "denial"),
        evidence=evidence,
        commands=("ausearch -m AVC,SECCOMP -ts today", "journalctl -k -g 'apparmor=\"DENIED\"' --since -1d"),
    )


RUNTIME_DENIALS = Check(
    severity=Severity.MEDIUM,  # something tries what it may not, or a profile is wrong
    summary="Find out whether it was an attack or a profile that is too tight",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=runtime_denials,
    passes=lambda: (container(denials=()),),
    fails=lambda: (
        container(denials=(Denial("seccomp", "syscall=keyctl comm=x"),)),
        container(denials=(Denial("apparmor", 'operation="open" name="/proc/kcore"'),) * 9),
    ),
    references=("NIST SP 800-190 4.4.4",),
)


# What a seccomp profile allows.


def weak_seccomp_profile(facts: ContainerFacts) -> Verdict:
    """Seccomp profile allows dangerous system calls.

    What it checks:
    The filter that the runtime really installed, according to its configuration (config.json): the engine's
    profile, one named with `seccomp=FILE` or through the API, or one brought by the image
    (`--seccomp-policy=image`). It is bad if it allows calls that Podman's own profile denies to a container
    with the same capabilities: bpf, perf_event_open, userfaultfd, io_uring, open_by_handle_at, keyrings,
    loading modules and kernels. Rules are read as the kernel does: conditions that are always true, later
    rules, several conditions on one argument. A profile file that has changed since is judged too, because
    the next container is created from it. With a compiled filter in the annotation
    `run.oci.seccomp_bpf_data` it is unknown.

    Why it matters:
    A custom profile looks like extra care. Copied from an old example, or recorded with "allow everything"
    and never finished, it is worse than none: the default profile would have denied the very calls that
    exploits are made of.

    What may break:
    The fix returns to the engine's default profile. Whatever else the service needed is then denied, with
    "operation not permitted" and an entry in the audit log. A profile recorded for the service is better
    still.
    """
    seccomp = filter_rules(facts)
    if isinstance(seccomp, Verdict):
        return seccomp
    judged = _judged(seccomp, capabilities_held(facts))
    if judged is not None:
        return judged
    if not seccomp.in_force:
        return good_but_not_seen(seccomp.declared)
    return _next_time(facts, seccomp.declared, seccomp.source)


def _judged(seccomp: FilterRules, held: frozenset[str]) -> Verdict | None:
    """The verdict on a filter that is weak; None for a good one."""
    rules = seccomp.rules
    open_calls = dangerous_calls(rules, held)
    if not open_calls:
        return None
    names = frozenset(name for group in open_calls for name in group.calls)
    evidence = tuple(Evidence(seccomp.source, _words(group)) for group in open_calls)
    what, effective = listed(names), f"allows {listed(names)}"
    if rules.default in LETS_THROUGH:
        what, effective = "everything that the profile does not list", f"defaultAction {rules.default}"
    return failed(f"the filter allows {what}", seccomp.declared, effective, evidence)


def _words(group: OpenCalls) -> str:
    return f"{group.gives}: {', '.join(group.calls)}"


def _next_time(facts: ContainerFacts, declared: str, source: str) -> Verdict:
    """For a good filter in force: the file that it came from may have changed since."""
    rules = known(lambda: facts.seccomp_rules)
    good = passed(declared, "denies what Podman's own profile denies", (Evidence(source, "checked"),))
    if facts.spec[SECCOMP_PROFILE] in ("", "unconfined") or isinstance(rules, Unread):
        return good
    now = parsed(rules, facts.spec[SECCOMP_PROFILE], capabilities_held(facts))
    if isinstance(now, Unread) or not isinstance(now.filter, SeccompProfile):
        return good
    next_rules = FilterRules(now.filter, declared, now.source, in_force=False)
    weak = _judged(next_rules, capabilities_held(facts))
    if weak is None:
        return good
    reason = f"the file has changed since the container was created: {weak.reason} once it is recreated"
    return failed(reason, declared, "the filter in force is good", weak.evidence)


def _fix_weak_seccomp_profile(spec: Spec, context: FixContext) -> Spec:
    if spec[SECCOMP_PROFILE] == "unconfined":
        return spec
    kept = tuple(word for word in spec[ANNOTATIONS] if word.partition("=")[0] != RAW_FILTER)
    fixed = spec.without(SECCOMP_PROFILE, SECCOMP_POLICY).with_(ANNOTATIONS, kept)
    if fixed == spec and weak_seccomp_profile(context.facts).status is Status.FAIL:
        raise CannotFix(
            "the engine's own profile is weak",
            "Reinstall the profile of the package, or set a better one in containers.conf.",
        )
    return fixed


def _profile(default: str, *syscalls: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"defaultAction": default, "syscalls": list(syscalls)}


def _runs(profile: Mapping[str, Any]) -> RuntimeConfig:
    return RuntimeConfig(seccomp=parse_profile(profile))


_READ = {"names": ["read"], "action": "SCMP_ACT_ALLOW"}
_BPF = {"names": ["read", "bpf"], "action": "SCMP_ACT_ALLOW"}
_CONDITIONAL = {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}}
_ALWAYS_TRUE = {**_BPF, "args": [{"index": 0, "op": "SCMP_CMP_GE", "value": 0}]}
_NEWER = {"names": ["read", "fanotify_init"], "action": "SCMP_ACT_ALLOW"}
_TIGHT = _runs(_profile("SCMP_ACT_ERRNO", _READ))
_HOLDS_BPF = Kernel(7, capabilities=CapabilitySets(bounding=frozenset({"CAP_BPF"})))

WEAK_SECCOMP_PROFILE = Check(
    severity=Severity.MEDIUM,  # the filter allows calls that most kernel exploits need
    points=3,
    summary="Return to the engine's default profile",
    evaluate=weak_seccomp_profile,
    remediate=_fix_weak_seccomp_profile,
    passes=lambda: (
        "",
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_rules=_profile("SCMP_ACT_ERRNO", _CONDITIONAL),
        ),
        container("--security-opt=seccomp=/etc/containers/seccomp/web.json", runtime=_TIGHT),
        container(runtime=_runs(_profile("SCMP_ACT_ERRNO", _NEWER)), kernel=Kernel(7)),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            runtime=_runs(_profile("SCMP_ACT_ERRNO", _BPF)),
            kernel=_HOLDS_BPF,
        ),
    ),
    fails=lambda: (
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_rules=_profile("SCMP_ACT_ALLOW"),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json", seccomp_rules=_profile("SCMP_ACT_LOG")
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_rules=_profile("SCMP_ACT_ERRNO", _BPF),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            runtime=_runs(_profile("SCMP_ACT_ERRNO", _ALWAYS_TRUE)),
            kernel=Kernel(7),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            runtime=_TIGHT,
            seccomp_rules=_profile("SCMP_ACT_ALLOW"),
            kernel=Kernel(7),
        ),
        container("--seccomp-policy=image", runtime=_runs(_profile("SCMP_ACT_ALLOW")), kernel=Kernel(7)),
    ),
    references=("CIS Docker 1.6 5.22", "NIST SP 800-190 4.4.4"),
)
