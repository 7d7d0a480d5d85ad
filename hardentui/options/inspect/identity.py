"""Readers of identity and namespaces: user, groups, user namespace, PID, IPC, UTS."""

from __future__ import annotations

from hardentui.model.podman_version import Version
from hardentui.model.spec import UNKNOWABLE, Reading
from hardentui.options.inspect import Reader, View

USERNS_ANNOTATION = "io.podman.annotations.userns"


_IPC_SHOWN = Version(4, 4)


_USERNS_RECORDED = Version(5, 0)


_USUAL_UMASK = "0022"


def _declared_userns(view: View) -> str:
    """The argument of --userns as recorded by Podman (5.0 and later), otherwise from inspect."""
    recorded = str(view.annotations.get(USERNS_ANNOTATION) or "")
    if recorded:
        return recorded
    given = view.command.last("--userns") if view.command else None
    if given:
        return given
    mode = str(view.host.get("UsernsMode") or "")
    return mode if mode.startswith(("container:", "ns:")) else ""


def _is_of_pod(view: View) -> bool:
    """Whether it uses the pod's user namespace; Podman then rejects --userns with --pod."""
    return view.in_pod and _declared_userns(view).startswith("container:")


def read_userns(view: View) -> Reading:
    declared = _declared_userns(view)
    if not declared and view.command is None and _may_be_automatic(view):
        return UNKNOWABLE
    if (
        not declared
        and view.command is None
        and view.sources.rootless
        and _kept_user(view) != "0:0"
    ):
        view.remarks.append(
            "--userns: the map is that of keep-id; the user's entry in /etc/passwd, which keep-id adds, "
            "is not carried over"
        )
    if not declared or declared == "private" or _is_of_pod(view):
        return None
    return view.shown(view.container_reference(declared))


def _may_be_automatic(view: View) -> bool:
    """Before 5.0, inspect shows neither `auto` nor `keep-id`, and no map before the start."""
    if view.sources.version >= _USERNS_RECORDED or view.in_pod:
        return False
    return bool(view.host.get("IDMappings")) or not view.started


def _kept_user(view: View) -> str:
    """The `uid:gid` of the calling account under keep-id: as requested, otherwise as mapped."""
    asked = dict(
        part.split("=", 1)
        for part in _declared_userns(view).partition(":")[2].split(",")
        if "=" in part
    )
    maps = view.host.get("IDMappings") or {}

    def kept(key: str, field: str) -> str:
        mapped = (line.partition(":")[0] for line in maps.get(field) or () if line.endswith(":0:1"))
        return asked.get(key) or next(mapped, "0")

    return f"{kept('uid', 'UidMap')}:{kept('gid', 'GidMap')}"


def read_user(view: View) -> Reading:
    own = str(view.config.get("User") or "")
    if own == str(view.image_config.get("User") or ""):
        return None
    if _is_of_pod(view) or _declared_userns(view).startswith(
        "keep-id"
    ):  # which sets the user by itself
        given = own != _kept_user(view) if view.command is None else "--user" in view.command.flags
        if not given:
            return None
    return view.shown(own) if own else None


def read_group_add(view: View) -> Reading:
    groups = tuple(view.host.get("GroupAdd") or ())
    if view.annotations.get("run.oci.keep_original_groups") == "1" and "keep-groups" not in groups:
        groups = ("keep-groups", *groups)
    return view.shown(groups) if groups else None


def id_map(field: str, flag: str) -> Reader:
    """The lines of an explicit map; those of auto and keep-id come from the engine.

    Inspect shows no map if only users or only groups are mapped (`--uidmap=u0:1000:1`).
    """

    def read(view: View) -> Reading:
        lines = (view.host.get("IDMappings") or {}).get(field)
        if view.in_pod or _declared_userns(view) not in ("", "private"):
            return None
        flags = view.command.flags if view.command else {}
        if lines:
            if view.command is None and _may_be_automatic(view):
                view.remarks.append(f"{flag}: kept as it is; --userns=auto may have chosen the map")
            by_name = "--subuidname" in flags or "--subgidname" in flags
            return None if by_name else view.shown(tuple(lines))
        if view.host.get("UsernsMode") != "private":
            return None
        if view.command is None:
            return UNKNOWABLE
        return view.commanded(tuple(flags[flag])) if flag in flags else None

    return read


def read_passwd(view: View) -> Reading:
    return view.shown(False) if view.config.get("Passwd") is False else None


def read_umask(view: View) -> Reading:
    """Inspect pads an empty umask, which the compatible API stores for "not set", to 0000.

    Then the OCI configuration decides; the kernel's value counts only if it is the usual one,
    because many programs change theirs at start.
    """
    umask = str(view.config.get("Umask") or "")
    if umask == "0000" and view.command is None:
        return _umask_behind_padding(view)
    return None if umask in ("", _USUAL_UMASK) else view.shown(umask)


def _umask_behind_padding(view: View) -> Reading:
    if view.oci is None:
        return None if view.sources.umask == _USUAL_UMASK else UNKNOWABLE
    user = (view.oci.get("process") or {}).get("user") or {}
    given = user.get("umask")
    return None if given in (None, int(_USUAL_UMASK, 8)) else view.from_oci(f"{given:04o}")


def read_ipc(view: View) -> Reading:
    """Before 4.4, inspect calls every IPC namespace shareable, the host's included."""
    if view.host.get("IpcMode") != "shareable" or view.sources.version >= _IPC_SHOWN:
        return _ipc(view)
    if view.command is None:
        return UNKNOWABLE
    given = view.command.last("--ipc")
    return view.commanded(given) if given not in (None, "", "shareable") else None


def namespace(field: str, default: str) -> Reader:
    """A namespace mode; the mode of a pod belongs to the pod."""

    def read(view: View) -> Reading:
        mode = str(view.host.get(field) or "")
        if mode in ("", default) or (view.in_pod and mode.startswith("container:")):
            return None
        return view.shown(view.container_reference(mode))

    return read


_ipc = namespace("IpcMode", "shareable")
