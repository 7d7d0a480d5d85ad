"""What was learned, in the form of a trial's record."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.model.observation import SocketEndpoint
from hardentui.model.trial import Learned
from hardentui.trial.learned.can_ask import CanAsk, can_need
from hardentui.trial.learned.needs import CapabilityNeed, Needs


def learned_record(
    needs: Needs,
    ask: CanAsk | None,
    *,
    given: frozenset[str],
    document: Mapping[str, Any] | None,
    calls: int,
    base_calls: int,
    why: str,
    path: str,
) -> Learned:
    """The record.

    Args:
        ask: what its programs can ask for; None if only what was seen is kept.
        given: capabilities that were given explicitly.
        document: the profile that twins worked with; None with the reason in `why`.
        calls, base_calls: how many system calls it allows, and its base allows.
        path: its future path.
    """
    unknown = dict(needs.unknown)
    if document is None:
        unknown["profile"] = why
    return Learned(
        capabilities=tuple(sorted(name.removeprefix("CAP_") for name in needs.capability_names)),
        syscalls=calls,
        profile="" if document is None else posixpath.basename(path),
        writable=needs.places,
        listening=_shown(needs.listening),
        outgoing=_shown(needs.outgoing),
        memory_peak=needs.memory_peak or 0,
        pids_peak=needs.pids_peak or 0,
        syscalls_before=base_calls,
        seccomp=None if document is None else dict(document),
        seen=tuple(sorted(needs.seen)),
        evidence={need.name.removeprefix("CAP_"): _evidence(need) for need in needs.capabilities or ()},
        runs=needs.runs,
        can_need=() if ask is None else can_need(ask, needs),
        unread={} if ask is None else dict(ask.unknown),
        given_unseen=()
        if needs.capabilities is None
        else tuple(sorted(name.removeprefix("CAP_") for name in given - needs.capability_names)),
        set_id=() if ask is None else ask.set_id,
        unknown=unknown,
    )


def _shown(connections: Iterable[SocketEndpoint] | None) -> tuple[str, ...]:
    """`tcp 0.0.0.0:80`; an address of IPv6 in brackets."""
    return tuple(
        f"{connection.protocol} [{connection.address}]:{connection.port}"
        if ":" in connection.address
        else f"{connection.protocol} {connection.address}:{connection.port}"
        for connection in connections or ()
    )


def _evidence(need: CapabilityNeed) -> tuple[str, ...]:
    """`chown /data`; the kernel's check if the call was not seen."""
    return tuple(
        f"{evidence.call} {evidence.subject}".strip() or "checked by the kernel" for evidence in need.evidence
    )
