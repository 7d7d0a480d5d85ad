"""A service open to the network has no custom confinement.

What it checks:
Whether a container with a port open on all addresses (or on the host's network) has its own seccomp profile,
AppArmor profile or SELinux type, beyond the defaults that every container gets.

The ports of a pod count for each of its members, which share the pod's address.

Why it matters:
The default profile must suit everyone, so it allows over 300 system calls. A web server uses about 60. A
profile made from what the service really does removes what the next kernel vulnerability will need, and a
denied call is a loud sign that something is wrong.

What may break:
A profile recorded for too short a time denies what the service does only at night, on reload or after an
error. Record it with tests and backups running, log before you enforce, and record again after image updates.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import Known
from hardentui.options import (
    APPARMOR,
    LABEL_TYPE,
    NETWORK,
    PRIVILEGED,
    PUBLISH,
    SECCOMP_POLICY,
    SECCOMP_PROFILE,
    Port,
)
from hardentui.reading.networks import (
    asks_for_host_network,
    on_host_network,
    ports_of_pod,
    published,
    publishes_more,
    reach,
    uses_network_of_pod,
)

_DEFAULT_TYPES = ("container_t", "spc_t", "unconfined_t")


def evaluate(facts: ContainerFacts) -> Verdict:
    spec = facts.spec
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    own = {
        "seccomp profile": spec[SECCOMP_PROFILE] not in ("", "unconfined") or spec[SECCOMP_POLICY] == "image",
        "AppArmor profile": spec[APPARMOR] not in ("", "unconfined"),
        "SELinux type": bool(spec[LABEL_TYPE]) and spec[LABEL_TYPE] not in _DEFAULT_TYPES,
    }
    made = [name for name, there in own.items() if there]
    if made and not spec[PRIVILEGED]:
        return passed(f"its own {', '.join(made)}")
    open_to_all = _open_in_pod(facts) if uses_network_of_pod(facts) else _open(facts)
    if isinstance(open_to_all, Unread):
        return unknown(open_to_all.reason)
    if not open_to_all:
        return not_applicable("no port is open to the outside")
    if spec[PRIVILEGED]:
        return not_applicable("privileged mode (see privileged)")
    return failed(
        "only the default confinement of every container",
        "no profile of its own",
        commands=("--security-opt seccomp=FILE   # a profile recorded from a trial",),
    )


def _open(facts: ContainerFacts) -> Known[bool]:
    if publishes_more(facts) or any(reach(port) == "all" for port in published(facts)):
        return True
    on_host = on_host_network(facts)
    return asks_for_host_network(facts) if isinstance(on_host, Unread) else on_host


def _open_in_pod(facts: ContainerFacts) -> Known[bool]:
    """Whether its pod has an open port: the members share the pod's address, so it counts for each."""
    pod = facts.pod
    if pod is None:
        return Unread("the pod could not be inspected, so its open ports are not known")
    if section(pod, "InfraConfig").get("HostNetwork"):
        return True
    return any(reach(port) == "all" for port in ports_of_pod(pod))


_OPEN = (PUBLISH, (Port(80, "80"),))
_MEMBER = {"Pod": "2" * 64}


def _pod(address: str) -> dict[str, object]:
    return {
        "SharedNamespaces": ["net"],
        "InfraContainerID": "infra",
        "InfraConfig": {"PortBindings": {"80/tcp": [{"HostIp": address, "HostPort": "80"}]}},
    }


CHECK = Check(
    title="Exposed service without its own seccomp profile",
    severity=Severity.LOW,  # the default filter holds; a learned one is narrower
    points=12,
    summary="Record what the service does and give it its own seccomp profile",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container((PUBLISH, (Port(80, "8080", "127.0.0.1"),))),
        container(_OPEN, (SECCOMP_PROFILE, "/etc/containers/seccomp/web.json")),
        container(_OPEN, (LABEL_TYPE, "web.process")),
        container(pod=_pod("127.0.0.1"), inspect=_MEMBER),
        container((SECCOMP_PROFILE, "/etc/containers/seccomp/db.json")),
    ),
    fails=lambda: (
        container(_OPEN),
        container((NETWORK, ("host",)), (APPARMOR, "unconfined")),
        container(pod=_pod("0.0.0.0"), inspect=_MEMBER),  # noqa: S104
    ),
    references=("CSVS 3.4", "NIST SP 800-190 4.4.4", "OWASP Docker rule 6"),
    catalogue="S10-05",
)
