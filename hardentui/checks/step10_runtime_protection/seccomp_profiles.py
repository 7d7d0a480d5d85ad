"""What a seccomp profile allows."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.lib.seccomp import (
    LETS_THROUGH,
    OpenCalls,
    SeccompProfile,
    dangerous_calls,
    parse_profile,
)
from hardentui.reading.confinement import (
    RAW_FILTER,
    FilterRules,
    capabilities_held,
    filter_rules,
    good_but_not_seen,
    parsed,
)


def _fix_weak_seccomp_profile(spec: Spec, context: FixContext) -> Spec:
    if spec[SECCOMP_PROFILE] == "unconfined":
        return spec
    kept = tuple(word for word in spec[ANNOTATIONS] if word.partition("=")[0] != RAW_FILTER)
    fixed = spec.without(SECCOMP_PROFILE, SECCOMP_POLICY).with_(ANNOTATIONS, kept)
    if fixed == spec and weak_seccomp_profile.verdict(context.facts).status is Status.FAIL:
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

_CONDITIONAL = {
    "names": ["bpf"],
    "action": "SCMP_ACT_ALLOW",
    "includes": {"caps": ["CAP_BPF"]},
}

_ALWAYS_TRUE = {
    **_BPF,
    "args": [{"index": 0, "op": "SCMP_CMP_GE", "value": 0}],
}

_NEWER = {
    "names": ["read", "fanotify_init"],
    "action": "SCMP_ACT_ALLOW",
}

_TIGHT = _runs(_profile("SCMP_ACT_ERRNO", _READ))

_HOLDS_BPF = Kernel(7, capabilities=CapabilitySets(bounding=frozenset({"CAP_BPF"})))


@Check(
    gives=Gain.HOST.after(2),  # the filter allows calls that most kernel exploits need
    points=3,
    summary="Return to the engine's default profile",
    remediate=_fix_weak_seccomp_profile,
    passes=lambda: (
        "",
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_rules=_profile("SCMP_ACT_ERRNO", _CONDITIONAL),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            runtime=_TIGHT,
        ),
        container(
            runtime=_runs(_profile("SCMP_ACT_ERRNO", _NEWER)),
            kernel=Kernel(7),
        ),
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
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_rules=_profile("SCMP_ACT_LOG"),
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
        container(
            "--seccomp-policy=image", runtime=_runs(_profile("SCMP_ACT_ALLOW")), kernel=Kernel(7)
        ),
    ),
    references=("NIST SP 800-190 4.4.4",),
)
def weak_seccomp_profile(facts: ContainerFacts) -> Verdict:
    """Seccomp profile allows dangerous system calls.

    What it checks:
    The filter that the runtime really installed, according to its configuration (config.json): the
    engine's profile, one named with `seccomp=FILE` or through the API, or one brought by the image
    (`--seccomp-policy=image`). It is bad if it allows calls that Podman's own profile denies to a
    container with the same capabilities: bpf, perf_event_open, userfaultfd, io_uring,
    open_by_handle_at, keyrings, loading modules and kernels. Rules are read as the kernel does:
    conditions that are always true, later rules, several conditions on one argument. A profile file
    that has changed since is judged too, because the next container is created from it. With a
    compiled filter in the annotation `run.oci.seccomp_bpf_data` it is unknown.

    Why it matters:
    A custom profile looks like extra care. Copied from an old example, or recorded with "allow
    everything" and never finished, it is worse than none: the default profile would have denied the
    very calls that exploits are made of.

    What may break:
    The fix returns to the engine's default profile. Whatever else the service needed is then
    denied, with "operation not permitted" and an entry in the audit log. A profile recorded for the
    service is better still.
    """
    seccomp = filter_rules(facts)
    judged = _judged(seccomp, capabilities_held(facts))
    if judged is not None:
        return judged
    if not seccomp.in_force:
        return good_but_not_seen(seccomp.declared)
    return _next_time(facts, seccomp.declared, seccomp.source)


def _judged(
    seccomp: FilterRules,
    held: frozenset[str],
) -> Verdict | None:
    """The verdict on a filter that is weak; None for a good one."""
    rules = seccomp.rules
    open_calls = dangerous_calls(rules, held)
    if not open_calls:
        return None
    names = frozenset(name for group in open_calls for name in group.calls)
    evidence = tuple(Evidence(seccomp.source, _words(group)) for group in open_calls)
    what, effective = listed(names), f"allows {listed(names)}"
    if rules.default in LETS_THROUGH:
        what, effective = (
            "everything that the profile does not list",
            f"defaultAction {rules.default}",
        )
    return failed(
        f"the filter allows {what}",
        seccomp.declared,
        effective,
        evidence,
    )


def _words(group: OpenCalls) -> str:
    return f"{group.gives}: {', '.join(group.calls)}"


def _next_time(
    facts: ContainerFacts,
    declared: str,
    source: str,
) -> Verdict:
    """For a good filter in force: the file that it came from may have changed since."""
    rules = known(lambda: facts.seccomp_rules)
    good = passed(
        declared, "denies what Podman's own profile denies", (Evidence(source, "checked"),)
    )
    if facts.spec[SECCOMP_PROFILE] in ("", "unconfined") or isinstance(rules, Unread):
        return good
    now = parsed(
        rules,
        facts.spec[SECCOMP_PROFILE],
        capabilities_held(facts),
    )
    if isinstance(now, Unread) or not isinstance(now.filter, SeccompProfile):
        return good
    next_rules = FilterRules(
        now.filter,
        declared,
        now.source,
        in_force=False,
    )
    weak = _judged(next_rules, capabilities_held(facts))
    if weak is None:
        return good
    reason = (
        f"the file has changed since the container was created: {weak.reason} once it is recreated"
    )
    return failed(
        reason,
        declared,
        "the filter in force is good",
        weak.evidence,
    )
