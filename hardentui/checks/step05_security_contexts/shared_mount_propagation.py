"""Mounts made in the container appear on the host.

What it checks:
Whether a mount has the propagation `shared` or `rshared`. Podman's default is `rprivate`, which keeps mounts
on their own side; `slave` lets host mounts in, but never out.

Why it matters:
With shared propagation, a process that may mount (SYS_ADMIN, or a user namespace) changes what the host sees
below that path: it can put its own filesystem over a directory from which the host or another container runs
programs. It also keeps host directories busy, so that they cannot be unmounted.

What may break:
Storage plug-ins, backup agents and nested engines that mount on behalf of the host. Those few need `rslave`
if they only follow the host's mounts, or the shared mount after all: then waive the finding with a reason.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.mounts import MountedPath, MountOrigin
from hardentui.options import MOUNTS, VOLUMES_FROM, Mount
from hardentui.reading.mounts import came_from, host_mounts, shown

_SHARED = ("shared", "rshared")


def evaluate(facts: ContainerFacts) -> Verdict:
    inherited = [source.mount for source in host_mounts(facts) if not source.declared]
    bad = [mount for mount in (*facts.spec[MOUNTS], *inherited) if _is_shared(mount)]
    if not bad:
        return passed("no shared propagation")
    evidence = tuple(Evidence("Mounts[].Propagation", shown([mount])) for mount in bad)
    paths = listed([mount.destination for mount in bad])
    return failed(f"mounts made below {paths} reach the host", shown(bad), evidence=evidence)


def _is_shared(mount: Mount) -> bool:
    return any(option in _SHARED for option in mount.options)


def remediate(spec: Spec, context: FixContext) -> Spec:
    others = [
        host_mount for host_mount in host_mounts(context.facts.planned(spec)) if not host_mount.declared
    ]
    others = [host_mount for host_mount in others if _is_shared(host_mount.mount)]
    if others and not any(_is_shared(mount) for mount in spec[MOUNTS]):
        raise CannotFix(
            f"the mount at {others[0].mount.destination} {came_from(others[0])}",
            "Change its propagation there, then recreate this container.",
        )
    return spec.with_(
        MOUNTS, tuple(m.with_options(drop=_SHARED) if _is_shared(m) else m for m in spec[MOUNTS])
    )


_FROM_ANOTHER = MountedPath("/srv", ("/srv",), "bind", "/srv", ("rshared",), MountOrigin.CONTAINER, "base")

CHECK = Check(
    title="Mounts propagate to the host",
    severity=Severity.MEDIUM,  # with SYS_ADMIN, mounts appear on the host
    points=1,
    summary="Use private mount propagation",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (container(), container((MOUNTS, (Mount("bind", "/srv", "/srv", ("rslave",)),)))),
    fails=lambda: (
        container((MOUNTS, (Mount("bind", "/srv", "/srv", ("ro", "rshared")),))),
        container((VOLUMES_FROM, ("base",)), mounted=(_FROM_ANOTHER,)),
        container((MOUNTS, (Mount("bind", "/mnt", "/mnt", ("shared",)), Mount("volume", "a", "/a")))),
    ),
    references=("CIS Docker 1.6 5.20", "NIST SP 800-190 4.4.3"),
    catalogue="S5-13",
)
