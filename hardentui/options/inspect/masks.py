"""Readers of masks, /proc mount options and kernel parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.podman_version import Version
from hardentui.model.spec import UNKNOWABLE, Reading
from hardentui.options.inspect import View, by_command, is_privileged, oci_mount
from hardentui.options.run_command import RunCommand

_PROC_DEFAULTS = frozenset({"nosuid", "noexec", "nodev", "rprivate"})


_ENGINE_SYSCTLS = {"net.ipv4.ping_group_range": "0 0"}


MASKED_ALWAYS = frozenset(
    "/proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list "
    "/proc/timer_stats /sys/firmware /sys/fs/selinux".split()
)
"""Masked by default in every Podman version."""


_POWERCAP = "/sys/devices/virtual/powercap"


_POWERCAP_SINCE = Version(5, 0)


_MASKED_BY_SOME = (
    _POWERCAP,
    "/proc/interrupts",
    "/sys/dev/block",
    "/sys/devices/system/cpu/",
    "/sys/fs/cgroup/",
)
"""Masked by some versions or in systemd mode, so neither presence nor absence is an option."""


READ_ONLY_ALWAYS = frozenset(
    [
        "/proc/asound",
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ]
)


def _given(command: RunCommand | None, name: str) -> list[str]:
    """Values of `--security-opt name=value` on the command line; Podman accepts both separators."""
    values = []
    for argument in command.all("--security-opt") if command else ():
        if argument.startswith((name + "=", name + ":")):
            values.append(argument[len(name) + 1 :])
    return values


def _unmasks_all(view: View) -> bool:
    options = view.host.get("SecurityOpt") or ()
    if any(option.lower() in ("unmask=all", "systempaths=unconfined") for option in options):
        return True
    return "unconfined" in _given(view.command, "systempaths")  # Podman 4.3 does not show it


@by_command(
    lambda command: tuple(path for value in _given(command, "mask") for path in value.split(":"))
)
def read_mask(view: View) -> Reading:
    if view.oci is None:
        return UNKNOWABLE
    masked = (view.oci.get("linux") or {}).get("maskedPaths") or ()
    extra = [
        path
        for path in masked
        if path not in MASKED_ALWAYS and not path.startswith(_MASKED_BY_SOME)
    ]
    return view.from_oci(tuple(extra)) if extra else None


def read_unmask(view: View) -> Reading:
    if is_privileged(view):
        return None
    if _unmasks_all(view):
        return view.shown(("ALL",))
    if view.command is not None:
        values = _given(view.command, "unmask")
        paths = [path for value in values for path in value.replace(",", ":").split(":")]
        return view.commanded(tuple(paths)) if paths else None
    if view.oci is None:
        return UNKNOWABLE
    linux: Mapping[str, Any] = view.oci.get("linux") or {}
    expected = MASKED_ALWAYS | ({_POWERCAP} if view.sources.version >= _POWERCAP_SINCE else set())
    lifted = expected - set(linux.get("maskedPaths") or ())
    lifted |= READ_ONLY_ALWAYS - set(linux.get("readonlyPaths") or ())
    return view.from_oci(tuple(sorted(lifted))) if lifted else None


@by_command(lambda command: next(reversed(_given(command, "proc-opts")), ""))
def read_proc_opts(view: View) -> Reading:
    if view.oci is None:
        return UNKNOWABLE
    options = (oci_mount(view, "/proc") or {}).get("options") or ()
    return None if _PROC_DEFAULTS.issuperset(options) else view.from_oci(",".join(options))


@by_command(lambda command: tuple(sorted(command.all("--sysctl"))))
def read_sysctl(view: View) -> Reading:
    if view.oci is None:
        return UNKNOWABLE
    parameters = (view.oci.get("linux") or {}).get("sysctl") or {}
    values = sorted(f"{k}={v}" for k, v in parameters.items() if _ENGINE_SYSCTLS.get(k) != v)
    return view.from_oci(tuple(values)) if values else None
