"""Images and containers can fill the host's root file system.

What it checks:
Whether the folder in which the rootful engine keeps images, containers and volumes lies on the same file
system as `/`.

Why it matters:
A container that writes without end, a log that grows, or a few large images fill the disk. When that is
also the disk of the host, logging, updates and logins stop working, for all services. On a volume of its
own the damage stays with the containers, and the mount can carry `nodev`.

What may break:
Moving the folder needs a stop of all containers and room for a copy. Do not change `graphroot` alone:
Podman would start with an empty store.
"""

from __future__ import annotations

from hardentui.checks.examples import host
from hardentui.model.check import Check
from hardentui.model.configuration import Missing
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.host import HostFacts, Storage
from hardentui.model.known import Unreadable


def evaluate(facts: HostFacts) -> Verdict:
    storage = facts.storage
    if isinstance(storage, Unreadable):
        return unknown(storage.reason)
    if isinstance(storage.root, Missing):
        return not_applicable(
            f"{storage.graph_root} does not exist: the rootful engine has stored nothing yet"
        )
    shared = storage.same_device_as
    if isinstance(shared, Unreadable):
        return unknown(shared.reason)
    if not shared:
        return passed(storage.graph_root)
    return failed(
        f"{storage.graph_root} is on the same file system as {shared}",
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
    severity=Severity.LOW,
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
