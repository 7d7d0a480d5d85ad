"""AppArmor profiles, and the text of seccomp profiles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.model.file_names import safe_file_name
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, NETWORK, READ_ONLY, READ_ONLY_TMPFS, TMPFS
from hardentui.systemd.unit_text import comment_lines

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./+=,:-]*")
"""Other characters are special in a rule, or would need escaping."""
_SCRATCH = ("/dev/shm", "/run", "/tmp", "/var/tmp")  # noqa: S108 - tmpfs mounts of Podman
_DEVICES = (
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
    "console",
    "ptmx",
    "pts/*",
    "fd/*",
)
_FORBIDDEN = (
    "deny @{PROC}/sysrq-trigger rwklx,",
    "deny @{PROC}/kcore rwklx,",
    "deny @{PROC}/kmem rwklx,",
    "deny @{PROC}/mem rwklx,",
    "deny @{PROC}/sys/kernel/core_pattern wklx,",
    "deny @{PROC}/sys/kernel/modprobe wklx,",
    "deny @{PROC}/sys/vm/** wklx,",
    "deny @{PROC}/sys/fs/** wklx,",
    "deny /sys/firmware/** rwklx,",
    "deny /sys/kernel/** wklx,",
    "deny /sys/devices/virtual/powercap/** rwklx,",
    "deny /sys/module/** wklx,",
)
_MOUNTING = ("mount,", "umount,", "remount,", "pivot_root,")


class AppArmorProfile(Struct, frozen=True):
    """A profile with its name and what it could not include."""

    name: str
    text: str
    notes: tuple[str, ...] = ()  # paths that no rule could be written for, one sentence each


def apparmor_profile(
    container: str,
    spec: Spec,
    capabilities: frozenset[str],
) -> AppArmorProfile:
    """The profile for a container. `capabilities`: those that it may use, `CAP_CHOWN`."""
    name = f"hardentui-{safe_file_name(container)}"[:100]
    writable = [mount.destination for mount in spec[MOUNTS] if not mount.read_only]
    writable += [word.partition(":")[0] for word in spec[TMPFS]]
    if READ_ONLY_TMPFS not in spec or spec[READ_ONLY_TMPFS]:
        writable += _SCRATCH
    plain = [path.rstrip("/") for path in writable if _PLAIN_PATH.fullmatch(path)]
    notes = (
        tuple(
            f"no rule could be written for {path!r}: it stays read-only"
            for path in writable
            if not _PLAIN_PATH.fullmatch(path)
        )
        if spec[READ_ONLY]
        else ()
    )
    body = [
        *_network(spec, "CAP_NET_RAW" in capabilities),
        *sorted(f"capability {rule.removeprefix('CAP_').lower()}," for rule in capabilities),
        *_files(bool(spec[READ_ONLY]), sorted({*plain} - {""})),
        *_FORBIDDEN,
        *(rule if "CAP_SYS_ADMIN" in capabilities else f"deny {rule}" for rule in _MOUNTING),
        "unix,",
        f"signal (send, receive) peer={name},",
        "signal (receive) peer=unconfined,",
        "signal (receive) peer={podman,crun,runc},",
        f"ptrace (read, trace, readby, tracedby) peer={name},",
    ]
    about = [
        f"AppArmor profile for the container {container}, made from what it declares.",
        f"Load it with: apparmor_parser -r -W {name}",
        f"Use it with: podman run --security-opt apparmor={name} (rootful only)",
        *notes,
    ]
    lines = [
        *comment_lines(about),
        "",
        "#include <tunables/global>",
        "",
        f"profile {name} flags=(attach_disconnected,mediate_deleted) {{",
        "  #include <abstractions/base>",
        "",
        *(f"  {line}" for line in body),
        "}",
        "",
    ]
    return AppArmorProfile(name, "\n".join(lines), notes)


def _network(spec: Spec, packets: bool) -> list[str]:
    """Internet, netlink and unix sockets. `packets`: it may capture packets of its network
    (CAP_NET_RAW)."""
    if any(word.partition(":")[0] == "none" for word in spec[NETWORK]):
        return ["network unix,"]
    families = ["network inet,", "network inet6,", "network netlink raw,", "network unix,"]
    return [
        *families,
        "network packet," if packets else "deny network packet,",
    ]


def _files(read_only: bool, writable: Iterable[str]) -> list[str]:
    if not read_only:
        return ["file,"]
    rules = ["/ r,", "/** mrixk,"]
    for path in writable:
        rules += [f'"{path}/" rw,', f'"{path}/**" mrwlkix,']
    rules += [f"/dev/{name} rw," for name in _DEVICES]
    return [*rules, "@{PROC}/@{pid}/** rw,", "@{PROC}/@{pid}/task/@{tid}/** rw,"]


def profile_text(profile: Mapping[str, Any]) -> str:
    return (
        json.dumps(
            profile,
            indent=1,
            sort_keys=False,
        )
        + "\n"
    )
