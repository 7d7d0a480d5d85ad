"""Where a compiled program may write: the paths that stand in it as text. It is not run. Pure.

Whether a path is read or written does not stand beside it. What shows it: a file that the image
lacks is made, and state lies in certain directories.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping

from msgspec import Struct

from hardentui.features.trial.learned.first_use import shown_paths
from hardentui.features.trial.learned.named_paths import ProgramPaths
from hardentui.features.trial.learned.programs import Programs
from hardentui.model.trial import NotExercised
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible

_OF_STATE = ("/var", "/srv", "/data", "/home", "/mnt", "/media", "/storage")
_OF_EVERY_SYSTEM = frozenset("/var/lib /var/log /var/cache /var/spool".split())
_OF_EVERY_IMAGE = _OF_EVERY_SYSTEM | {"/app", "/opt"}
"""Directories that a text names in passing. A file in them that has an ending is one to be made."""
_TOPS = ("/", "/etc", "/home", "/media", "/mnt", "/root", "/usr", "/var")
_NO_DATA = (
    *("/dev", "/proc", "/run", "/sys", "/tmp", "/var/tmp"),  # noqa: S108 - compared
    *("/bin", "/lib", "/lib32", "/lib64", "/sbin", "/usr"),
)
_OF_THE_SYSTEM = re.compile(
    r"^/var/(?:lib/(?:apt|dpkg|rpm|dnf|systemd|pam)|cache/(?:apt|debconf|man))(?:/|$)"
    r"|^/var/log/(?:[bwu]tmpx?|lastlog|faillog)$"
)
_SOURCE = re.compile(r"\.(?:[chsS]|cc|cpp|hpp|go|rs)$")
"""What a compiler leaves of the machine where it ran."""


class LateWrites(Struct, frozen=True):
    """Directory of the image that the account may write -> the program that names it.

    Attributes:
        places: those that something shows to be written.
        unclear: those that it may read only.
    """

    places: dict[str, str] = {}
    unclear: dict[str, str] = {}


def late_writes(
    named: Mapping[str, ProgramPaths],
    programs: Programs,
    uid: int,
    known: Collection[str] = (),
) -> LateWrites:
    """Where the programs may write, of what the account may write.

    Args:
        named: program -> the paths in it.
        uid: of the main process, as the container sees it.
        known: places that settings, variables or mounts name: a text that begins with one means it.
    """
    writes = LateWrites({}, {})
    narrow = tuple(place for place in known if place not in _OF_EVERY_SYSTEM | set(_TOPS))
    for program, paths in named.items():
        for path in sorted({programs.real(text) for text in paths.texts}):
            directory = _directory(path, programs, endless=paths.endless)
            if not directory or not programs.may_make(directory, uid):
                continue
            made = (
                directory in _OF_EVERY_SYSTEM
                and path.startswith(f"{directory}/")
                and not path.startswith(narrow)
                if paths.endless
                else _is_made(path, programs)
            )
            if made or _holds_state(directory, programs, uid):
                writes.places.setdefault(directory, program)
            elif directory not in _OF_EVERY_IMAGE:
                writes.unclear.setdefault(directory, program)
    for directory in writes.places:
        writes.unclear.pop(directory, None)
    return writes


def not_read(unclear: Mapping[str, str]) -> tuple[NotExercised, ...]:
    """What the card says of directories that a compiled program names."""
    if not unclear:
        return ()
    program = visible(next(iter(unclear.values())), 80)
    why = f"{program} is compiled: it names it, and whether it writes there cannot be read"
    return (NotExercised(f"writing to {shown_paths([*unclear])}", why),)


def _directory(
    path: str,
    programs: Programs,
    *,
    endless: bool,
) -> str:
    """The directory of the image that a path is about; empty if that says nothing."""
    if _SOURCE.search(path) or _OF_THE_SYSTEM.match(path):
        return ""
    if any(at_or_above(place, path) for place in _NO_DATA):
        return ""
    directory = path
    while endless and directory not in programs.folders and len(directory) > 1:
        directory = directory[:-1]  # the text may go on with another one
    if directory not in programs.folders:
        directory = posixpath.dirname(path)
    is_known = directory in programs.folders and directory not in _TOPS
    return directory if is_known else ""


def _is_made(path: str, programs: Programs) -> bool:
    """Whether it is a file that the image lacks, in a directory that it has."""
    if path in programs.folders or path in programs.present:
        return False
    has_ending = "." in posixpath.basename(path)[1:]
    return has_ending or posixpath.dirname(path) not in _OF_EVERY_IMAGE


def _holds_state(
    directory: str,
    programs: Programs,
    uid: int,
) -> bool:
    """By its place, or because its image has given it to an account that is not root."""
    if any(at_or_above(place, directory) for place in _OF_STATE):
        return directory not in _OF_EVERY_IMAGE
    return uid != 0 and directory.count("/") > 1 and programs.folders[directory][0] == uid
