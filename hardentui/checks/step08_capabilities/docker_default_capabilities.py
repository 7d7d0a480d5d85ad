"""Capabilities that Podman leaves out on purpose.

What it checks:
Whether the container's processes can use NET_RAW, MKNOD or AUDIT_WRITE. Docker grants them by default; stock
Podman does not, so they were added explicitly or by an engine setting.

Why it matters:
With NET_RAW, a process forges packets: it can pretend to be the gateway or DNS server of its network, and
read or change what its neighbours say to each other. MKNOD creates device files, the first step to the
host's disk if the device filter is open. AUDIT_WRITE puts false entries into the host's audit log.

What may break:
`ping` in old images (new ones use the sysctl net.ipv4.ping_group_range), packet capture, DHCP servers, some
VPNs; sshd and sudo in a container complain about the audit log and continue.
"""

from __future__ import annotations

from hardentui.checks.examples import DEFAULT_CAPABILITIES
from hardentui.checks.prelude import *
from hardentui.options import CAP_ADD, CAP_DROP
from hardentui.reading.behaviour import about_dropping
from hardentui.reading.capabilities import drop_group, judge_group

_DOCKER_ONLY = frozenset({"CAP_NET_RAW", "CAP_MKNOD", "CAP_AUDIT_WRITE"})


def evaluate(facts: ContainerFacts) -> Verdict:
    return not_applicable(OF_PODMAN) if is_infra(facts) else judge_group(facts, _DOCKER_ONLY)


def remediate(spec: Spec, context: FixContext) -> Spec:
    return drop_group(spec, context.facts, _DOCKER_ONLY)


_LIKE_DOCKER = rootful(default_capabilities=DEFAULT_CAPABILITIES | _DOCKER_ONLY)

CHECK = Check(
    title="Capabilities that Podman drops by default",
    severity=Severity.LOW,  # raw packets and device files that the cgroup forbids to open
    points=2,
    summary="Drop NET_RAW, MKNOD and AUDIT_WRITE",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=about_dropping,
    passes=lambda: (container(), container((CAP_DROP, ("all",)), engine=_LIKE_DOCKER)),
    fails=lambda: (
        container((CAP_ADD, ("NET_RAW",))),
        container((CAP_DROP, ("MKNOD",)), engine=_LIKE_DOCKER),
    ),
    references=("CIS Docker 1.6 5.4", "kube-linter drop-net-raw-capability"),
    catalogue="S8-05",
    contextual=True,
)
