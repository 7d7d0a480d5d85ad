"""Reading of configuration files: their text, and who can change them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Final

from hardentui.host.files.reader import Files, FileStat, reason
from hardentui.model.configuration import Danger, FileFact, Missing
from hardentui.model.known import Known, Unreadable

ROOT_ONLY: Final = frozenset({0})
MOST_FILES = 5000
_MOST_LINKS = 40
_NOTHING: Final = "/dev/null"
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFSOCK: "socket"}


def unreadable(path: str, error: OSError) -> Unreadable:
    return Unreadable(f"{path} cannot be read: {reason(error)}")


def text(files: Files, path: str) -> Known[str | Missing]:
    """The text of a file; empty for a link to /dev/null, with which `systemctl mask` switches a unit off."""
    try:
        return files.read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return Missing(path)
    except OSError as error:
        return "" if _leads_to_nothing(files, path) else unreadable(path, error)


def _leads_to_nothing(files: Files, path: str) -> bool:
    try:
        return files.read_link(path) == _NOTHING
    except OSError:
        return False


def names(files: Files, path: str) -> Known[tuple[str, ...]]:
    """The sorted names in a folder; none when there is no such folder."""
    try:
        return tuple(sorted(files.list_dir(path)))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        return unreadable(path, error)


def there(files: Files, path: str) -> bool:
    """It exists as far as this user can see."""
    try:
        return files.exists(path)
    except OSError:
        return False


def tree(files: Files, path: str, depth: int = 4) -> Iterator[tuple[str, Unreadable | None]]:
    """Every path below a folder, the folder first; with the reason where a folder cannot be listed.

    Symbolic links are listed, not followed. At most MOST_FILES paths come back, and a tree that is larger
    or deeper ends with a reason, so that nobody takes a part of it for all of it.
    """
    waiting = [(path, depth)]
    count = 0
    while waiting:
        current, left = waiting.pop(0)
        try:
            is_folder = stat.S_ISDIR(files.stat(current, follow=current == path).mode)
            inside = sorted(files.list_dir(current)) if is_folder else []
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield current, unreadable(current, error)
            continue
        if inside and not left:
            yield current, Unreadable(f"{current} lies too deep to be searched")
            continue
        yield current, None
        count += 1
        if count >= MOST_FILES:
            yield path, Unreadable(f"{path} holds more than {MOST_FILES} files")
            return
        waiting += [(f"{current.rstrip('/')}/{name}", left - 1) for name in inside]


def examine(
    files: Files, path: str, owners: frozenset[int] = ROOT_ONLY, *, contents: bool = True
) -> Known[FileFact | Missing]:
    """A file with everything that lets somebody else change it.

    Walks from / down, follows every symbolic link, and looks at each folder on the way: who may write into a
    folder may replace what is in it, the sticky bit aside. A file's group bits are the mask of its ACL when
    it has one, so an entry that gives write access shows up as group-writable.

    Args:
        owners: the accounts that may own it and write to it.
        contents: False leaves out who may write to the file itself (a socket is judged by other rules).

    Returns:
        Missing also for a link that leads nowhere.
    """
    if not path.startswith("/"):
        return Unreadable(f"{path} is no absolute path, so it depends on where Podman is started")
    dangers: list[Danger] = []
    try:
        real, found = _walk(files, path, owners, dangers)
        if contents and real != _NOTHING:  # everybody may write there, and it stays empty
            dangers += _dangers(real, found, owners)
    except (FileNotFoundError, NotADirectoryError):
        return Missing(path)
    except OSError as error:
        return unreadable(path, error)
    except ValueError:
        return Missing(path)  # a zero byte in it: no file can be called like that
    return FileFact(
        path,
        found.uid,
        found.gid,
        stat.S_IMODE(found.mode),
        _KINDS.get(stat.S_IFMT(found.mode), "other"),
        tuple(dict.fromkeys(dangers)),
        found.mtime,
    )


def _walk(files: Files, path: str, owners: frozenset[int], dangers: list[Danger]) -> tuple[str, FileStat]:
    """The real path and its stat; adds what is wrong with the folders above it to `dangers`."""
    waiting = [part for part in path.split("/") if part]
    current, found = "/", files.stat("/")
    links = 0
    while waiting:
        part = waiting.pop(0)
        if part in (".", ".."):
            current = current.rpartition("/")[0] or "/" if part == ".." else current
            found = files.stat(current)
            continue
        if not (found.mode & stat.S_ISVTX):
            dangers += _dangers(current, found, owners)
        candidate = f"{current.rstrip('/')}/{part}"
        status = files.stat(candidate, follow=False)
        if not stat.S_ISLNK(status.mode):
            current, found = candidate, status
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(40, "too many symbolic links", path)
        target = files.read_link(candidate)
        waiting = [one for one in target.split("/") if one] + waiting
        if target.startswith("/"):
            current, found = "/", files.stat("/")
    return current, found


def _dangers(path: str, found: FileStat, owners: frozenset[int]) -> list[Danger]:
    wrong = []
    mode = stat.S_IMODE(found.mode)
    if found.uid not in owners:
        rightful = max(owners)
        fix = "chown root:root" if rightful == 0 else f"chown {rightful}"
        wrong.append(Danger(path, f"belongs to uid {found.uid}", fix))
    private_group = found.uid != 0 and found.gid == found.uid
    if mode & stat.S_IWGRP and not private_group:
        wrong.append(Danger(path, f"can be written by group {found.gid} ({mode:04o})", "chmod g-w"))
    if mode & stat.S_IWOTH:
        wrong.append(Danger(path, f"can be written by everybody ({mode:04o})", "chmod o-w"))
    return wrong
