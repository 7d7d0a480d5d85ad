"""The container shares the host's user namespace.

What it checks:
Whether a container of a rootful engine has its own user namespace. Without one, every UID inside is the same
UID outside. A namespace whose map leads to UID or GID 0 on the host (`--uidmap 0:0:1`) does not count. Podman
shows nothing for the host's namespace, so for a running container the namespace itself is compared with the
host's.

Why it matters:
With a user namespace, root inside is an ordinary, otherwise unused UID on the host: an attacker who escapes
owns no files and has no capabilities. Without it, the same escape ends as root on the host. It is the one
barrier that still holds after a vulnerability in the kernel interface, the runtime or a mount.

What may break:
The owners of files in volumes and bind mounts are not in the new range. If kernel, runtime and filesystem
support it, the fix mounts them so that the files keep their owners (`idmap`). Otherwise it is refused, and
`:U` is the alternative: Podman changes the owner on disk to the container's user, and undoing that takes
another change of owner. Podman needs a range for the user `containers` in /etc/subuid and /etc/subgid.
Containers that share a namespace with another container, and members of a pod, cannot have their own user
namespace.
"""

from __future__ import annotations

import re

from hardentui.checks.prelude import *
from hardentui.do import Do, Verb
from hardentui.model.facts import IdRange
from hardentui.model.known import known
from hardentui.options import CGROUPNS, GIDMAP, IPC, MOUNTS, NETWORK, PID, UIDMAP, USERNS, UTS, Mount
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.reading.behaviour import identity, runs_as_root, uids
from hardentui.reading.containers import ask_or, pod_of
from hardentui.reading.mounts import asks_for_user_namespace, maps_root_of_host, no_range_for

_USUAL_SIZE = 1024
_MAPS_IDS = {
    **dict.fromkeys(("ext2", "ext3", "ext4", "xfs", "vfat"), (5, 12)),
    "btrfs": (5, 15),
    "f2fs": (5, 18),
    "overlay": (5, 19),
    "tmpfs": (6, 3),
}
"""Filesystem -> the first kernel that can mount it with mapped IDs (mount_setattr(2))."""
_SHARED = ("container:", "ns:")


def evaluate(facts: ContainerFacts) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    if facts.engine.rootless is True:
        return passed("a rootless engine runs it in the user namespace of its account")
    separate = ask(facts, lambda kernel: kernel.host_user_namespace)
    if isinstance(facts.engine.rootless, Unread) and not isinstance(separate, bool):
        return unknown(facts.engine.rootless.reason)
    if facts.spec[USERNS].startswith(_SHARED) and not isinstance(separate, bool):
        return unknown("it joins another user namespace, which shows only while it is running")
    return judge(
        separate,
        lambda shared: _assess(facts, shared),
        declared_bad=not asks_for_user_namespace(facts),
        declared=f"userns {facts.spec[USERNS] or 'not set'}",
        reason="user IDs in the container are the same on the host",
        where=proc(facts, "ns/user"),
    )


def _assess(facts: ContainerFacts, shared: bool) -> tuple[bool, str]:
    if shared:
        return True, "the host's namespace"
    if maps_root_of_host(facts):
        return True, "its own namespace, but its map leads to root on the host"
    return False, "its own namespace"


def remediate(spec: Spec, context: FixContext) -> Spec:
    if asks_for_user_namespace(context.facts.planned(spec)):
        return spec
    if pod_of(context.facts):
        raise CannotFix("pod members use the pod's user namespace", "Give the pod --userns=auto instead.")
    joined = (spec[PID], spec[IPC], spec[UTS], spec[USERNS], spec[CGROUPNS], *spec[NETWORK])
    if any(value.startswith(_SHARED) for value in joined):
        raise CannotFix(
            "the container shares a namespace with another one",
            "Both need one user namespace: --userns=auto for the other, --userns=container:… for this one.",
        )
    facts = context.facts
    if unnamed := anonymous_volumes(facts.inspect, {}):
        raise CannotFix(
            f"the owners of files in anonymous volumes ({listed(tuple(unnamed))}) would not be mapped",
            "Give the volumes names first: Podman maps the owners of files in named volumes.",
        )
    shown = tuple(mount.destination for mount in spec[MOUNTS] if _keeps_owners(mount))
    if shown and (why := _no_id_mapping(facts, shown)):
        raise CannotFix(
            f"the owners of files in {listed(shown)} would not be mapped, and {why}",
            "With :U, Podman changes their owner at each start, also for other containers that use them.",
        )
    if lacking := no_range_for(_namespace(facts, spec), facts):
        raise CannotFix(lacking, "The doctor shows the command that adds one.", do=Do(Verb.DOCTOR))
    mounts = tuple(m.with_options("idmap") if _keeps_owners(m) else m for m in spec[MOUNTS])
    return spec.without(GIDMAP, UIDMAP).with_(USERNS, _namespace(facts, spec)).with_(MOUNTS, mounts)


def _keeps_owners(mount: Mount) -> bool:
    """Whether it is a host mount whose file owners matter."""
    handed_over = any(option == "U" or option.startswith("idmap") for option in mount.options)
    kernel_tree = mount.type == "bind" and mount.source.split("/")[1:2] in (["proc"], ["sys"], ["dev"])
    return mount.type in ("bind", "volume") and bool(mount.source) and not handed_over and not kernel_tree


def _no_id_mapping(facts: ContainerFacts, destinations: tuple[str, ...]) -> str:
    """Why these cannot be mounted with mapped owners (idmap); empty if they can."""
    runtime = str(facts.inspect.get("OCIRuntime") or "")
    numbers = re.match(r"(\d+)\.(\d+)", known(lambda: facts.host.kernel, else_=""))
    version = (int(numbers[1]), int(numbers[2])) if numbers else None
    if version is None or version < (5, 12):
        who = "this kernel cannot" if version else "it is not known whether this kernel can"
        return f"{who} map the owners of mounted files"
    if runtime not in ("crun", "runc"):
        return f"the runtime {visible(runtime, 40) or 'of this engine'} is not known to support it"
    for mount in ask_or(facts, lambda kernel: kernel.mounts, ()):
        if mount.point in destinations and version < _MAPS_IDS.get(mount.kind, (99, 0)):
            what = f"{visible(mount.kind, 40)} at {visible(mount.point, 80)}"
            return f"this kernel cannot map {what}"
    return ""


def _namespace(facts: ContainerFacts, spec: Spec) -> str:
    """The namespace option. Podman sizes the namespace by the image's users, without nobody (65534), but a
    process that starts as root may become nobody at any time: sshd and rsync do so for each connection."""
    large = runs_as_root(facts, spec) or _highest(facts) >= _USUAL_SIZE
    return "auto:size=65536" if large else "auto"


def _highest(facts: ContainerFacts) -> int:
    """The highest UID or GID of the mounts and processes."""
    numbers = [number for owner in facts.owners.values() for number in owner]
    numbers += [*(identity(facts) or (0,)), *(uid for uid, _ in uids(facts) or ())]
    return max(numbers)


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    notes = []
    mapped = [mount.destination for mount in after[MOUNTS] if mount not in before[MOUNTS]]
    if mapped:
        notes.append(f"files in {listed(mapped)} keep their owners on disk (idmap)")
        if not isinstance(context.facts.kernel, Kernel):
            notes.append("their filesystems are not known, and not every filesystem supports this")
    if ":size=" in after[USERNS]:
        seen = _highest(context.facts) >= _USUAL_SIZE
        why = "a process or volume has a high UID or GID" if seen else "root may become nobody (65534)"
        notes.append(f"{why}, so the namespace gets 65536 IDs")
    return Advice(Risk.MAY_BREAK, tuple(notes))


_OWN_IDS = (IdRange(0, 100000, 65536),)

CHECK = Check(
    title="Shares the host's user namespace",
    severity=Severity.MEDIUM,  # a breakout keeps its user ID: the last layer is missing (CIS 2.9, level 2)
    points=44,
    summary="Give the container its own user namespace",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    passes=lambda: (
        container((USERNS, "auto")),
        container((UIDMAP, ("0:200000:65536",))),
        container(kernel=Kernel(7, host_user_namespace=False, uid_map=_OWN_IDS, gid_map=_OWN_IDS)),
        container(engine=rootless()),
    ),
    fails=lambda: (
        container(),
        container((USERNS, "host")),
        container(kernel=Kernel(7, host_user_namespace=True)),
        container((PID, "container:db")),
        container((UIDMAP, ("0:0:1", "1:100000:65535"))),
        container((USERNS, "auto:uidmapping=0:0:1")),
        container((UIDMAP, ("0:200000:65536",)), (GIDMAP, ("0:200000:1000", "1000:0:1"))),
        container(
            kernel=Kernel(
                7,
                host_user_namespace=False,
                uid_map=(IdRange(0, 200_000, 65536),),
                gid_map=(IdRange(1000, 0, 1),),
            )
        ),
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
