"""The container shares the host's user namespace.

What it checks:
Whether a container of a rootful engine has a user namespace of its own. Without one, every uid inside is the
same uid outside. One whose map leads to uid 0 of the host (`--uidmap 0:0:1`) counts as none. Podman shows
nothing at all for the host's namespace, so for a running container the namespace itself is compared with the
one of the host.

Why it matters:
With a user namespace, root inside is an ordinary, otherwise unused uid on the host: an attacker who gets out
finds that no file belongs to them and no capability counts. Without it, the same escape ends as root of the
host. It is the one wall that still stands after a hole in the kernel interface, the runtime or a mount.

What may break:
Files on existing volumes and bind mounts seem to belong to nobody, because their owners are not in the new
range. Mount them with `:U` (Podman changes the owner) or change it once by hand, and expect the way back to
need the same. Podman must have a range for the user `containers` in /etc/subuid and /etc/subgid. Containers
that share a namespace with another one, and members of a pod, cannot have a user namespace of their own.
"""

from __future__ import annotations

from hardentui.checks.examples import container, rootless
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, IdRange, Kernel
from hardentui.model.finding import FixKind, Kind, Risk, Severity, Verdict, not_applicable, unknown
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import CGROUPNS, GIDMAP, IPC, NETWORK, PID, UIDMAP, USERNS, UTS
from hardentui.reading.containers import (
    OF_PODMAN,
    ask,
    is_infra,
    judge,
    pod_of,
    proc,
)
from hardentui.reading.user_namespace import asks_for_user_namespace, maps_root_of_host

_SHARED = ("container:", "ns:")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    if facts.engine.rootless is True:
        return not_applicable("a rootless engine always puts containers into a user namespace of its user")
    separate = ask(facts, lambda kernel: kernel.host_user_namespace)
    if isinstance(facts.engine.rootless, Unreadable) and not isinstance(separate, bool):
        return unknown(facts.engine.rootless.reason)
    if facts.spec[USERNS].startswith(_SHARED) and not isinstance(separate, bool):
        return unknown("it uses the user namespace of something else, which only a running container shows")
    return judge(
        separate,
        lambda shared: _look(facts, shared),
        declared_bad=not asks_for_user_namespace(facts),
        declared=f"userns {facts.spec[USERNS] or 'not set'}",
        reason="its user ids are those of the host",
        where=proc(facts, "ns/user"),
    )


def _look(facts: ContainerFacts, shared: bool) -> tuple[bool, str]:
    if shared:
        return True, "the namespace of the host"
    if maps_root_of_host(facts):
        return True, "a namespace of its own, but its map leads to root of the host"
    return False, "a namespace of its own"


def remediate(spec: Spec, context: FixContext) -> Spec:
    if asks_for_user_namespace(context.facts.planned(spec)):
        return spec
    if pod_of(context.facts):
        raise CannotFix(
            "a member of a pod uses the pod's user namespace", "Give the pod --userns=auto instead."
        )
    joined = (spec[PID], spec[IPC], spec[UTS], spec[USERNS], spec[CGROUPNS], *spec[NETWORK])
    if any(value.startswith(_SHARED) for value in joined):
        raise CannotFix(
            "it shares a namespace with another container",
            "Both must be in one user namespace: --userns=auto for the first, --userns=container:… for this.",
        )
    return spec.without(GIDMAP, UIDMAP).with_(USERNS, "auto")


CHECK = Check(
    id="host-user-namespace",
    title="The container shares the host's user namespace",
    step=4,
    severity=Severity.HIGH,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Give the container a user namespace of its own",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container((USERNS, "auto")),
        container((UIDMAP, ("0:200000:65536",))),
        container(kernel=Kernel(7, host_user_namespace=False)),
        container(engine=rootless()),
    ),
    fails=lambda: (
        container(),
        container((USERNS, "host")),
        container(kernel=Kernel(7, host_user_namespace=True)),
        container((PID, "container:db")),
        container((UIDMAP, ("0:0:1", "1:100000:65535"))),
        container((USERNS, "auto:uidmapping=0:0:1")),
        container(kernel=Kernel(7, host_user_namespace=False, uid_map=(IdRange(0, 0, 1),))),
    ),
    references=(
        "CIS Docker 1.6 2.9",
        "CIS Docker 1.6 5.31",
        "NIST SP 800-190 4.5.2",
        "OWASP Docker rule 11",
    ),
    catalogue="S4-02",
)
