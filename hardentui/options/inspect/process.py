"""Readers of the process: image, command, environment, terminal, init."""

from __future__ import annotations

from collections.abc import Sequence

from hardentui.model.podman_version import Version
from hardentui.model.spec import UNKNOWABLE, Reading
from hardentui.options.inspect import (
    View,
    by_command,
    oci_mount,
)

SECRET_MASK = "*******"  # noqa: S105 - what Podman shows instead of a secret
SECRETS_MASKED = Version(5, 3)
"""Before it, inspect of a started container shows a secret's value as that of any variable."""
PROXY_NAMES = frozenset(
    name
    for low in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
    for name in (low, low.upper())
)
_TERM_WITH_TTY = Version(4, 7)
"""Before it, every container got TERM=xterm, not only those with a terminal."""
_STOCK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of a container whose image has none."""
_INIT_PROGRAMS = frozenset({"/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"})
_ROOT_USERS = frozenset({"", "0", "root", "0:0", "root:root"})


def read_image(view: View) -> Reading:
    name = str(
        view.inspect.get("ImageName") or view.config.get("Image") or view.inspect.get("Image") or ""
    )
    return view.shown(name) if name else None


def real_command(view: View) -> tuple[str, ...]:
    path = view.inspect.get("Path")
    words = tuple(view.inspect.get("Args") or ())
    if view.host.get("Init"):
        return words[1:] if words[:1] == ("--",) else words
    return (str(path), *words) if path else words


def _words(values: Sequence[str] | str | None) -> tuple[str, ...]:
    if isinstance(values, str):  # Podman before 5.0 joins the entrypoint with spaces
        return tuple(values.split())
    return tuple(values or ())


def read_entrypoint(view: View) -> Reading:
    own = _words(view.config.get("Entrypoint"))
    inherited = _words(view.image_config.get("Entrypoint"))
    if own == inherited:
        return None
    return view.shown(() if own == ("",) else own)


def read_command(view: View) -> Reading:
    own = _words(view.config.get("Cmd"))
    entrypoint = _words(view.config.get("Entrypoint"))
    inherited_entrypoint = _words(view.image_config.get("Entrypoint"))
    if entrypoint == inherited_entrypoint:
        if not own or own == _words(view.image_config.get("Cmd")):
            return None
        return view.shown(own)
    if (
        not own and not entrypoint
    ):  # `--entrypoint []`: the image's command runs without its entry point
        own = real_command(view)
    return view.shown(own) if own else None


def _given_names(view: View) -> frozenset[str] | None:
    """Names of variables set on the command line; None = unknown (files, wildcards, no command)."""
    command = view.command
    if command is None or "--env-file" in command.flags or "--env-host" in command.flags:
        return None
    names = set()
    for entry in (
        *command.flags.get("--env", ()),
        *command.flags.get("--env-merge", ()),
    ):
        name = entry.partition("=")[0]
        if name.endswith("*"):
            return None
        names.add(name)
    return frozenset(names)


def _added_by_podman(
    view: View,
    name: str,
    value: str,
    given: frozenset[str] | None,
) -> bool:
    if name == "container":
        return value == "podman"
    if given is not None and name in given:
        return False
    if name == "PATH":
        return value == _STOCK_PATH and not any(
            e.startswith("PATH=") for e in view.image_config.get("Env") or ()
        )
    if name == "HOSTNAME":
        return value == view.config.get("Hostname")
    if name == "TERM":
        if value != "xterm":
            return False
        return (
            given is not None
            or bool(view.config.get("Tty"))
            or view.sources.version < _TERM_WITH_TTY
        )
    if name == "container_uuid":
        return bool(view.config.get("SystemdMode"))
    if name == "HOME" and view.started:
        if given is not None:
            return True
        user = str(view.config.get("User") or "")
        name_of_user = user.partition(":")[0]
        return (
            value == ("/root" if user in _ROOT_USERS else "/") or value == f"/home/{name_of_user}"
        )
    return name in PROXY_NAMES and given is not None


def _secret_names(view: View) -> frozenset[str]:
    """Names of variables that come from secrets, as far as the command line tells."""
    names = set()
    for argument in view.command.all("--secret") if view.command else ():
        name, *options = argument.split(",")
        given = dict(option.partition("=")[::2] for option in options)
        if given.get("type") == "env":
            names.add(given.get("target") or name)
    return frozenset(names)


def read_env(view: View) -> Reading:
    inherited = frozenset(view.image_config.get("Env") or ())
    given = _given_names(view)
    secrets = _secret_names(view)
    variables = []
    for entry in view.config.get("Env") or ():
        if entry in inherited:
            continue
        name, equals, value = entry.partition("=")
        if (
            not equals
            or value == SECRET_MASK
            or name in secrets
            or _added_by_podman(view, name, value, given)
        ):
            continue
        variables.append(entry)
        if name == "HOME" and given is None and view.started:
            view.remarks.append(
                "--env: HOME may have been set by Podman, from the user's home directory"
            )
        if given is None and name in PROXY_NAMES and view.command is None:
            view.remarks.append(f"{name} may have come from the engine's own environment")
    command = view.command
    if command is not None:
        if "--env-file" in command.flags:
            view.remarks.append("variables that came from --env-file are written out one by one")
        if command.switched("--env-host"):
            view.remarks.append(
                "variables that came from the host's environment (--env-host) are written out one "
                "by one"
            )
    return view.shown(tuple(sorted(variables))) if variables else None


def _missing_names(view: View) -> tuple[tuple[str, ...], bool]:
    """Missing variables of the image, and PATH; and whether none of the image's and Podman's are
    left."""
    own = {entry.partition("=")[0] for entry in view.config.get("Env") or ()}
    image = {entry.partition("=")[0] for entry in view.image_config.get("Env") or ()}
    return tuple(sorted({"PATH", *image} - own)), own.isdisjoint({"container", *image})


def _unset_all(view: View) -> bool | None:
    if view.command is not None:
        return bool(view.command.switched("--unsetenv-all"))
    if view.image is None:
        return None
    if view.config.get("Env") is None:
        return False
    return _missing_names(view)[1]


def read_unsetenv_all(view: View) -> Reading:
    answer = _unset_all(view)
    if answer is None:
        return UNKNOWABLE
    return view.shown(True) if answer and not view.inspect.get("Rootfs") else None


@by_command(lambda command: tuple(sorted(set(command.all("--unsetenv")))))
def read_unsetenv(view: View) -> Reading:
    if view.image is None:
        return UNKNOWABLE
    if _unset_all(view):
        return None
    missing, _ = _missing_names(view)
    return view.shown(missing) if missing else None


def read_workdir(view: View) -> Reading:
    own = str(view.config.get("WorkingDir") or "/")
    if own == str(view.image_config.get("WorkingDir") or "/"):
        return None
    if (
        view.command is None
    ):  # Podman's Docker API creates the directory, which inspect does not show
        view.remarks.append(
            f"--workdir: where neither the image nor a mount has {own}, the container does not "
            "start"
        )
    return view.shown(own)


def read_init_path(view: View) -> Reading:
    if not view.host.get("Init"):
        return None
    if view.command is not None:
        path = view.command.last("--init-path")
        return view.commanded(path) if path else None
    mount = oci_mount(view, "/run/podman-init")
    if mount is None:
        return UNKNOWABLE
    source = str(mount.get("source") or "")
    return None if source.rpartition("/")[2] == "catatonit" else view.from_oci(source)


def _starts_systemd(view: View) -> bool:
    words = real_command(view)
    if len(words) > 2 and words[:2] == ("/bin/sh", "-c"):
        words = words[2:]
    return bool(words) and (words[0] in _INIT_PROGRAMS or words[0].rpartition("/")[2] == "systemd")


@by_command(lambda command: mode if (mode := command.last("--systemd")) != "true" else "")
def read_systemd(view: View) -> Reading:
    active = bool(view.config.get("SystemdMode"))
    if active == _starts_systemd(view):
        return None
    return view.shown("always" if active else "false")


@by_command(lambda command: command.last("--personality"))
def read_personality(view: View) -> Reading:
    if view.oci is None:
        return UNKNOWABLE
    domain = ((view.oci.get("linux") or {}).get("personality") or {}).get("domain")
    return view.from_oci(str(domain)) if domain else None


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


@by_command(lambda command: tuple(map(_with_type, command.all("--secret"))))
def read_secrets(view: View) -> Reading:
    mounted = _mounted_secrets(view)
    masked = [
        entry.partition("=")[0]
        for entry in view.config.get("Env") or ()
        if entry.partition("=")[2] == SECRET_MASK
    ]
    if mounted:
        view.remarks.append("--secret: other targets than /run/secrets/NAME cannot be read")
        if not view.started:
            view.remarks.append(
                "--secret: secrets in environment variables cannot be read before the start"
            )
    if masked:
        view.remarks.append(
            "--secret: a secret is passed as an environment variable whose name cannot be read: "
            + ", ".join(masked)
        )
    if mounted:
        return view.shown(mounted)
    return (
        UNKNOWABLE if masked or not view.started or view.sources.version < SECRETS_MASKED else None
    )
