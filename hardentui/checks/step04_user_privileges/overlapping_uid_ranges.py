"""Two unrelated containers use the same range of user IDs.

What it checks:
Whether the host IDs of this container are also used by a container of another application. Only requested
ranges (`--uidmap`, `--userns`) are compared; containers of the same pod or application may share a range.

Why it matters:
A user namespace separates a container from the host, not from its neighbours. Two containers with the same
IDs are the same user to the kernel: somebody who escapes from one can signal the other's processes, read its
files and volumes, and attach to it. With separate ranges, the same escape leads nowhere.

What may break:
The container gets other IDs on the host, so files in its volumes belong to the old ones: mount them with
`:U` once, or change their owner.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.checks.prelude import *
from hardentui.model.facts import IdRange
from hardentui.model.known import Unread
from hardentui.model.network import ALL_IDS, Peer, Peers
from hardentui.options import GIDMAP, SUBGIDNAME, SUBUIDNAME, UIDMAP, USERNS
from hardentui.reading.containers import is_planned, related


def evaluate(facts: ContainerFacts) -> Verdict:
    spec = facts.spec
    kind = spec[USERNS].partition(":")[0]
    mapped = bool(_idmappings(facts)) or UIDMAP in spec or SUBUIDNAME in spec
    if kind in ("keep-id", "nomap"):
        return not_applicable("it uses its account's IDs on purpose, like the account's other containers")
    if not mapped and kind != "auto":
        return not_applicable("no ID range was requested")
    ranges = _ranges(facts)
    declared = listed(spec[UIDMAP]) or f"userns {spec[USERNS] or 'private'}"
    if not ranges:
        return passed(declared, reason="Podman picks a free range at start")
    effective = ", ".join(f"{first}-{first + size - 1}" for first, size in ranges)
    others = [
        peer
        for first, size in ranges
        for peer in facts.peers.using_ids(first, size)
        if peer.id != facts.id and not related(facts, peer)
    ]
    if others:
        names = listed([peer.name for peer in others])
        evidence = tuple(Evidence(peer.name, str(peer.uid_ranges)) for peer in others[:5])
        return failed(f"{names} uses the same IDs", declared, effective, evidence)
    return passed(declared, effective)


def _idmappings(facts: ContainerFacts) -> tuple[str, ...]:
    """The UID map that inspect shows; empty for a plan."""
    if is_planned(facts):
        return ()
    host = section(facts.inspect, "HostConfig")
    return tuple(str(line) for line in section(host, "IDMappings").get("UidMap") or ())


def _ranges(facts: ContainerFacts) -> tuple[tuple[int, int], ...]:
    """(first ID on the host, how many)."""
    live = ask(facts, lambda kernel: kernel.uid_map)
    if isinstance(live, tuple):
        ranges = tuple((line.outside, line.size) for line in live)
    else:
        lines = facts.spec[UIDMAP] or _idmappings(facts)
        if isinstance(live, Unread) and not is_planned(facts):
            raise Unread(live.reason)
        parts = (line.split(":") for line in lines)
        ranges = tuple((int(p[1]), int(p[2])) for p in parts if len(p) == 3 and p[1].isdecimal())
    return tuple((first, size) for first, size in ranges if size < ALL_IDS)


def remediate(spec: Spec, context: FixContext) -> Spec:
    return spec.without(UIDMAP, GIDMAP, SUBUIDNAME, SUBGIDNAME).with_(USERNS, "auto")


_NEIGHBOUR = Peer("2" * 64, "db", uid_ranges=((200000, 65536),))
_FAR = Peer("3" * 64, "far", uid_ranges=((400000, 65536), (0, 4294967295)))
_MAP = (UIDMAP, ("0:200000:65536",))

CHECK = Check(
    title="UID range shared with an unrelated container",
    severity=Severity.MEDIUM,  # a breakout reaches the other container's files
    points=1,
    compares=True,
    summary="Let Podman choose a range of IDs that nobody else uses",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(_MAP, peers=Peers((_FAR,))),
        container((USERNS, "auto"), peers=Peers((_NEIGHBOUR,))),
        container(_MAP, peers=Peers((replace(_NEIGHBOUR, pod="p1"),))).replace(inspect={"Pod": "p1"}),
    ),
    fails=lambda: (
        container(_MAP, peers=Peers((_NEIGHBOUR,))),
        container(
            (UIDMAP, ("0:1:65536",)),
            peers=Peers((_NEIGHBOUR,)),
            kernel=Kernel(7, uid_map=(IdRange(0, 210000, 1000),)),
        ),
    ),
    references=("CIS Docker 1.6 2.9", "NIST SP 800-190 4.3.4"),
    catalogue="S4-03",
)
