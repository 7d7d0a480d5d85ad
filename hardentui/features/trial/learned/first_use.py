"""Directories that a service makes or fills at its first use: its programs, their settings or its
variables name them, and no trial saw them written. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping

from hardentui.features.trial.learned.named_paths import named_places
from hardentui.features.trial.learned.programs import Programs
from hardentui.model.facts import ContainerFacts
from hardentui.model.trial import NotExercised
from hardentui.reading.layer import holds_logs
from hardentui.reading.mounts import at_or_above
from hardentui.reading.scratch import is_scratch, meant_for_writing
from hardentui.visible import visible

_OF_THE_SYSTEM = (
    *("/var/lib/apk", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/pam", "/var/lib/rpm"),
    *("/var/lib/dbus", "/var/lib/dnf", "/var/lib/misc", "/var/lib/systemd", "/var/lib/ucf"),
    *("/var/cache/apt", "/var/cache/debconf", "/var/empty", "/var/mail", "/var/spool/cron"),
)
_OF_EVERY_IMAGE = frozenset(
    "/var/backups /var/cache /var/lib /var/local /var/log /var/mail /var/opt /var/run /var/spool "
    "/var/tmp /var/lock /var/www".split()
)
_SEARCHED = ("PATH", "LS_COLORS")
"""How variables end whose values are where something is looked for, not kept."""
_NO_DATA = ("/etc", "/dev", "/run", "/tmp", "/var/tmp", "/proc", "/sys")  # noqa: S108 - compared
"""What Podman keeps writable with a read-only root, or the kernel makes. A log of nginx leads to
/proc/self/fd/1. What is below /etc is read."""
_MOST = 16
_SHOWN = 4


def first_uses(
    places: Mapping[str, str],
    programs: Programs,
    uid: int = 0,
    home: str = "",
    writes: Collection[str] = (),
) -> dict[str, str]:
    """Directory -> the program that names it: those that are empty or not there yet, and that the
    account may make; 16 at most. Of those that the image fills, caches and logs that are written.

    Args:
        places: path -> the program or variable that names it.
        uid: of the main process, as the container sees it.
        home: of it.
        writes: directories that a program says it writes in.
    """
    uses: dict[str, str] = {}
    for place, program in sorted(with_settings(places, programs).items()):
        at_home = place.startswith("~/")
        if at_home and home in ("", "/"):
            continue
        directory = programs.real(f"{home}{place[1:]}" if at_home else place)
        if "." in posixpath.basename(directory)[1:]:  # a file in it
            directory = posixpath.dirname(directory)
        if directory.count("/") < 2 or directory in _OF_EVERY_IMAGE:
            continue
        if any(at_or_above(place, directory) for place in _NO_DATA):
            continue
        refilled = directory in writes and (is_scratch(directory) or holds_logs(directory))
        if (directory in programs.filled and not refilled) or directory in programs.files:
            continue
        if not programs.may_make(directory, uid):
            continue
        if any(at_or_above(tree, directory) for tree in _OF_THE_SYSTEM):
            continue
        uses.setdefault(directory, program)
    outermost = [
        path
        for path in uses
        if not any(other != path and at_or_above(other, path) for other in uses)
    ]
    data_first = sorted(outermost, key=is_scratch)
    return {path: uses[path] for path in data_first[:_MOST]}


def written_by_programs(
    places: Mapping[str, str],
    programs: Programs,
    uid: int,
    home: str,
    directory: str,
) -> dict[str, str]:
    """Directory -> the program that says it writes there, where the account may.

    Args:
        places: path -> program; `./…` is below `directory`, `~/…` below `home`.
        directory: the one that it works in.
    """
    written = {}
    for place, program in sorted(places.items()):
        base = {".": directory, "~": home}.get(place[:1], "")
        path = programs.real(f"{base}/{place[2:]}" if base else place)
        if place[:1] == "/" or base:
            written[path] = program
    return {path: program for path, program in written.items() if programs.may_make(path, uid)}


def named_by_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Path where data is kept -> the variable of the container that names it."""
    return {
        place: name
        for name, value in variables.items()
        if not name.endswith(_SEARCHED)
        for place in named_places(value.encode("utf-8", "replace"))
    }


def with_settings(places: Mapping[str, str], programs: Programs) -> dict[str, str]:
    """With what is named by the settings that a program names: by a file, or the directory of it."""
    known, waiting = dict(places), list(places)
    folders: dict[str, list[str]] = {}
    for path in programs.settings:
        folders.setdefault(posixpath.dirname(path), []).append(path)
    while waiting:
        place = programs.real(waiting.pop())
        for path in (place, *folders.get(place, ())):
            for named in programs.settings.get(path, ()):
                if named not in known:
                    known[named] = path
                    waiting.append(named)
    return known


def not_used(facts: ContainerFacts) -> Iterator[NotExercised]:
    """The first writes that no trial shows: to empty directories of the image that stay read-only,
    and to those that get a volume or tmpfs because a program names them."""
    given = meant_for_writing(facts)
    named = [path for path in facts.first_uses if path in given]
    for gets, paths in (
        ("a volume", [path for path in named if not is_scratch(path)]),
        ("a tmpfs", [path for path in named if is_scratch(path)]),
    ):
        if paths:
            why = f"a program or setting names it: it gets {gets}"
            yield NotExercised(f"first use of {shown_paths(paths)}", why)
    left = [
        path
        for path in facts.empty_directories
        if path not in given and not is_scratch(path) and not holds_logs(path)
    ]
    if left:
        yield NotExercised(
            f"writing to {shown_paths(left)}",
            "empty in the image, and no program or setting names it: it gets no volume",
        )


def shown_paths(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(visible(path, 60) for path in paths[:_SHOWN])}{more}"
