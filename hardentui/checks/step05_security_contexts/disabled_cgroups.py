"""The container has no cgroup, has left it, or sees the host's.

What it checks:
Whether cgroups are disabled (`--cgroups=disabled`), or the container shares the host's cgroup namespace. On
cgroup v1, Podman shares it by default; that is a matter of the host and does not count here. Also whether a
process that the container has started was moved out of its cgroup.

Why it matters:
Without a cgroup of its own, a container has only the limits of the cgroup it was started in, if that has any:
Podman's for memory, processes and CPU time are not set, devices are not filtered, and nothing can be measured
or stopped as a whole. In the host's cgroup namespace, a process sees the names of all
units and containers, and a writable cgroup filesystem becomes a way out.

What may break:
Programs that manage cgroups themselves (a nested engine, systemd tests) expect to see the host's tree.
Containers started inside a service that must keep them in its own cgroup need `--cgroups=split` instead of
`disabled`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import CGROUPNS, CGROUPS
from hardentui.reading.containers import cgroup_version, sure, without_cgroup

_HOST_REASON = "the container sees the host's cgroup tree"


def evaluate(facts: ContainerFacts) -> Verdict:
    if without_cgroup(facts):
        evidence = (Evidence("HostConfig.Cgroups", "disabled"),)
        reason = "no cgroup of its own, so Podman can set no limit"
        return failed(reason, "cgroups disabled", evidence=evidence)
    outside = ask(facts, lambda kernel: kernel.outside_cgroup)
    if isinstance(outside, tuple) and outside:
        return _left(outside)
    shared = ask(facts, lambda kernel: kernel.shared_namespaces)
    asked = facts.spec[CGROUPNS]
    if isinstance(shared, frozenset) and "cgroup" in shared and asked != "host":
        version = cgroup_version(facts)
        if version == "v1":
            return not_applicable("on cgroup v1, Podman shares the cgroup namespace by default")
        if not version:
            return unknown(
                "the cgroup namespace is shared (the default on cgroup v1), but the version is not known"
            )
    verdict = judge(
        shared,
        lambda kinds: ("cgroup" in kinds, "host" if "cgroup" in kinds else "its own cgroup namespace"),
        declared_bad=asked == "host",
        declared=f"cgroupns {asked or 'not set'}",
        reason=_HOST_REASON,
        where="/proc: ns/cgroup",
        severity=Severity.MEDIUM,
    )
    return sure(verdict, outside)


def _left(outside: tuple[int, ...]) -> Verdict:
    evidence = tuple(Evidence(f"/proc/{pid}/cgroup", "not in the container's cgroup") for pid in outside)
    reason = f"{plural(len(outside), 'process', 'processes')} outside its cgroup: no limit holds for them"
    return failed(reason, effective=f"PID {listed([str(pid) for pid in outside])}", evidence=evidence)


def remediate(spec: Spec, context: FixContext) -> Spec:
    if spec[CGROUPS] == "disabled":
        spec = spec.without(CGROUPS)
    if spec[CGROUPNS] == "host":
        return spec.with_(CGROUPNS, "private")
    outside = ask(context.facts, lambda kernel: kernel.outside_cgroup)
    if isinstance(outside, tuple) and outside:
        raise CannotFix(
            "its processes were moved out of their cgroup by hand",
            "Find out by whom, then restart the container.",
        )
    return spec


_V1 = rootful(info={"host": {"cgroupVersion": "v1"}})
_SHARED = Kernel(7, shared_namespaces=frozenset({"cgroup"}))

CHECK = Check(
    title="Cgroup disabled or shared with the host",
    severity=Severity.MEDIUM,  # limits do not hold
    points=1,
    summary="Give the container its own cgroup and cgroup namespace",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((CGROUPS, "split"), kernel=Kernel(7, shared_namespaces=frozenset(), outside_cgroup=())),
        container(kernel=_SHARED, engine=_V1),
    ),
    fails=lambda: (
        container((CGROUPS, "disabled")),
        container((CGROUPNS, "host")),
        container(kernel=Kernel(7, shared_namespaces=frozenset(), outside_cgroup=(812,))),
        container((CGROUPNS, "host"), kernel=_SHARED, engine=_V1),
    ),
    references=("CIS Docker 1.6 5.25", "NIST SP 800-190 4.4.3"),
    catalogue="S5-06",
)
