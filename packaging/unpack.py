"""The beginning of hardentui.pyz: unpacks the file once, where no other account can change it.

As root that is /var/cache/hardentui, else the folder for caches of this account. Each folder on the
way must belong to root or to us, and nobody else may write there; else the file is unpacked for one
run. Then Python starts anew, isolated: without current folder, variables and user's packages.
"""

import os
import stat
import sys

BUILD = "@BUILD@"
"""Of what is in the file."""


def is_ours(path: str) -> bool:
    """Whether only we and root control the existing part of this path."""
    path = os.path.realpath(path)
    while True:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        else:
            closed = stat.S_IWOTH | (0 if status.st_gid in (0, os.getegid()) else stat.S_IWGRP)
            is_open = status.st_mode & closed and not status.st_mode & stat.S_ISVTX
            if status.st_uid not in (0, os.geteuid()) or is_open:
                return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def caches() -> str:
    """The folder for caches of this account."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given.startswith("/") and is_ours(given):
        return given
    if os.geteuid() == 0:
        return "/var/cache"
    import pwd

    try:
        return os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, ".cache")
    except KeyError:
        return "/nonexistent"


def unpack(archive: str, target: str) -> None:
    """All files of the archive but this one and the one that started it, into a new folder."""
    import zipfile

    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            inside, name = entry.filename.split("/", 1) if "/" in entry.filename else ("", "")
            if inside == "site":
                path = os.path.join(target, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "xb") as file:
                    file.write(packed.read(entry))


def kept(archive: str) -> str:
    """The folder with what is in the archive, unpacked now or before; empty if there can be none."""
    place = os.path.join(caches(), "hardentui")
    target = os.path.join(place, "program-" + BUILD)
    try:
        os.makedirs(place, 0o755, exist_ok=True)
        if not is_ours(place):
            return ""
        if not os.path.isdir(target):
            import shutil
            import tempfile

            half = tempfile.mkdtemp(prefix="unpacking-", dir=place)
            try:
                os.chmod(half, 0o755)  # noqa: S103 - a program for all accounts
                unpack(archive, half)
                os.rename(half, target)
            except OSError:  # the disk is full, or another process was faster
                shutil.rmtree(half, ignore_errors=True)
        status = os.lstat(target)
    except OSError:
        return ""
    owned = status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022
    return target if stat.S_ISDIR(status.st_mode) and owned else ""


def main() -> None:
    os.umask(0o022)
    archive = os.path.abspath(sys.argv[0])
    words = sys.argv[1:]
    if place := kept(archive):
        os.execv(sys.executable, [sys.executable, "-I", place, *words])  # noqa: S606 - ours
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="hardentui-", dir="/tmp") as directory:
        target = os.path.join(directory, "program")
        unpack(archive, target)
        sys.exit(subprocess.call([sys.executable, "-I", target, *words]))
