"""Seccomp profiles for flavours: one that closes everything, others that open one thing in one way
each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Rule = dict[str, Any]
_ENOSYS = 38
REFUSED = 13  # an errno that no call of the probes gives by itself
_FAMILIES = (1, 2, 10, 16)
_NEW_USER = 0x10000000
_ALL = (1 << 64) - 1
_SPECIAL = frozenset({"socket", "socketcall", "clone", "clone3", "unshare"})


def _allow(
    *names: str,
    action: str = "ALLOW",
    args: tuple[tuple[int, str, int, int], ...] = (),
) -> Rule:
    rule: Rule = {"names": list(names), "action": f"SCMP_ACT_{action}"}
    if action == "ERRNO":
        rule["errnoRet"] = REFUSED
    if args:
        rule["args"] = [
            {
                "index": index,
                "op": f"SCMP_CMP_{operator}",
                "value": value,
                "valueTwo": other,
            }
            for index, operator, value, other in args
        ]
    return rule


def _masked(
    index: int,
    mask: int,
    value: int,
) -> tuple[int, str, int, int]:
    return index, "MASKED_EQ", mask, value


_SOCKETS = tuple(_allow("socket", args=(_masked(0, 0xFFFFFFFF, family),)) for family in _FAMILIES)
_THREADS = (
    _allow("clone", args=(_masked(0, _NEW_USER, 0),)),
    _allow("unshare", args=(_masked(0, _NEW_USER, 0),)),
)

OPENINGS: Mapping[str, tuple[Rule, ...]] = {
    "bpf-plain": (_allow("bpf"),),
    "bpf-logged": (_allow("bpf", action="LOG"),),
    "bpf-at-least-zero": (_allow("bpf", args=((0, "GE", 0, 0),)),),
    "bpf-at-most-all": (_allow("bpf", args=((0, "LE", _ALL, 0),)),),
    "bpf-either-or": (_allow("bpf", args=((0, "EQ", 0, 0), (0, "NE", 0, 0))),),
    "bpf-empty-mask": (_allow("bpf", args=(_masked(0, 0, 0),)),),
    "bpf-one-command": (_allow("bpf", args=((0, "EQ", 5, 0),)),),
    "bpf-allowed-later": (
        _allow(
            "bpf",
            action="ERRNO",
            args=((0, "EQ", 5, 0),),
        ),
        _allow("bpf"),
    ),
    "perf": (_allow("perf_event_open"),),
    "io-uring": (
        _allow(
            "io_uring_setup",
            "io_uring_enter",
            "io_uring_register",
        ),
    ),
    "userfault": (_allow("userfaultfd"),),
    "handles": (_allow("open_by_handle_at"),),
    "keys": (_allow("add_key"),),
    "key-requests": (_allow("request_key"),),
    "kcmp": (_allow("kcmp"),),
    "advice": (_allow("process_madvise"),),
}
"""Each of these opens a dangerous call."""

CLOSED: Mapping[str, tuple[Rule, ...]] = {
    "bpf-never-true": (_allow("bpf", args=((0, "LT", 0, 0),)),),
    "bpf-refused-first": (_allow("bpf", action="ERRNO"), _allow("bpf")),
    "bpf-wrong-mask": (_allow("bpf", args=(_masked(0, 0xF, 0x10),)),),
    "fanotify": (_allow("fanotify_init"),),
}
"""These only look as if they did. Newer profiles of Podman allow `fanotify_init`, too."""


def profiles(stock: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Name of a file -> the profile.

    Args:
        stock: a profile with Podman's own rules, from which the calls come that every program
            needs.
    """
    names = sorted(
        {
            name
            for rule in stock["syscalls"]
            if rule["action"] == "SCMP_ACT_ALLOW" and not (rule.get("includes") or {}).get("caps")
            for name in rule["names"]
        }
        - _SPECIAL
    )
    base = (_allow(*names), *_SOCKETS, *_THREADS)
    plain = (_allow(*names), _allow("socket"), *_THREADS)
    result = {name: (*base, *rules) for name, rules in {**OPENINGS, **CLOSED}.items()}
    without_sockets = (_allow(*names), *_THREADS)
    result |= {
        "closed": base,
        "socket-plain": plain,
        "socket-not-equal": (
            *without_sockets,
            _allow("socket", args=((0, "NE", 40, 0),)),
        ),
        "socket-above": (
            *without_sockets,
            _allow("socket", args=((0, "LT", 38, 0),)),
            _allow("socket", args=((0, "GT", 40, 0),)),
        ),
        "socket-equal": (
            *without_sockets,
            *(_allow("socket", args=((0, "EQ", family, 0),)) for family in _FAMILIES),
        ),
        "unshare-open": (
            _allow(*names),
            *_SOCKETS,
            _allow("unshare"),
            _THREADS[0],
        ),
        "clone-open": (
            _allow(*names),
            *_SOCKETS,
            _allow("clone"),
            _THREADS[1],
        ),
        "clone3-open": (*base, _allow("clone3")),
    }
    made = {name: _profile("ERRNO", rules) for name, rules in result.items()}
    both = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86")
    made["socketcall"] = _profile("ERRNO", (*base, _allow("socketcall")), both)
    made["families-in-32-bit"] = _profile("ERRNO", base, both)
    made["socketcall-refused"] = _profile(
        "ERRNO", (*base, _allow("socketcall", action="ERRNO")), both
    )
    made["allow-all"] = _profile("ALLOW", ())
    made["log-all"] = _profile("LOG", ())
    made["allow-but-a-few"] = _profile("ALLOW", (_allow("bpf", "mount", action="ERRNO"),))
    made["changed-to-closed"] = made["changed-to-open"] = made["closed"]
    return made


def _profile(
    default: str,
    rules: tuple[Rule, ...],
    architectures: tuple[str, ...] = ("SCMP_ARCH_X86_64",),
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "defaultAction": f"SCMP_ACT_{default}",
        "architectures": list(architectures),
        "syscalls": list(rules),
    }
    if default == "ERRNO":
        made["defaultErrnoRet"] = _ENOSYS
    return made
