"""Readers of security options: privileges, capabilities, labels, masks, sysctls, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.options import security as rows
from hardentui.options.capabilities import capability_name
from hardentui.options.readers.common import Reader, Reading, Row, command_text, host_switch, oci_mount
from hardentui.options.readers.process import SECRET_MASK
from hardentui.options.sources import UNKNOWABLE, View

_PROC_DEFAULTS = frozenset({"nosuid", "noexec", "nodev", "rprivate"})
_ENGINE_SYSCTLS = {"net.ipv4.ping_group_range": "0 0"}

MASKED_BY_DEFAULT = frozenset(
    [
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/dev/block",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
        "/sys/fs/selinux",
    ]
)
"""Masked by every Podman since 4.4; newer ones add some, which are recognised by their prefix."""
_MASKED_LATELY = ("/proc/interrupts", "/sys/devices/system/cpu/", "/sys/fs/cgroup/")
READ_ONLY_BY_DEFAULT = frozenset(
    ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
)


def _drops_all(view: View, dropped: list[str]) -> bool:
    """Whether `all` was dropped, which is told apart from a list only by the command line."""
    if not view.inspect.get("BoundingCaps"):
        return True
    if view.command is not None:
        return "all" in {capability_name(name) for name in view.command.all("--cap-drop")}
    return len(dropped) * 2 > len(view.sources.default_capabilities)


def read_cap_drop(view: View) -> Reading:
    dropped = view.host.get("CapDrop")
    if not dropped or view.host.get("Privileged"):
        return None
    return view.shown(("all",) if _drops_all(view, dropped) else tuple(sorted(dropped)))


def read_cap_add(view: View) -> Reading:
    if view.host.get("Privileged"):
        return None
    dropped = view.host.get("CapDrop")
    if dropped and _drops_all(view, dropped):
        added = view.inspect.get("BoundingCaps") or ()
    else:
        added = view.host.get("CapAdd") or ()
    return view.shown(tuple(sorted(added))) if added else None


def security_value(prefix: str) -> Reader:
    """`seccomp=…`, `apparmor=…` of SecurityOpt; there only when it was asked for."""

    def read(view: View) -> Reading:
        for entry in view.host.get("SecurityOpt") or ():
            if entry.startswith(prefix):
                value = entry[len(prefix) :]
                return view.shown(value) if value else None
        return None

    return read


def read_no_new_privileges(view: View) -> Reading:
    options = view.host.get("SecurityOpt") or ()
    found = any(
        o in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true") for o in options
    )
    return view.shown(True) if found else None


def label_part(name: str) -> Reader:
    """One part of `label=type:a,label=level:b`, which Podman shows as a single text."""
    prefix = name + ":"

    def read(view: View) -> Reading:
        for entry in view.host.get("SecurityOpt") or ():
            if entry.startswith("label="):
                for part in entry[len("label=") :].split(",label="):
                    if part.startswith(prefix):
                        return view.shown(part[len(prefix) :])
        return None

    return read


def label_switch(name: str) -> Reader:
    def read(view: View) -> Reading:
        for entry in view.host.get("SecurityOpt") or ():
            if entry.startswith("label=") and name in entry[len("label=") :].split(",label="):
                return view.shown(True)
        return None

    return read


def _security_arguments(view: View, name: str) -> list[str]:
    """Values of `--security-opt name=value` on the command line; both separators are accepted by Podman."""
    found = []
    for argument in view.command.all("--security-opt") if view.command else ():
        if argument.startswith((name + "=", name + ":")):
            found.append(argument[len(name) + 1 :])
    return found


def _unmasks_all(view: View) -> bool:
    options = view.host.get("SecurityOpt") or ()
    return any(option.lower() in ("unmask=all", "systempaths=unconfined") for option in options)


def read_mask(view: View) -> Reading:
    if view.command is not None:
        paths = [path for value in _security_arguments(view, "mask") for path in value.split(":")]
        return view.commanded(tuple(paths)) if paths else None
    if view.oci is None:
        return UNKNOWABLE
    masked = (view.oci.get("linux") or {}).get("maskedPaths") or ()
    extra = [p for p in masked if p not in MASKED_BY_DEFAULT and not p.startswith(_MASKED_LATELY)]
    return view.from_oci(tuple(extra)) if extra else None


def read_unmask(view: View) -> Reading:
    if view.host.get("Privileged"):
        return None
    if _unmasks_all(view):
        return view.shown(("ALL",))
    if view.command is not None:
        paths = [
            p for value in _security_arguments(view, "unmask") for p in value.replace(",", ":").split(":")
        ]
        return view.commanded(tuple(paths)) if paths else None
    if view.oci is None:
        return UNKNOWABLE
    linux: Mapping[str, Any] = view.oci.get("linux") or {}
    lifted = MASKED_BY_DEFAULT - set(linux.get("maskedPaths") or ())
    lifted |= READ_ONLY_BY_DEFAULT - set(linux.get("readonlyPaths") or ())
    return view.from_oci(tuple(sorted(lifted))) if lifted else None


def read_proc_opts(view: View) -> Reading:
    if view.command is not None:
        values = _security_arguments(view, "proc-opts")
        return view.commanded(values[-1]) if values else None
    if view.oci is None:
        return UNKNOWABLE
    options = (oci_mount(view, "/proc") or {}).get("options") or ()
    return None if _PROC_DEFAULTS.issuperset(options) else view.from_oci(",".join(options))


def read_sysctl(view: View) -> Reading:
    if view.command is not None:
        given = view.command.all("--sysctl")
        return view.commanded(tuple(sorted(given))) if given else None
    if view.oci is None:
        return UNKNOWABLE
    found = (view.oci.get("linux") or {}).get("sysctl") or {}
    values = sorted(f"{k}={v}" for k, v in found.items() if _ENGINE_SYSCTLS.get(k) != v)
    return view.from_oci(tuple(values)) if values else None


def _mounted_secrets(view: View) -> tuple[str, ...]:
    """Secrets as inspect shows them: without their target."""
    found = []
    for secret in view.config.get("Secrets") or ():
        parts = [str(secret.get("Name")), "type=mount"]
        for option, field, default in (("uid", "UID", 0), ("gid", "GID", 0)):
            value = secret.get(field) or 0
            if value != default:
                parts.append(f"{option}={value}")
        mode = int(secret.get("Mode") or 0)
        if mode != 0o444:
            parts.append(f"mode={mode:04o}")
        found.append(",".join(parts))
    return tuple(found)


def _with_type(argument: str) -> str:
    """`NAME,uid=5` -> `NAME,type=mount,uid=5`: mount is what Podman takes when nothing is said."""
    name, _, options = argument.partition(",")
    kept = [option for option in options.split(",") if option]
    if not any(option.startswith("type=") for option in kept):
        kept.insert(0, "type=mount")
    return ",".join((name, *kept))


def read_secrets(view: View) -> Reading:
    if view.command is not None:
        given = tuple(_with_type(argument) for argument in view.command.all("--secret"))
        return view.commanded(given) if given else None
    mounted = _mounted_secrets(view)
    masked = [
        entry.partition("=")[0]
        for entry in view.config.get("Env") or ()
        if entry.partition("=")[2] == SECRET_MASK
    ]
    if mounted:
        view.remarks.append("--secret: other targets than /run/secrets/NAME cannot be read")
    if masked:
        view.remarks.append(
            "--secret: a secret is passed as an environment variable whose name cannot be read: "
            + ", ".join(masked)
        )
    if mounted:
        return view.shown(mounted)
    return UNKNOWABLE if masked or not view.started else None


READERS: tuple[Row, ...] = (
    (rows.PRIVILEGED, host_switch("Privileged")),
    (rows.CAP_ADD, read_cap_add),
    (rows.CAP_DROP, read_cap_drop),
    (rows.NO_NEW_PRIVILEGES, read_no_new_privileges),
    (rows.SECCOMP_PROFILE, security_value("seccomp=")),
    (rows.SECCOMP_POLICY, command_text("--seccomp-policy")),
    (rows.APPARMOR, security_value("apparmor=")),
    (rows.LABEL_DISABLE, label_switch("disable")),
    (rows.LABEL_NESTED, label_switch("nested")),
    (rows.LABEL_TYPE, label_part("type")),
    (rows.LABEL_FILETYPE, label_part("filetype")),
    (rows.LABEL_LEVEL, label_part("level")),
    (rows.LABEL_USER, label_part("user")),
    (rows.LABEL_ROLE, label_part("role")),
    (rows.MASK, read_mask),
    (rows.UNMASK, read_unmask),
    (rows.PROC_OPTS, read_proc_opts),
    (rows.SYSCTL, read_sysctl),
    (rows.SECRETS, read_secrets),
)
