"""A service that is open to the network has no protection made for it.

What it checks:
Whether a container with a port open on all addresses (or on the host's network) has a seccomp profile, an
AppArmor profile or an SELinux type of its own, beyond the defaults that every container gets.

Why it matters:
The default profile must suit everybody, so it allows over 300 system calls. A web server uses about 60. A
profile made from what the service really does takes away what the next hole in the kernel will need, and
a refused call is a loud sign that something is wrong.

What may break:
A profile that was recorded too short refuses what the service does only at night, on reload or in an error.
Record it with tests and backups running, log before you refuse, and record again after updates of the image.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import FixKind, Kind, Risk, Severity, Verdict, failed, not_applicable, passed
from hardentui.options import (
    APPARMOR,
    LABEL_TYPE,
    NETWORK,
    PRIVILEGED,
    PUBLISH,
    PUBLISH_ALL,
    SECCOMP_POLICY,
    SECCOMP_PROFILE,
    Port,
)

_DEFAULT_TYPES = ("container_t", "spc_t", "unconfined_t")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    spec = facts.spec
    exposed = (
        spec[PUBLISH_ALL] or "host" in spec[NETWORK] or any(port.on_all_addresses for port in spec[PUBLISH])
    )
    if not exposed:
        return not_applicable("no port of it is open to the outside")
    if spec[PRIVILEGED]:
        return not_applicable("it is privileged, which is judged by privileged")
    own = {
        "seccomp profile": spec[SECCOMP_PROFILE] not in ("", "unconfined") or spec[SECCOMP_POLICY] == "image",
        "AppArmor profile": spec[APPARMOR] not in ("", "unconfined"),
        "SELinux type": bool(spec[LABEL_TYPE]) and spec[LABEL_TYPE] not in _DEFAULT_TYPES,
    }
    made = [name for name, there in own.items() if there]
    if made:
        return passed(f"its own {', '.join(made)}")
    return failed(
        "it has only what every container gets",
        "no profile of its own",
        commands=("--security-opt seccomp=FILE   # a profile recorded from a trial",),
    )


_OPEN = (PUBLISH, (Port(80, "80"),))

CHECK = Check(
    id="default-seccomp-only",
    title="A service that is open to the network has no protection made for it",
    step=10,
    severity=Severity.LOW,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Record what the service does and give it a seccomp profile of its own",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=(
        container((PUBLISH, (Port(80, "8080", "127.0.0.1"),))),
        container(_OPEN, (SECCOMP_PROFILE, "/etc/containers/seccomp/web.json")),
        container(_OPEN, (LABEL_TYPE, "web.process")),
    ),
    fails=(container(_OPEN), container((NETWORK, ("host",)), (APPARMOR, "unconfined"))),
    references=("CSVS 3.4", "NIST SP 800-190 4.4.4", "OWASP Docker rule 6"),
    catalogue="S10-05",
)
