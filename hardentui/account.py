"""The account we run as, which files another account could control, and the container we run in.

`sudo -E` runs us as root with a user's environment: their HOME, their PATH. They can change what is
there at any time, so nothing there is written, trusted or run with root's rights.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress

_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_USUAL_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ADMIN_PATH = ("/usr/sbin", "/sbin")
_NAMES_FILES = (
    "XDG_", "CONTAINERS_", "PODMAN_", "DOCKER_", "REGISTRY_", "TRIVY_", "GRYPE_", "COSIGN_",
    "GNUPGHOME", "PYTHON",
)  # fmt: skip
"""Variables that lead us, or a program that we start, to files."""
_NAMES_ENGINES = ("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY", "DOCKER_HOST")
"""Variables that choose the engine: under sudo they are those of whoever called it (`sudo -E`), and
root names one by `--url`."""


def trusted() -> set[int]:
    """Accounts that may own the paths we follow: ours, root, and the account that root is mapped
    to."""
    return {os.geteuid(), 0, os.stat("/").st_uid}


def is_ours(path: str) -> bool:
    """Whether only we and root control the existing part of this path."""
    place = os.path.realpath(path)
    while True:
        try:
            status = os.stat(place)
            sticky = status.st_mode & stat.S_ISVTX
            if status.st_uid not in trusted() or (not sticky and others_may_write(status)):
                return False
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:
            return False
        if place == "/":
            return True
        place = os.path.dirname(place)


def others_may_write(status: os.stat_result) -> bool:
    """Whether its permission bits let an account write that is neither root nor ours."""
    if status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP or status.st_gid == 0:
        return False
    import grp  # only for a directory that a group may write
    import pwd

    users = pwd.getpwall()
    members = {user.pw_uid for user in users if user.pw_gid == status.st_gid}
    with suppress(KeyError):
        named = grp.getgrgid(status.st_gid).gr_mem
        members |= {user.pw_uid for user in users if user.pw_name in named}
    return not members <= trusted()


def home() -> str:
    """Our home: $HOME, or the account's home if $HOME belongs to somebody else."""
    given = os.environ.get("HOME", "")
    if given.startswith("/") and is_ours(given):
        return given
    import pwd  # only if the environment is another user's

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return given or "/"


def search_path() -> tuple[str, ...]:
    """The directories in which programs are looked up: those of $PATH that only we and root can
    change."""
    given = [directory for directory in _path_elements() if not why_skipped(directory)]
    return tuple(dict.fromkeys((*(given or _USUAL_PATH), *_ADMIN_PATH)))


def skipped_in_path() -> tuple[tuple[str, str], ...]:
    """The elements of $PATH in which no program is looked up, each with the reason."""
    return tuple((element, why) for element in _path_elements() if (why := why_skipped(element)))


def why_skipped(element: str) -> str:
    """Why no program is looked up in an element of a path; empty if it may be."""
    if not element.startswith("/"):
        return (
            "it is the current folder"
            if element in ("", ".")
            else "it is relative to the current folder"
        )
    if os.geteuid() == 0 and not is_ours(element):
        return "an account other than root can write it"
    is_open = os.path.isdir(element) and others_may_write(os.stat(element))
    return "other accounts can write it" if is_open else ""


def _path_elements() -> list[str]:
    return list(dict.fromkeys(os.environ["PATH"].split(":"))) if "PATH" in os.environ else []


def find_program(name: str, *, also: str = "") -> str | None:
    """The path of a program; None if it is in no directory of `search_path`.

    Args:
        name: of a program, or its path, which must be absolute.
        also: one more directory.
    """
    named = "/" in name
    for path in (
        [name] if named else [f"{directory}/{name}" for directory in (*search_path(), also)]
    ):
        if path.startswith("/") and os.path.isfile(path) and os.access(path, os.X_OK):
            return path if not named or os.geteuid() != 0 or is_ours(path) else None
    return None


def environment() -> dict[str, str]:
    """The environment for programs that we start: as root, without another user's directories."""
    given = {name: value for name, value in os.environ.items() if not _is_strangers(name, value)}
    if os.geteuid() == 0:
        given["HOME"] = home()
    given["PATH"] = ":".join(search_path())
    return given


_STARTS = (
    "import runpy, sys; sys.path[:] = sys.argv.pop(1).split(':'); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def our_module(module: str, *words: str) -> list[str]:
    """The command that runs a module of ours, isolated: Python obeys no variable, and imports
    nothing from the current folder or a user's packages, but from where this process does.
    """
    places = dict.fromkeys(place for place in (_PACKAGES, *sys.path) if place.startswith("/"))
    return [sys.executable, "-I", "-c", _STARTS, ":".join(places), module, *words]


def adopt_environment() -> None:
    """Forget the variables that lead root into another user's directories, and anybody to a
    temporary directory of others; $PATH stays for the doctor.
    """
    for name, value in list(os.environ.items()):
        if _is_strangers(name, value):
            del os.environ[name]
    if os.geteuid() == 0:
        os.environ["HOME"] = home()


def _is_strangers(name: str, value: str) -> bool:
    if name == "TMPDIR":
        return not value.startswith("/") or not is_ours(value)
    if name in _NAMES_ENGINES:
        return os.geteuid() == 0 and os.environ.get("SUDO_UID", "0") != "0"
    named = os.geteuid() == 0 and name.startswith(_NAMES_FILES) and value.startswith("/")
    return named and not all(is_ours(part) for part in value.split(":"))


def who() -> str:
    """The account, and the account it was reached from: `root (from anna)`."""
    import pwd

    name = str(os.geteuid())
    with suppress(KeyError):
        name = pwd.getpwuid(os.geteuid()).pw_name
    origin = _origin()
    return f"{name} (from {origin})" if origin and origin != name else name


def _origin() -> str:
    """The account that logged in: the kernel's record of it, which sudo and su do not change."""
    import pwd

    with suppress(OSError, ValueError, KeyError):
        with open("/proc/self/loginuid", encoding="ascii") as file:
            uid = int(file.read())
        if uid != 0xFFFFFFFF:
            return pwd.getpwuid(uid).pw_name
    return ""


_SIGNS = (
    ("/run/.toolboxenv", "a toolbox container"),
    ("/run/.containerenv", "a Podman container"),
    ("/.dockerenv", "a Docker container"),
)


def container_around() -> str:
    """What this container is, in words; empty if nothing says that it is one."""
    for path, kind in _SIGNS:
        if os.path.exists(path):
            return kind
    said = os.environ.get("container")  # noqa: SIM112 - engines and systemd write it so
    return "a container" if said else ""
