"""Readers of who it is, how it lives and how its health is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hardentui.model.spec import UNKNOWABLE, Reading, Version
from hardentui.options.codecs import size_of
from hardentui.options.inspect import Reader, View, by_command, command_text

_LOG_LABELS = Version(6, 0)
_TERM = frozenset({"", "15", "TERM", "SIGTERM"})
_PODMAN_ANNOTATIONS = ("io.podman.annotations.", "org.systemd.property.")
_RUNTIME_ANNOTATIONS = frozenset(
    "io.container.manager io.kubernetes.cri-o.Created io.kubernetes.cri-o.SandboxID "
    "io.kubernetes.cri-o.ContainerType io.kubernetes.cri-o.TTY org.opencontainers.image.stopSignal "
    "run.oci.keep_original_groups".split()
)


def read_name(view: View) -> Reading:
    return view.shown(view.name) if view.name else None


def read_labels(view: View) -> Reading:
    own = view.config.get("Labels") or {}
    inherited = view.image_config.get("Labels") or {}
    labels = sorted(
        f"{name}={value}"
        for name, value in own.items()
        if inherited.get(name) != value and name != "PODMAN_SYSTEMD_UNIT"
    )
    return view.shown(tuple(labels)) if labels else None


def read_annotations(view: View) -> Reading:
    if not view.annotations:
        return None
    inherited = (view.image or {}).get("Annotations") or {}
    annotations = sorted(
        f"{name}={value}"
        for name, value in view.annotations.items()
        if name not in _RUNTIME_ANNOTATIONS
        and not name.startswith(_PODMAN_ANNOTATIONS)
        and inherited.get(name) != value
    )
    return view.shown(tuple(annotations)) if annotations else None


def read_pod(view: View) -> Reading:
    pod = view.sources.pod_name or str(view.inspect.get("Pod") or "")
    return view.shown(pod) if pod else None


def read_requires(view: View) -> Reading:
    dependencies = view.inspect.get("Dependencies") or ()
    if not dependencies:
        return None
    modes = [view.network_mode]
    modes += [
        str(view.host.get(f) or "")
        for f in ("IpcMode", "PidMode", "UTSMode", "UsernsMode", "CgroupMode")
    ]
    shared = {mode[len("container:") :] for mode in modes if mode.startswith("container:")}
    names = view.sources.container_names
    required = sorted(names.get(d, d) for d in dependencies if d not in shared)
    return view.shown(tuple(required)) if required else None


def read_volumes_from(view: View) -> Reading:
    """Compose tools give IDs; the container that is created next under that name has another one."""
    names = view.sources.container_names
    references = [str(text).partition(":") for text in view.host.get("VolumesFrom") or ()]
    given = tuple(
        f"{names.get(giver, giver)}{colon}{options}" for giver, colon, options in references
    )
    return view.shown(given) if given else None


def read_restart(view: View) -> Reading:
    policy = view.host.get("RestartPolicy") or {}
    name = str(policy.get("Name") or "")
    if name in ("", "no"):
        return None
    tries = policy.get("MaximumRetryCount") or 0
    return view.shown(f"{name}:{tries}" if name == "on-failure" and tries else name)


def read_stop_signal(view: View) -> Reading:
    own = str(view.config.get("StopSignal") or "")
    inherited = str(view.image_config.get("StopSignal") or "")
    if own == inherited or (own in _TERM and inherited in _TERM):
        return None
    if own in ("SIGRTMIN+3", "37") and view.config.get("SystemdMode"):
        return None
    return view.shown(own)


def read_stop_timeout(view: View) -> Reading:
    value = view.config.get("StopTimeout")
    return None if value is None or value == 10 else view.shown(int(value))


def read_sdnotify(view: View) -> Reading:
    mode = str(view.config.get("sdNotifyMode") or "")
    if mode in ("", "container"):
        given = view.command.last("--sdnotify") if view.command else None
        return view.commanded("container") if given == "container" else None
    return view.shown(mode)


def read_tls_verify(view: View) -> Reading:
    given = view.command.switched("--tls-verify") if view.command else None
    return view.commanded(False) if given is False else None


def read_init_ctr(view: View) -> Reading:
    return _init_ctr(view) if view.in_pod else None


_init_ctr = command_text("--init-ctr")


def pid_file(field: str) -> Reader:
    """The path of a pid file, unless it is Podman's own inside its run directory."""

    def read(view: View) -> Reading:
        path = str(view.inspect.get(field) or "")
        return view.shown(path) if path and f"/{view.id}/userdata/" not in path else None

    return read


@by_command(lambda command: command.globals.get("--runtime", ("",))[-1])
def read_runtime(view: View) -> Reading:
    runtime = str(view.inspect.get("OCIRuntime") or "")
    default = view.sources.runtime
    return (
        view.shown(runtime)
        if "/" in runtime or (default and runtime not in ("", default))
        else None
    )


def read_log_driver(view: View) -> Reading:
    driver = str((view.host.get("LogConfig") or {}).get("Type") or "")
    default = view.sources.log_driver
    if view.command is not None and "--log-driver" in view.command.flags:
        return view.shown(driver)  # requested, even if it is this engine's default
    if not driver or driver == default or (view.command is not None and not default):
        return None
    return view.shown(driver)


def read_log_options(view: View) -> Reading:
    log = view.host.get("LogConfig") or {}
    path, size, tag = (str(log.get(field) or "") for field in ("Path", "Size", "Tag"))
    given = view.command.all("--log-opt") if view.command else ()
    options = [f"path={path}"] if path and not path.endswith("/userdata/ctr.log") else []
    exact = [text for text in given if text.startswith("max-size=")]
    if exact:
        options.append(exact[-1])
    elif view.command is None and size and size_of(size) > 0:  # else the engine's own setting
        options.append(f"max-size={size.lower()}")
        if "." in size:
            view.remarks.append(f"--log-opt: the size {size} is shown rounded")
    if tag:
        options.append(f"tag={tag}")
    if view.command is None and view.sources.version >= _LOG_LABELS:
        view.remarks.append("--log-opt: label cannot be read")
    options += [text for text in given if text.partition("=")[0] not in ("path", "max-size", "tag")]
    return view.shown(tuple(options)) if options else None


# Readers of health checks. The image's own check is inherited; a changed one is written completely.


_NANO = 1_000_000_000
DEFAULT_INTERVAL = 30 * _NANO
_KEYWORDS = ("CMD", "CMD-SHELL", "NONE")


def duration(nanoseconds: int) -> str:
    """A duration in Podman's notation: `30s`, `1500ms`."""
    for unit, size in (("s", _NANO), ("ms", 1_000_000), ("us", 1000)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds}ns"


def health_command(view: View, test: Sequence[str]) -> str:
    """The argument of --health-cmd that produces this test."""
    kind, words = test[0], list(test[1:])
    if kind == "NONE":
        return "none"
    if kind == "CMD-SHELL" and len(words) == 1:
        text = words[0]
        first = text.split(" ", 1)[0].upper()
        return f"CMD-SHELL {text}" if text.startswith("[") or first in _KEYWORDS else text
    if kind == "CMD-SHELL":
        return json.dumps(list(test), ensure_ascii=False)
    if kind != "CMD":
        return " ".join(test)
    if len(words) > 1:
        return json.dumps(words, ensure_ascii=False)
    if words and len(words[0].split()) != 1:
        view.remarks.append(
            "--health-cmd: a program whose path contains blanks is run through the shell"
        )
        return words[0]
    return "CMD " + " ".join(words)


def _own_check(view: View) -> Mapping[str, Any] | None:
    """The container's health check, if it differs from the image's."""
    own: Mapping[str, Any] = view.config.get("Healthcheck") or {}
    if not own.get("Test"):
        return None
    inherited = view.image_config.get("Healthcheck") or (view.image or {}).get("HealthCheck") or {}
    same = all(
        (own.get(field) or 0) == (inherited.get(field) or 0)
        for field in ("Interval", "Timeout", "Retries", "StartPeriod")
    )
    return None if same and list(own["Test"]) == list(inherited.get("Test") or ()) else own


def _times_of_check(view: View) -> Mapping[str, Any]:
    """The container's own health check, if its times count; else empty."""
    check = _own_check(view) or {}
    return {} if not check or list(check["Test"])[:1] == ["NONE"] else check


def read_health_cmd(view: View) -> Reading:
    check = _own_check(view)
    if check is None:
        return None
    fields = (
        ("Timeout", "--health-timeout"),
        ("Retries", "--health-retries"),
    )
    zeros = [flag for field, flag in fields if _times_of_check(view) and not check.get(field)]
    if zeros and view.command is None:
        view.remarks.append(
            f"{', '.join(zeros)}: 0 cannot be expressed; Podman's default applies instead"
        )
    return view.shown(health_command(view, check["Test"]))


def read_health_interval(view: View) -> Reading:
    check = _times_of_check(view)
    interval = check.get("Interval") or 0
    if not check or (interval == DEFAULT_INTERVAL and not view.image_config.get("Healthcheck")):
        return None
    return view.shown(duration(interval) if interval else "disable")


def health_value(
    field: str,
    default: int,
    convert: Callable[[int], Any],
) -> Reader:
    def read(view: View) -> Reading:
        value = _times_of_check(view).get(field) or 0
        usual = value == default and not view.image_config.get("Healthcheck")
        return None if not value or usual else view.shown(convert(value))

    return read


def _startup(view: View) -> Mapping[str, Any]:
    check: Mapping[str, Any] = view.config.get("StartupHealthCheck") or {}
    return check if check.get("Test") else {}


def read_startup_cmd(view: View) -> Reading:
    check = _startup(view)
    return view.shown(health_command(view, check["Test"])) if check else None


def startup_duration(field: str) -> Reader:
    def read(view: View) -> Reading:
        check = _startup(view)
        if not check:
            return None
        value = check.get(field) or 0
        if value == DEFAULT_INTERVAL:
            return None
        if not value:
            return view.shown("disable") if field == "Interval" else None
        return view.shown(duration(value))

    return read


def startup_number(field: str) -> Reader:
    def read(view: View) -> Reading:
        value = _startup(view).get(field)
        return view.shown(int(value)) if value else None

    return read


def read_on_failure(view: View) -> Reading:
    action = str(view.config.get("HealthcheckOnFailureAction") or "none")
    return None if action == "none" else view.shown(action)


def read_log_destination(view: View) -> Reading:
    place = str(view.config.get("HealthLogDestination") or "local")
    return None if place == "local" else view.shown(place)


def log_limit(field: str, default: int) -> Reader:
    """A limit of the log; inspect omits 0 (no limit), and older engines have no limits."""

    def read(view: View) -> Reading:
        knows_limits = "HealthLogDestination" in view.config
        value = view.config.get(field, 0 if knows_limits else default)
        return None if value == default else view.shown(int(value))

    return read


# Readers of identity and namespaces: user, groups, user namespace, PID, IPC, UTS.


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
