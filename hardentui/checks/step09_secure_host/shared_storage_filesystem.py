"""Container storage is on the host's root filesystem.

What it checks:
Whether the directory in which the rootful engine keeps images, containers and volumes is on the same
filesystem as `/`.

Why it matters:
A container that writes without end, a growing log, or a few large images fill the disk. If that is also the
host's disk, logging, updates and logins stop working, for all services. On a separate volume, the damage
stays with the containers, and the mount can use `nodev`.

What may break:
Moving the directory requires stopping all containers and room for a copy. Do not change only `graphroot`:
Podman would start with an empty store.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Missing
from hardentui.model.host import Storage


def evaluate(facts: HostFacts) -> Verdict:
    storage = facts.storage
    if isinstance(storage.root, Missing):
        return not_applicable(
            f"{storage.graph_root} does not exist: nothing is stored by the rootful engine yet"
        )
    shared = storage.same_device_as
    if isinstance(shared, Unread):
        return unknown(shared.reason)
    if not shared:
        return passed(storage.graph_root)
    return failed(
        f"{storage.graph_root} is on the same filesystem as {shared}",
        storage.graph_root,
        evidence=(Evidence("stat", f"{storage.graph_root} and {shared} have the same device number"),),
        commands=(
            "# with all containers stopped, for a new volume VOLUME:",
            "mkfs.xfs VOLUME && mount VOLUME /mnt",
            f"cp -a --reflink=auto {storage.graph_root}/. /mnt/",
            f"# /etc/fstab: VOLUME {storage.graph_root} xfs defaults,nodev 0 2",
        ),
    )


CHECK = Check(
    title="Container storage on the root filesystem",
    severity=Severity.LOW,  # a full disk stops the host
    kind=Kind.HOST,
    summary="Give container storage a volume of its own",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (host(storage=Storage(same_device_as="")),),
    fails=lambda: (host(storage=Storage(same_device_as="/")),),
    references=("CIS Docker 1.6 1.1.1",),
    catalogue="S9-02",
)
