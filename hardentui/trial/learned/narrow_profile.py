"""A seccomp profile that allows only what is needed, derived from another one and never weaker.

It consists of its base's rules for the allowed names, so what the base denies stays denied.
Some calls get extra conditions: `socket` and `socketpair` by family, `clone` and `unshare` without
the flags that make namespaces. Families are compared in the low 32 bits only, as the kernel does: a filter
that compares all 64 bits lets `1 << 32 | family` through.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from hardentui.reading.seccomp import LETS_THROUGH, Access, access, parse_profile
from hardentui.trial.learned.effects import AF_NETLINK, NETLINK_AUDIT, NEW_NAMESPACES

LOW_BITS = 0xFFFFFFFF
_ALLOW, _REFUSE = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
_GO_NAMES = {"SCMP_ARCH_X86_64": "amd64", "SCMP_ARCH_AARCH64": "arm64"}


class SocketUse(Struct, frozen=True):
    """A kind of socket; `protocol` is None if any is allowed."""

    family: int
    protocol: int | None = None


class Allowed(Struct, frozen=True):
    """What is allowed of what the base allows.

    Attributes:
        names: system calls.
        sockets: kinds of sockets; None = as in the base.
        pairs: families of `socketpair`; None = as in the base.
        new_namespaces: those of `clone clone3 unshare` that may create namespaces. No filter can
            read the flags of `clone3`: if it may not, it returns ENOSYS, and libc falls back to `clone`.
        native: the machine's own ABI; `others`: other ABIs that programs used.
    """

    names: frozenset[str]
    sockets: frozenset[SocketUse] | None = None
    pairs: frozenset[int] | None = None
    new_namespaces: frozenset[str] = frozenset({"clone", "clone3", "unshare"})
    native: str = "SCMP_ARCH_X86_64"
    others: frozenset[str] = frozenset()


def narrow_profile(base: Mapping[str, Any], allowed: Allowed, held: frozenset[str]) -> dict[str, Any]:
    """The profile, as a document for containers and for the OCI runtime.

    Args:
        held: the capabilities of the container; some rules of the base depend on them.
    """
    entries = [entry for entry in base.get("syscalls") or () if isinstance(entry, Mapping)]
    denies = base.get("defaultAction") not in _THROUGH
    special = _special(base, allowed, held)
    plain = allowed.names - frozenset(special)
    refusing = [dict(entry) for entry in entries if entry.get("action") not in _THROUGH]
    rules: list[dict[str, Any]]
    if denies:
        rules = [_without(entry, frozenset(special)) for entry in refusing]
        rules += [rule for entry in refusing for rule in _own_refusal(entry, frozenset(special))]
        rules += [
            {**entry, "names": names}
            for entry in entries
            if entry.get("action") in _THROUGH and (names := sorted(plain.intersection(_names(entry))))
        ]
    else:  # a call that it has a rule for is denied, for some arguments at least
        ruled = {name for entry in refusing for name in _names(entry)}
        rules = [{"names": sorted(plain - ruled), "action": _ALLOW}]
    rules += [rule for name in sorted(special) for rule in special[name]]
    return {
        "defaultAction": base["defaultAction"] if denies else _REFUSE,
        "defaultErrnoRet": base.get("defaultErrnoRet", errno.EPERM) if denies else errno.ENOSYS,
        "archMap": [{"architecture": allowed.native, "subArchitectures": sorted(allowed.others)}],
        "syscalls": [rule for rule in rules if rule["names"]],
    }


def calls_let_through(document: Mapping[str, Any], held: frozenset[str], native: str) -> frozenset[str]:
    """Names that a profile allows for some arguments at least, on this kind of machine."""
    profile = parse_profile(document, capabilities=held, architecture=_GO_NAMES.get(native, ""))
    return frozenset(name for name in profile.rules if access(profile, name) is not Access.NEVER)


_THROUGH = frozenset(f"SCMP_ACT_{action}" for action in LETS_THROUGH)


def _names(entry: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in entry.get("names") or ([entry["name"]] if entry.get("name") else [])]


def _without(entry: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {**entry, "names": [name for name in _names(entry) if name not in names]}


def _own_refusal(entry: Mapping[str, Any], names: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Rules by which the base denies some arguments of these calls with a specific error. Programs depend on
    it: on EINVAL, PAM continues without the kernel's audit socket; on ENOSYS, it denies every login.
    """
    conditions = list(entry.get("args") or ())
    refused = [name for name in _names(entry) if name in names]
    if refused and conditions and all(condition.get("op") == "SCMP_CMP_EQ" for condition in conditions):
        compared = [_equal(condition["index"], condition["value"]) for condition in conditions]
        yield {**entry, "names": refused, "args": compared}


def _special(
    base: Mapping[str, Any], allowed: Allowed, held: frozenset[str]
) -> dict[str, list[dict[str, Any]]]:
    """Name -> the rules that replace the base's; a call that it denies gets none."""
    profile = parse_profile(base, capabilities=held, architecture=_GO_NAMES.get(allowed.native, "amd64"))

    def open_for(name: str, arguments: Mapping[int, int] | None = None) -> bool:
        return access(profile, name, arguments) is Access.ALWAYS

    rules: dict[str, list[dict[str, Any]]] = {}
    if "socket" in allowed.names and allowed.sockets is not None:
        kinds = [use for use in _sorted(allowed.sockets) if open_for("socket", _values(use))]
        rules["socket"] = [_socket_rule(use) for use in kinds]
    if "socketpair" in allowed.names and allowed.pairs is not None and open_for("socketpair"):
        rules["socketpair"] = [_rule("socketpair", _equal(0, family)) for family in sorted(allowed.pairs)]
    for name in ("clone", "unshare"):
        if name in allowed.names and name not in allowed.new_namespaces and open_for(name):
            rules[name] = [_rule(name, _masked(0, NEW_NAMESPACES, 0))]
    if "clone3" in allowed.names and "clone3" not in allowed.new_namespaces:
        rules["clone3"] = [{"names": ["clone3"], "action": _REFUSE, "errnoRet": errno.ENOSYS}]
    return rules


def _sorted(uses: Iterable[SocketUse]) -> list[SocketUse]:
    return sorted(uses, key=lambda use: (use.family, -1 if use.protocol is None else use.protocol))


def _values(use: SocketUse) -> dict[int, int]:
    return {0: use.family, **({} if use.protocol is None else {2: use.protocol})}


def _socket_rule(use: SocketUse) -> dict[str, Any]:
    conditions = [_equal(0, use.family)]
    if use.protocol is not None:
        conditions.append(_equal(2, use.protocol))
    rule = _rule("socket", *conditions)
    if use == SocketUse(AF_NETLINK, NETLINK_AUDIT):
        rule["includes"] = {"caps": ["CAP_AUDIT_WRITE"]}
    return rule


def _rule(name: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"names": [name], "action": _ALLOW, "args": list(conditions)}


def _equal(index: int, value: int) -> dict[str, Any]:
    """Compares the 32 bits that the kernel uses."""
    return _masked(index, LOW_BITS, value)


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
