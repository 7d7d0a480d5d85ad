"""Readers of security options: privileges, capabilities, profiles, labels, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.capabilities import capability_name
from hardentui.model.spec import UNKNOWABLE, Reading, Version
from hardentui.options.inspect.process import SECRET_MASK, SECRETS_MASKED
from hardentui.options.inspect.view import Reader, View, is_privileged, oci_mount


def read_privileged(view: View) -> Reading:
    return view.shown(True) if is_privileged(view) else None


def _drops_all(view: View, dropped: list[str]) -> bool:
    """Whether `all` was dropped; only the command line distinguishes it from a list."""
    if not view.inspect.get("BoundingCaps"):
        return True
    if view.command is not None:
        return "all" in {capability_name(name) for name in view.command.all("--cap-drop")}
    return len(dropped) * 2 > len(view.sources.default_capabilities)


def read_cap_drop(view: View) -> Reading:
    dropped = view.host.get("CapDrop")
    if not dropped or is_privileged(view):
        return None
    return view.shown(("all",) if _drops_all(view, dropped) else tuple(sorted(dropped)))


def read_cap_add(view: View) -> Reading:
    if is_privileged(view):
        return None
    dropped = view.host.get("CapDrop")
    if dropped and _drops_all(view, dropped):
        added = view.inspect.get("BoundingCaps") or ()
    else:
        added = view.host.get("CapAdd") or ()
    return view.shown(tuple(sorted(added))) if added else None


def security_value(prefix: str) -> Reader:
    """`seccomp=…`, `apparmor=…` in SecurityOpt; present only if requested."""

    def read(view: View) -> Reading:
        for entry in view.host.get("SecurityOpt") or ():
            if entry.startswith(prefix):
                value = entry[len(prefix) :]
                return view.shown(value) if value else None
        return None

    return read


_seccomp_option = security_value("seccomp=")
_apparmor_option = security_value("apparmor=")


def read_seccomp(view: View) -> Reading:
    """Podman records the profile only for its own command line and for the Docker API."""
    option = _seccomp_option(view)
    if option is not None or view.command is not None or is_privileged(view):
        return option
    if view.oci is None:
        return UNKNOWABLE
    if not (view.oci.get("linux") or {}).get("seccomp"):
        return view.from_oci("unconfined")
    view.remarks.append("--security-opt: whether the seccomp profile is the engine's own cannot be read")
    return None


def read_apparmor(view: View) -> Reading:
    option = _apparmor_option(view)
    if option is not None or view.command is not None or is_privileged(view):
        return option
    profile = str(view.inspect.get("AppArmorProfile") or "")
    return None if not profile or profile.startswith("containers-default") else view.shown(profile)


def read_no_new_privileges(view: View) -> Reading:
    options = view.host.get("SecurityOpt") or ()
    given = any(
        o in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true") for o in options
    )
    return view.shown(True) if given else None


def label_part(name: str) -> Reader:
    """One part of `label=type:a,label=level:b`, which Podman shows as one text."""
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


def _mounted_secrets(view: View) -> tuple[str, ...]:
    """The secrets in inspect, which omits their target."""
    secrets = []
    for secret in view.config.get("Secrets") or ():
        parts = [str(secret.get("Name")), "type=mount"]
        for option, field, default in (("uid", "UID", 0), ("gid", "GID", 0)):
            value = secret.get(field) or 0
            if value != default:
                parts.append(f"{option}={value}")
        mode = int(secret.get("Mode") or 0)
        if mode != 0o444:
            parts.append(f"mode={mode:04o}")
        secrets.append(",".join(parts))
    return tuple(secrets)


def _with_type(argument: str) -> str:
    """`NAME,uid=5` -> `NAME,type=mount,uid=5`: mount is Podman's default."""
    name, _, options = argument.partition(",")
    kept = [option for option in options.split(",") if option]
    if not any(option.startswith("type=") for option in kept):
        kept.insert(0, "type=mount")
    return ",".join((name, *kept))


def read_label_disable(view: View) -> Reading:
    switch = _label_disable(view)
    options = view.host.get("SecurityOpt") or ()
    if view.command is None and not any(option.startswith("label=") for option in options):
        view.remarks.append("--security-opt: label= cannot be read if it was set through Podman's API")
    return switch


_label_disable = label_switch("disable")


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
        if not view.started:
            view.remarks.append("--secret: secrets in environment variables cannot be read before the start")
    if masked:
        view.remarks.append(
            "--secret: a secret is passed as an environment variable whose name cannot be read: "
            + ", ".join(masked)
        )
    if mounted:
        return view.shown(mounted)
    return UNKNOWABLE if masked or not view.started or view.sources.version < SECRETS_MASKED else None


# --- Readers of masks, /proc mount options and kernel parameters ------------------------------------


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
    ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
)


def _security_arguments(view: View, name: str) -> list[str]:
    """Values of `--security-opt name=value` on the command line; Podman accepts both separators."""
    values = []
    for argument in view.command.all("--security-opt") if view.command else ():
        if argument.startswith((name + "=", name + ":")):
            values.append(argument[len(name) + 1 :])
    return values


def _unmasks_all(view: View) -> bool:
    options = view.host.get("SecurityOpt") or ()
    if any(option.lower() in ("unmask=all", "systempaths=unconfined") for option in options):
        return True
    return "unconfined" in _security_arguments(view, "systempaths")  # Podman 4.3 does not show it


def read_mask(view: View) -> Reading:
    if view.command is not None:
        paths = [path for value in _security_arguments(view, "mask") for path in value.split(":")]
        return view.commanded(tuple(paths)) if paths else None
    if view.oci is None:
        return UNKNOWABLE
    masked = (view.oci.get("linux") or {}).get("maskedPaths") or ()
    extra = [path for path in masked if path not in MASKED_ALWAYS and not path.startswith(_MASKED_BY_SOME)]
    return view.from_oci(tuple(extra)) if extra else None


def read_unmask(view: View) -> Reading:
    if is_privileged(view):
        return None
    if _unmasks_all(view):
        return view.shown(("ALL",))
    if view.command is not None:
        values = _security_arguments(view, "unmask")
        paths = [path for value in values for path in value.replace(",", ":").split(":")]
        return view.commanded(tuple(paths)) if paths else None
    if view.oci is None:
        return UNKNOWABLE
    linux: Mapping[str, Any] = view.oci.get("linux") or {}
    expected = MASKED_ALWAYS | ({_POWERCAP} if view.sources.version >= _POWERCAP_SINCE else set())
    lifted = expected - set(linux.get("maskedPaths") or ())
    lifted |= READ_ONLY_ALWAYS - set(linux.get("readonlyPaths") or ())
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
    parameters = (view.oci.get("linux") or {}).get("sysctl") or {}
    values = sorted(f"{k}={v}" for k, v in parameters.items() if _ENGINE_SYSCTLS.get(k) != v)
    return view.from_oci(tuple(values)) if values else None
