"""What no trial shows: needs that only load, time or the next release brings.

A fix that such a need depends on is never called safe or likely, whatever was observed: it is tried
by name, soaks, or is a person's decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from hardentui.harden.remedy import OptionDiff
from hardentui.model.spec import Option
from hardentui.options import *


class UnshownNeed(Struct, frozen=True, kw_only=True):
    """A need that a short run does not have."""

    work: str  # when it shows
    services: str  # who has it
    options: frozenset[Option[Any]]  # it depends on their values
    # it is a size: what a vendor leaves at its default is as large as its product needs
    size: bool = True


UNSHOWN = (
    UnshownNeed(
        work="memory under load, and in monthly or yearly jobs",
        services="databases, search engines, Java, image and video processing",
        options=frozenset({MEMORY, MEMORY_SWAP, OOM_SCORE_ADJ}),
    ),
    UnshownNeed(
        work="a health check that fails for a while: a long start, an upgrade of data, load",
        services="databases, Java, servers with many services inside",
        options=frozenset({HEALTH_ON_FAILURE}),
    ),
    UnshownNeed(
        work="parallel queries",
        services="databases such as PostgreSQL, which share memory in /dev/shm; browsers",
        options=frozenset({SHM_SIZE, SHM_SIZE_SYSTEMD, IPC}),
    ),
    UnshownNeed(
        work="many clients at once",
        services="servers with a thread or process for each client, databases, proxies",
        options=frozenset({PIDS_LIMIT, ULIMIT}),
    ),
    UnshownNeed(
        work="large uploads, exports and sorting",
        services="web servers, databases, mail",
        options=frozenset({TMPFS}),
        size=False,
    ),
    UnshownNeed(
        work="upgrades of data and plugins, restored backups, renewed certificates",
        services="programs that write to their own directories then",
        options=frozenset({READ_ONLY, USER, USERNS}),
        size=False,
    ),
    UnshownNeed(
        work="a stop with much to write",
        services="databases, message queues",
        options=frozenset({STOP_TIMEOUT, STOP_SIGNAL}),
    ),
    UnshownNeed(
        work="failover, backup and restore, monitoring",
        services="clients that connect rarely",
        options=frozenset({NETWORK, PUBLISH, PUBLISH_ALL}),
        size=False,
    ),
)


TOLD = (
    *UNSHOWN,
    UnshownNeed(
        work="work for all processors: many clients, a large index, yearly jobs",
        services="databases, search engines, builds",
        options=frozenset({CPUS, CPU_QUOTA, CPU_PERIOD, CPUSET_CPUS}),
    ),
    UnshownNeed(
        work="rare uses of a right: a log that is rotated, a user that is added, a repair",
        services="programs that start as root, change owners or run other programs",
        options=frozenset({CAP_DROP, CAP_ADD, SECCOMP_PROFILE, NO_NEW_PRIVILEGES}),
        size=False,
    ),
)
"""What a card tells besides: these may be safe all the same, as fewer processors only take longer,
and an ordinary user has no capability to lose."""


def unshown(
    changed: Iterable[OptionDiff],
    among: tuple[UnshownNeed, ...] = UNSHOWN,
) -> tuple[UnshownNeed, ...]:
    """The needs that depend on the values that a fix changes."""
    options = {diff.option for diff in changed}
    return tuple(need for need in among if not options.isdisjoint(need.options))
