"""What somebody set on purpose: no fix takes it away unless it is asked for by name.

A limit, a restart policy, a stop time, a health check or a log setting that is not the default was
chosen by a person or a vendor, who may know a need that only load, time or the next release shows
(`--shm-size=0` of a database: its parallel queries). Rights that were granted (`--privileged`,
`--cap-add`, mounts, namespaces) are what hardening is about: whether the service needs them is what
a trial shows.
"""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.harden.remedy import OptionDiff
from hardentui.model.spec import Spec

_TUNED = frozenset({"resources", "lifecycle", "health", "logging"})
"""Areas of the option table in which a value tunes the service and grants nothing."""


def overridden(before: Spec, changed: Iterable[OptionDiff]) -> tuple[OptionDiff, ...]:
    """The changes that replace or remove a value that is set in `before`; adding is none."""
    return tuple(
        diff
        for diff in changed
        if diff.option.area in _TUNED and diff.option in before and diff.removed
    )


def sentence(diff: OptionDiff) -> str:
    """What is given up, for the person who decides."""
    return f"{diff.option.flag} was set on purpose: check what needs it before you change it"
