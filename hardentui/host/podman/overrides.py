"""Configuration outside the standard places: named by CONTAINERS_CONF or CONTAINERS_CONF_OVERRIDE.

Podman reads these variables from its environment: that of its own service, of a container's service, or of
a user's service manager.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.host.files.config import names, text, tree
from hardentui.host.files.reader import Files
from hardentui.host.podman.containers_conf import merge
from hardentui.host.units.programs import environment_of
from hardentui.model.known import Known, Unreadable
from hardentui.model.trust import Override

VARIABLES = ("CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE")
_UNITS = (".service", ".conf", ".container", ".pod", ".kube", ".build", ".volume", ".network", ".image")


def read_overrides(files: Files, *, home: str, uid: int) -> Known[tuple[Override, ...]]:
    """Every such file named in the environment of this engine's user, with its content."""
    overrides: dict[str, Override] = {}
    for where, name, path in _named(files, home, uid):
        if isinstance(path, Unreadable):
            return path
        if name in VARIABLES and path and path not in overrides:
            configuration = merge(files, [path])
            overrides[path] = Override(where, name, path, configuration)
    return tuple(overrides.values())


def _named(files: Files, home: str, uid: int) -> Iterator[tuple[str, str, str | Unreadable]]:
    """(place, variable, file) of each assignment."""
    if uid:
        directories = [
            f"{home}/.config/systemd/user",
            f"{home}/.config/containers/systemd",
            "/etc/systemd/user",
        ]
        plain = ["/etc/environment.d", f"{home}/.config/environment.d"]
    else:
        directories = ["/etc/systemd/system", "/etc/containers/systemd", "/run/systemd/system"]
        plain = []
    for directory in directories:
        for path, fault in tree(files, directory, 3):
            if not uid and "/containers/systemd/users" in path:
                continue
            if fault is not None:
                yield path, "", fault
            elif path.endswith(_UNITS) and ".wants/" not in path:
                content = text(files, path)
                for name, value in environment_of(content) if isinstance(content, str) else ():
                    yield path, name, value
    for place in ("/etc/systemd/user.conf" if uid else "/etc/systemd/system.conf", "/etc/environment"):
        yield from _assignments(files, place)
    for directory in plain:
        inside = names(files, directory)
        for file_name in inside if isinstance(inside, tuple) else ():
            yield from _assignments(files, f"{directory}/{file_name}")
    yield from _of_the_service(files, uid)


def _assignments(files: Files, path: str) -> Iterator[tuple[str, str, str | Unreadable]]:
    """`NAME=value` lines, and those after `DefaultEnvironment=`."""
    content = text(files, path)
    for line in content.splitlines() if isinstance(content, str) else ():
        line = line.strip().removeprefix("DefaultEnvironment=").removeprefix("export ")
        for word in line.replace('"', " ").replace("'", " ").split():
            name, equals, value = word.partition("=")
            if equals and name in VARIABLES:
                yield path, name, value


def _of_the_service(files: Files, uid: int) -> Iterator[tuple[str, str, str | Unreadable]]:
    """The current variables of the engine's own service. Its other variables are ignored."""
    user = f"user.slice/user-{uid}.slice/user@{uid}.service/app.slice" if uid else "system.slice"
    try:
        pids = files.read_text(f"/sys/fs/cgroup/{user}/podman.service/cgroup.procs").split()
    except OSError:
        return
    for pid in pids:
        try:
            content = files.read_text(f"/proc/{pid}/environ")
        except OSError:
            continue
        for word in content.split("\0"):
            name, equals, value = word.partition("=")
            if equals and name in VARIABLES:
                yield f"process {pid}", name, value
