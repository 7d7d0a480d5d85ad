"""Readers of who it is, how it lives and how its health is checked."""

from __future__ import annotations

from hardentui.model.podman_version import Version
from hardentui.model.spec import Reading
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


def _is_limit(size: str) -> bool:
    try:
        return size_of(size) > 0
    except ValueError:
        return False


def read_log_options(view: View) -> Reading:
    log = view.host.get("LogConfig") or {}
    path, size, tag = (str(log.get(field) or "") for field in ("Path", "Size", "Tag"))
    given = view.command.all("--log-opt") if view.command else ()
    options = [f"path={path}"] if path and not path.endswith("/userdata/ctr.log") else []
    exact = [text for text in given if text.startswith("max-size=")]
    if exact:
        options.append(exact[-1])
    elif view.command is None and _is_limit(size):  # else the engine's own setting
        options.append(f"max-size={size.lower()}")
        if "." in size:
            view.remarks.append(f"--log-opt: the size {size} is shown rounded")
    if tag:
        options.append(f"tag={tag}")
    if view.command is None and view.sources.version >= _LOG_LABELS:
        view.remarks.append("--log-opt: label cannot be read")
    options += [text for text in given if text.partition("=")[0] not in ("path", "max-size", "tag")]
    return view.shown(tuple(options)) if options else None


def log_limit(field: str, default: int) -> Reader:
    """A limit of the log; inspect omits 0 (no limit), and older engines have no limits."""

    def read(view: View) -> Reading:
        knows_limits = "HealthLogDestination" in view.config
        value = view.config.get(field, 0 if knows_limits else default)
        return None if value == default else view.shown(int(value))

    return read
