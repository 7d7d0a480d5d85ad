"""The container sets sysctls that are not known to be safe.

What it checks:
The sysctls set with `--sysctl` or by the engine (`default_sysctls` in containers.conf), compared with a list
of those that belong to the container's own namespaces and affect nobody else (parameter `safe`). Inspect does
not show them; they come from the command that created the container, and from the configuration that its
runtime got at the last start. Those of a network that it shares are the pod's, or the lender's. What was
changed in a running container is not seen: the kernel shows it only from inside.

Why it matters:
A sysctl outside the list may weaken the container (packet forwarding, accepting redirects, larger shared
memory) or use kernel memory that no limit counts. Often it was copied from a guide for a whole host.

What may break:
Whatever the sysctl was set for: message queues of old databases (kernel.msg*), shared memory (kernel.shm*),
VPN and routing (net.ipv4.ip_forward). Add those that are needed to `safe`, with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.model.seccomp import RuntimeConfig
from hardentui.options import SYSCTL
from hardentui.reading.containers import is_planned
from hardentui.reading.networks import modes, uses_network_of_pod

_SAFE = (
    "kernel.shm_rmid_forced",
    "net.core.somaxconn",
    "net.ipv4.conf.all.src_valid_mark",
    "net.ipv4.conf.default.src_valid_mark",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_wmem",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.default.disable_ipv6",
)

_OFF = "net.ipv4.tcp_syncookies=0"
"""Turns off what it is on the list for: ip-sysctl.rst of the kernel."""
_BORROWED = frozenset({"container", "ns"})


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    given = facts.spec[SYSCTL]
    of_engine = () if is_planned(facts) else _of_engine(facts, given)
    safe = parameters.texts("safe")
    bad = tuple(setting for setting in (*given, *of_engine) if not _is_safe(setting, safe))
    if bad:
        evidence = tuple(
            Evidence("--sysctl" if setting in given else "the runtime's configuration", setting)
            for setting in bad
        )
        return failed(f"sets {listed([_name(setting) for setting in bad])}", listed(given), "", evidence)
    if SYSCTL in facts.spec.unknowable:
        return unknown("the engine does not show sysctls, and the create command is not known")
    if uses_network_of_pod(facts):
        return not_applicable("the sysctls of its network belong to the pod; see the pod's infra container")
    if modes(facts.spec) & _BORROWED:
        return not_applicable(
            "the sysctls of its network are those of another container, where this check applies"
        )
    return passed(listed(given) or "no sysctls")


def _of_engine(facts: ContainerFacts, given: tuple[str, ...]) -> tuple[str, ...]:
    """Sysctls in the runtime's configuration that the container does not declare. One that was never started
    has none yet."""
    sysctls: Mapping[str, str] = (
        facts.runtime.sysctl if facts.running else known(lambda: facts.runtime.sysctl, else_={})
    )
    declared = {_name(setting) for setting in given}
    return tuple(f"{name}={value}" for name, value in sorted(sysctls.items()) if name not in declared)


def _is_safe(setting: str, safe: tuple[str, ...]) -> bool:
    value = setting.partition("=")[2].strip()
    return _name(setting) in safe and f"{_name(setting)}={value}" != _OFF


def _name(setting: str) -> str:
    return setting.partition("=")[0].strip().replace("/", ".")


def remediate(spec: Spec, context: FixContext) -> Spec:
    safe = context.parameters.texts("safe")
    of_engine = [s for s in _of_engine(context.facts, spec[SYSCTL]) if not _is_safe(s, safe)]
    if of_engine and all(_is_safe(setting, safe) for setting in spec[SYSCTL]):
        raise CannotFix(
            f"the engine sets {listed([_name(setting) for setting in of_engine])} for all containers",
            "Remove it from default_sysctls in containers.conf, then recreate the container.",
        )
    return spec.with_(SYSCTL, tuple(setting for setting in spec[SYSCTL] if _is_safe(setting, safe)))


CHECK = Check(
    title="Sysctls not known to be safe",
    severity=Severity.MEDIUM,  # a setting of its namespace that is not known to be harmless
    points=1,
    summary="Remove the sysctls that are not on the list",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"safe": _SAFE},
    passes=lambda: (container(), container((SYSCTL, ("net.ipv4.ip_unprivileged_port_start=80",)))),
    fails=lambda: (
        container((SYSCTL, ("net.ipv4.ip_forward=1", "net.ipv4.tcp_syncookies=1"))),
        container((SYSCTL, ("kernel.msgmax=65536",))),
        container((SYSCTL, ("net.ipv4.tcp_syncookies = 0",))),
        container(runtime=RuntimeConfig(sysctl={"net.ipv4.ip_forward": "1"})),
    ),
    references=("NIST SP 800-190 4.4.3", "kube-linter unsafe-sysctls"),
    catalogue="S10-08",
)
