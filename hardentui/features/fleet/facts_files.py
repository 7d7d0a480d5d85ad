"""The facts of a fleet as files: a host each, in folders that are its groups.

`web01.json.gz` is a host, `web01.previous.json.gz` beside it the gathering before, and `hosts.txt` in
the folder that is named lists who is expected. Whoever gathers names the files, so that no host can
pass for another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.visible import visible

MOST_FILES = 20_000
EXPECTED = "hosts.txt"
_ENDINGS = (".json.gz", ".json")
_BEFORE = ".previous"
_NO_FILE = "it is a pipe, a device or a folder, no file"
_LONGEST_LIST = 1 << 20  # bytes


class FactsFile(Struct, frozen=True):
    """The facts of one host."""

    path: str
    name: str  # of the file, without its ending
    group: str = ""  # its folder, below the one that was named
    before: str = ""  # the file of the gathering before; empty = none
    trouble: str = ""  # why it cannot be read

    @property
    def place(self) -> str:
        """What tells it from the other files, also in another gathering: `prod/web01`."""
        return f"{self.group}/{self.name}" if self.group else self.name


class FleetFiles(Struct, frozen=True):
    """What was given to look at."""

    files: tuple[FactsFile, ...]
    missing: tuple[str, ...] = ()  # expected hosts without facts

    @property
    def is_fleet(self) -> bool:
        return len(self.files) + len(self.missing) > 1


def fleet_files(given: Iterable[str], since: str = "") -> FleetFiles:
    """The files of `--facts`: each content once, and of a folder all below it.

    Args:
        since: a folder with the gathering before, its files named as now; empty = it lies beside.

    Raises:
        InputError: a folder without any, or an implausible number.
    """
    files: list[FactsFile] = []
    missing: list[str] = []
    for path in given:
        if not os.path.isdir(path):
            files.append(_file(path, "", since))
            continue
        below = list(_below(path, since))
        if not below:
            raise InputError(
                f"There are no facts in {visible(path, 200)}: no file ends in .json or .json.gz."
            )
        files += below
        missing += _missing(path, since, below)
    if len(files) > MOST_FILES:
        raise InputError(f"More than {MOST_FILES} files of facts at once.")
    return FleetFiles(_each_once(files), tuple(dict.fromkeys(missing)))


def _below(folder: str, since: str) -> Iterator[FactsFile]:
    """The facts in a folder and the folders in it; symbolic links to folders are not followed."""
    for directory, folders, names in os.walk(folder):
        folders.sort()
        group = os.path.relpath(directory, folder)
        group = "" if group == "." else group
        earlier = os.path.join(since, group) if since else ""
        for name in sorted(names):
            own = stem(name)
            if own and not own.endswith(_BEFORE):
                file = _file(os.path.join(directory, name), group, earlier)
                yield file if _is_regular(file.path) else replace(file, trouble=_NO_FILE)


def stem(name: str) -> str:
    """The name without the ending of facts; empty if it has another."""
    return next(
        (name.removesuffix(end) for end in _ENDINGS if name.endswith(end)),
        "",
    )


def _file(
    path: str,
    group: str,
    since: str,
) -> FactsFile:
    directory, name = os.path.split(path)
    own = stem(name) or name
    places = (
        [os.path.join(since, own + end) for end in _ENDINGS]
        if since
        else [os.path.join(directory, own + _BEFORE + end) for end in _ENDINGS]
    )
    before = next((place for place in places if os.path.isfile(place)), "")
    return FactsFile(
        path,
        own,
        group,
        before,
    )


def _missing(
    folder: str,
    since: str,
    files: Sequence[FactsFile],
) -> Iterator[str]:
    """Hosts that `hosts.txt` expects, or that the gathering before had."""
    there = {file.place for file in files}
    expected = [*_expected(os.path.join(folder, EXPECTED))]
    if since and os.path.isdir(since):
        expected += [file.place for file in _below(since, "")]
    for line in expected:
        if line not in there and not any(place.endswith(f"/{line}") for place in there):
            yield line


def _expected(path: str) -> Iterator[str]:
    """The names in a list of hosts, one a line; `#` begins a remark."""
    try:
        with open(path, "rb") as file:
            text = file.read(_LONGEST_LIST).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        name = line.partition("#")[0].strip()
        if name:
            yield visible(name, 200)


def _each_once(files: Sequence[FactsFile]) -> tuple[FactsFile, ...]:
    """A file named twice, or copied, is one host."""
    with ThreadPoolExecutor() as pool:
        contents = tuple(pool.map(_content_of, (file.path for file in files)))
    by_content: dict[str, FactsFile] = {}
    for content, file in zip(contents, files, strict=True):
        by_content.setdefault(content, file)
    return tuple(by_content.values())


def _is_regular(path: str) -> bool:
    """No pipe and no device, where reading may never end; who reads tells what is not there."""
    return os.path.isfile(path) or not os.path.exists(path)


def _content_of(path: str) -> str:
    if not os.path.isfile(path):
        return path  # a pipe is read once
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return path  # the check says why it cannot be read
