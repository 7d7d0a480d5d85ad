"""Privileged mode, however it is asked for."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.capabilities import HOST_TAKEOVER, reach

_NEEDED = HOST_TAKEOVER - {"CAP_BPF"}  # missing on older kernels


def _fix_privileged(spec: Spec, context: FixContext) -> Spec:
    if spec[PRIVILEGED] and any(path.lower() == "all" for path in spec[UNMASK]):
        spec = spec.without(
            UNMASK
        )  # part of privileged mode, but inspect shows it as a separate option
    if _equal_by_options(spec):
        unwanted = HOST_TAKEOVER | {"all"}
        kept = tuple(word for word in spec[CAP_ADD] if capability_name(word) not in unwanted)
        spec = spec.without(SECCOMP_PROFILE).with_(CAP_ADD, kept)
    return spec.without(PRIVILEGED)


_ALL = CapabilitySets(
    bounding=ALL_CAPABILITIES,
    effective=ALL_CAPABILITIES,
)


_SOME = CapabilitySets(bounding=frozenset({"CAP_CHOWN"}))


@Check(
    gives=Gain.HOST.at_once,  # all rights on the host
    points=2,
    summary="Turn off privileged mode and grant only what is needed",
    remediate=_fix_privileged,
    passes=lambda: (
        "",
        container(
            kernel=Kernel(
                7,
                capabilities=_SOME,
                seccomp_mode=2,
            )
        ),
        container(
            "--privileged",
            kernel=Kernel(
                7,
                capabilities=_SOME,
                seccomp_mode=2,
            ),
        ),
        container(kernel=Kernel(7, capabilities=_ALL, seccomp_mode=2)),
    ),
    fails=lambda: (
        "--privileged",
        container("--privileged --security-opt=unmask=ALL", engine=rootless()),
        "--cap-add=ALL --security-opt=seccomp=unconfined",
        container(
            (CAP_ADD, tuple(sorted(ALL_CAPABILITIES))),
            (SECCOMP_PROFILE, "unconfined"),
        ),
    ),
    references=("CIS Docker 1.6 5.5", "NIST SP 800-190 4.4.3", "OWASP Docker rule 3"),
    contextual=True,
)
def privileged(facts: ContainerFacts) -> Verdict:
    """Privileged container.

    What it checks:
    Whether `--privileged` is set, or the container is equivalent: every host-takeover capability
    and no seccomp filter. Anybody can set the annotation by which Podman reports privileged mode,
    so the running process decides. Its security options show only `unmask=all`, so nothing else in
    inspect helps.

    Why it matters:
    A privileged container is the host with another filesystem: all capabilities, all devices, no
    seccomp filter, no masks on /proc and /sys, no SELinux or AppArmor. An attacker mounts the
    host's disk, or writes a helper into /proc/sys/kernel/core_pattern, and is root on the host with
    two commands. With a rootless engine, they get everything that the user has.

    What may break:
    Whatever needed one of those rights, often just one: a device (`--device`), a capability
    (`--cap-add`), a kernel setting (`--sysctl`), a mount. Nested engines and tools that manage the
    host need more. Grant what is needed individually; a trial shows what is missing.
    """
    live = ask(facts, _is_equivalent)
    if facts.spec[PRIVILEGED] and not _is_only_annotated(facts):
        effective = live[1] if isinstance(live, tuple) else ""
        return failed(
            "full access to the host",
            "privileged",
            effective,
        )
    return judge(
        live,
        lambda answer: answer,
        declared_bad=_equal_by_options(facts.spec),
        declared="all capabilities, no seccomp filter"
        if _equal_by_options(facts.spec)
        else "not privileged",
        reason="equivalent to a privileged container",
        where=proc(facts),
    )


def _is_only_annotated(facts: ContainerFacts) -> bool:
    """Whether only the annotation says privileged, while the process lacks the capabilities."""
    sets = ask(facts, lambda kernel: kernel.capabilities)
    return isinstance(sets, CapabilitySets) and not sets.bounding >= _NEEDED


def _is_equivalent(kernel: Kernel) -> tuple[bool, str]:
    """Whether the running process is equivalent to a privileged one, with the values as text."""
    sets, seccomp = kernel.capabilities, kernel.seccomp_mode
    return reach(
        sets
    ) >= _NEEDED and seccomp == 0, f"CapBnd {len(sets.bounding)}, Seccomp {seccomp}"


def _equal_by_options(spec: Spec) -> bool:
    added = {capability_name(word) for word in spec[CAP_ADD]}
    every = "all" in added or added >= _NEEDED  # inspect lists them all for `--cap-add=all`
    return every and spec[SECCOMP_PROFILE] == "unconfined"
