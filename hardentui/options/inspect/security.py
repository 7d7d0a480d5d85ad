"""Readers of security options: privileges, capabilities, profiles, labels, secrets."""

from __future__ import annotations

from hardentui.model.facts import capability_name
from hardentui.model.spec import UNKNOWABLE, Reading
from hardentui.options.inspect import (
    Reader,
    View,
    is_privileged,
)


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
    view.remarks.append(
        "--security-opt: whether the seccomp profile is the engine's own cannot be read"
    )
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
        o in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")
        for o in options
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


def read_label_disable(view: View) -> Reading:
    switch = _label_disable(view)
    options = view.host.get("SecurityOpt") or ()
    if view.command is None and not any(option.startswith("label=") for option in options):
        view.remarks.append(
            "--security-opt: label= cannot be read if it was set through Podman's API"
        )
    return switch


_label_disable = label_switch("disable")
