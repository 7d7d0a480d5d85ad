"""Configuration files: their text, and who can change them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Final

from hardentui.host.files.paths import walk, with_acls
from hardentui.host.files.reader import Files, FileStat, reason
from hardentui.model.access import Accounts, PathStep
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.known import Known, Unread
from hardentui.reading.access import open_spots

ROOT_ONLY: Final = frozenset({0})
MOST_FILES = 5000
_NOTHING: Final = "/dev/null"


def unreadable(path: str, error: OSError) -> Unread:
    return Unread(f"{path} cannot be read: {reason(error)}")


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
    """The sorted names in a directory; none if the directory does not exist."""
    try:
        return tuple(sorted(files.list_dir(path)))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        return unreadable(path, error)


def there(files: Files, path: str) -> bool:
    """It exists, as far as this user can see."""
    try:
        return files.exists(path)
    except OSError:
        return False


def tree(files: Files, path: str, depth: int = 4) -> Iterator[tuple[str, Unread | None]]:
    """Every path below a directory, the directory first; with the reason if a directory cannot be listed.

    Symbolic links are listed, not followed. At most MOST_FILES paths are returned; a larger or deeper tree
    ends with a reason, so that a part is not mistaken for the whole.
    """
    waiting = [(path, depth)]
    count = 0
    while waiting:
        current, left = waiting.pop(0)
        try:
            is_directory = stat.S_ISDIR(files.stat(current, follow=current == path).mode)
            inside = sorted(files.list_dir(current)) if is_directory else []
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield current, unreadable(current, error)
            continue
        if inside and not left:
            yield current, Unread(f"{current} is nested too deeply to be searched")
            continue
        yield current, None
        count += 1
        if count >= MOST_FILES:
            yield path, Unread(f"{path} holds more than {MOST_FILES} files")
            return
        waiting += [(f"{current.rstrip('/')}/{name}", left - 1) for name in inside]


def examine(
    files: Files,
    path: str,
    owners: frozenset[int] = ROOT_ONLY,
    *,
    contents: bool = True,
    accounts: Accounts | None = None,
) -> Known[FileFact | Missing]:
    """A file with everything that lets other accounts change it.

    Walks down from /, follows every symbolic link, and inspects each directory on the way: anyone who may
    write to a directory may replace its contents, the sticky bit aside. ACLs count, and so does a directory
    that denies
    access: `hardentui.reading.access` has the rules.

    Args:
        owners: the accounts that may own it and write to it.
        contents: False ignores write access to the file itself (sockets have other rules).
        accounts: of this machine; without them every group counts as having members.

    Returns:
        Missing also for a dangling link.
    """
    seen = reached(files, path)
    if isinstance(seen, Missing | Unread):
        return seen
    way, status = seen
    harmless = way[-1].path == _NOTHING  # everybody may write there, and it stays empty
    dangers = open_spots(way, accounts, owners, contents=contents and not harmless)
    return FileFact(
        path, status.uid, status.gid, stat.S_IMODE(status.mode), way[-1].kind, dangers, status.mtime
    )


def reached(files: Files, path: str) -> Known[tuple[tuple[PathStep, ...], FileStat] | Missing]:
    """The steps to a path with their ACLs, and its stat."""
    if not path.startswith("/"):
        return Unread(f"{path} is not an absolute path, so it depends on Podman's working directory")
    try:
        way, status = walk(files, path)
    except (FileNotFoundError, NotADirectoryError):
        return Missing(path)
    except OSError as error:
        return unreadable(path, error)
    except ValueError:
        return Missing(path)  # a NUL byte: no file can have such a name
    return with_acls(files, way), status
