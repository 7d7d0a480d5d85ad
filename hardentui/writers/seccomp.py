"""Seccomp profiles: one for a supervisor, and one that allows only what is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_WATCHED = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY"})
NOTIFY = "SCMP_ACT_NOTIFY"


def watched_profile(base: Mapping[str, Any], *, listener: str, token: str) -> dict[str, Any]:
    """A profile under which a supervisor sees all calls, including denied ones, and answers like `base`.

    Calls for which `base` kills the process stay with the kernel.

    Args:
        listener: path of the supervisor's socket.
        token: passed on by the runtime, so that the supervisor recognises our filter.
    """
    kept = [entry for entry in base.get("syscalls") or () if entry.get("action") not in _WATCHED]
    default = base.get("defaultAction")
    return {
        "defaultAction": NOTIFY if default in _WATCHED else default,
        **{name: base[name] for name in ("architectures", "archMap") if name in base},
        "listenerPath": listener,
        "listenerMetadata": token,
        "syscalls": kept if default in _WATCHED else [_watched(entry) for entry in base["syscalls"]],
    }


def _watched(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a profile whose default action stays with the kernel."""
    plain = {name: value for name, value in entry.items() if name not in ("errnoRet", "errno")}
    return {**plain, "action": NOTIFY} if entry.get("action") in _WATCHED else dict(entry)


def profile_text(profile: Mapping[str, Any]) -> str:
    return json.dumps(profile, indent=1, sort_keys=False) + "\n"
