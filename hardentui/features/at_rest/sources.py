"""The files below the given paths: which are ours to read, and their text. Nothing outside is read.

A name that is a link may lead anywhere, so a link counts only if it ends below the given paths.
Whatever is not a plain text file of a sensible size is refused in one sentence, and the other files
are still checked.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, MutableMapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import HardenError, InputError
from hardentui.host.files import reason
from hardentui.lib.frames import ReaderKind
from hardentui.model.finding import Place
from hardentui.model.open_value import OpenText, is_open
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.reader import expect
from hardentui.regular_files import Folder, read_with_folder
from hardentui.visible import visible

LARGEST = 1 << 20
"""Bytes of one file."""
_MOST_NAMES = 200_000
_MOST_FILES = 20_000
_DEEPEST = 24
_MOST_DIGITS = 400
_ENDLESS_NUMBER = re.compile(rf"(?<![\d_])\d[\d_]{{{_MOST_DIGITS}}}")
STDIN = "-"
SOMEONES_HOME = "/home/user"
UNITS = (
    ".container",
    ".pod",
    ".volume",
    ".network",
    ".image",
    ".build",
    ".kube",
    ".artifact",
)
_YAML = (".yaml", ".yml")
_COMPOSE_NAME = re.compile(
    r"(?i)(?:.*[._-])?(?:docker-|podman-|container-)?compose(?:[._-].*)?\.ya?ml$"
)
_SKIPPED = frozenset(".git .hg .svn node_modules .venv venv __pycache__ .tox .mypy_cache".split())
_OF_GENERATOR = re.compile(r"/containers/systemd(?:/|$)")
"""Below such a folder the generator reads every folder, whatever its name."""
WITH_DROP_INS = (*UNITS, ".service")


class SourceFile(Struct, frozen=True, dict=True):
    """A text file."""

    path: str  # absolute; empty for standard input
    shown: str  # as the user would type it
    text: str
    called: str = ""  # the name that it is read by; empty: its own
    folder: Folder | None = None  # where it was read; None for standard input

    @property
    def name(self) -> str:
        return self.called or os.path.basename(self.path)

    @property
    def directory(self) -> str:
        return os.path.dirname(self.path)

    @cached_property
    def _starts(self) -> array[int]:
        """Where each line begins; of thousands of files a list of numbers would be larger than their
        texts."""
        return array("L", (0, *(match.end() for match in re.finditer("\n", self.text))))

    @cached_property
    def speaks_to_us(self) -> bool:
        """Whether it holds a comment such as `# hardentui: rootless`."""
        return "hardentui:" in self.text

    def line_of(self, offset: int) -> int:
        """The line of an offset, from 1."""
        return bisect_right(self._starts, offset)

    def offset_of(self, line: int) -> int:
        """Where a line starts."""
        return self._starts[min(line, len(self._starts)) - 1]

    def place(self, start: int, end: int) -> Place:
        """The place of a span of the text."""
        first, last = self.line_of(start), self.line_of(max(start, end))
        return Place(
            self.shown,
            first,
            start - self._starts[first - 1] + 1,
            last,
            max(start, end) - self._starts[last - 1] + 1,
        )


class Refused(Struct, frozen=True):
    """A file that cannot be checked, and why, as the end of a sentence."""

    shown: str
    why: str


def refusal(shown: str, error: HardenError) -> Refused:
    """Of a file, without saying its name twice."""
    why = error.title.rstrip(".").removeprefix(f"{visible(shown, 200)} ")
    return Refused(shown, why.removeprefix("is not used: "))


class Sources(Struct, frozen=True):
    """What was found below the given paths."""

    # the given paths, absolute and without links; nothing outside them is read
    roots: tuple[str, ...]
    # those that describe services or stand beside them, by absolute path
    files: MutableMapping[str, SourceFile]
    refused: tuple[Refused, ...]
    # absolute paths that the user named as files, whatever they are called
    named: frozenset[str] = frozenset()
    shown: tuple[str, ...] = ()  # the given paths as they were typed
    home: str = SOMEONES_HOME  # of the account whose rootless engine runs what they describe
    version: Version = NEWEST_KNOWN  # the Podman that reads them
    rootless: bool | None = None  # whether a rootless engine runs them; None = as the folders say
    together: tuple[str, ...] = ()  # absolute paths of compose files that are one project

    def is_below(self, path: str) -> bool:
        """Whether a path, without its links, lies below what was given."""
        return self.is_below_resolved(os.path.realpath(path))

    def is_below_resolved(self, real: str) -> bool:
        """The same of a path that has no links."""
        return any(real == root or real.startswith(root.rstrip("/") + "/") for root in self.roots)

    def read(self, path: str, shown: str) -> SourceFile:
        """A file that another one names, which must lie below the given paths.

        Raises:
            InputError: it lies outside, is not a text file, or a variable says where it is.
        """
        if path in self.files:
            return self.files[path]
        if is_open(path):
            written = OpenText.read(shown).written
            raise InputError(f"{visible(written, 200)} is named by a variable and is not read.")
        if not self.is_below(path):
            raise InputError(f"{visible(shown, 200)} lies outside the given paths and is not read.")
        file = self.files[path] = read_file(path, shown)
        return file


def find(paths: Iterable[str], home: str = SOMEONES_HOME) -> Sources:
    """The files of these paths.

    Raises:
        InputError: a path does not exist, or nothing there is a file that can be checked.
    """
    paths = tuple(dict.fromkeys(paths))
    roots = tuple(_root_of(path) for path in paths if path != STDIN)
    sources = Sources(roots, {}, ())
    refused: list[Refused] = []
    named: list[str] = []
    for path in paths:
        if path == STDIN:
            sources.files[""] = called_by_content(
                SourceFile("", "(standard input)", _standard_input())
            )
            named.append("")
            continue
        absolute = os.path.abspath(path)
        if not os.path.isdir(absolute):
            named.append(absolute)
            sources.files[absolute] = called_by_content(read_file(absolute, path))
            continue
        for file_path in _below(absolute, sources, refused):
            if file_path in sources.files:
                continue
            if len(sources.files) >= _MOST_FILES:
                raise InputError(
                    f"More than {_MOST_FILES} files at once.", "Check the folders one by one."
                )
            shown = os.path.join(path, os.path.relpath(file_path, absolute))
            try:
                sources.files[file_path] = _called_compose(read_file(file_path, shown))
            except HardenError as error:
                refused.append(refusal(shown, error))
    return Sources(
        roots,
        sources.files,
        tuple(refused),
        frozenset(named),
        paths,
        home,
    )


def _root_of(path: str) -> str:
    """What may be read for a path: a folder, or the folder of a file, because files name others
    there."""
    absolute = os.path.abspath(path)
    if not os.path.lexists(absolute):
        raise InputError(f"There is no file or folder {visible(path, 200)}.")
    return os.path.realpath(absolute if os.path.isdir(absolute) else os.path.dirname(absolute))


def _below(
    directory: str,
    sources: Sources,
    refused: list[Refused],
) -> Iterator[str]:
    """Paths of the files below a folder that may describe services, in order of their names."""
    names = 0

    def unread(error: OSError) -> None:
        refused.append(
            Refused(
                os.path.relpath(error.filename),
                f"cannot be read: {error.strerror}",
            )
        )

    for place, folders, files in os.walk(directory, onerror=unread):
        depth = place.count("/") - directory.count("/")
        skipped = frozenset() if _OF_GENERATOR.search(place) else _SKIPPED
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        refused += _leading_out(place, set(links) - skipped, sources)
        folders[:] = [] if depth >= _DEEPEST else sorted(set(folders) - skipped)
        names += len(files) + len(folders)
        if names > _MOST_NAMES:
            raise InputError(
                f"{visible(directory, 200)} holds more than {_MOST_NAMES} files.",
                "Name a folder below it.",
            )
        for name in sorted(files):
            path = os.path.join(place, name)
            if not is_interesting(name, place):
                continue
            if os.path.islink(path) and not sources.is_below(path):
                if not _is_enabled_or_masked(path):
                    refused.append(
                        Refused(
                            os.path.relpath(path),
                            "is a link that leads outside the given paths",
                        )
                    )
                continue
            if os.path.islink(path) and _is_read_as_itself(path, os.path.realpath(directory)):
                continue
            yield path


def _is_read_as_itself(path: str, directory: str) -> bool:
    """Whether a link leads to a script of this directory, or to a YAML file beside it, which is read
    under its own name; a patch of a link is none. The name of a unit means something."""
    target = os.path.realpath(path)
    place, name = os.path.split(target)
    beside = place == os.path.realpath(os.path.dirname(path)) and name.endswith(_YAML)
    inside = os.path.relpath(place, directory).split("/")
    is_found = ".." not in inside and _SKIPPED.isdisjoint(inside) and is_interesting(name, place)
    return is_found and (beside or name.endswith(".sh"))


_OF_SYSTEMD = ("/etc/systemd/", "/run/systemd/", "/usr/lib/systemd/", "/lib/systemd/")
_MASKED = "/dev/null"


def _is_enabled_or_masked(path: str) -> bool:
    """Whether a link is what systemctl makes: the unit itself lies in systemd's own directories."""
    target = os.readlink(path)
    return path.endswith(".service") and (
        target == _MASKED or os.path.normpath(target).startswith(_OF_SYSTEMD)
    )


def _leading_out(
    place: str,
    links: Iterable[str],
    sources: Sources,
) -> Iterator[Refused]:
    """Linked folders that are not read, while Quadlet would follow them."""
    for name in sorted(links):
        path = os.path.join(place, name)
        if os.path.isdir(path) and not sources.is_below(path):
            yield Refused(
                os.path.relpath(path), "is a link to a folder outside the given paths, not read"
            )


def stamps(paths: Iterable[str]) -> Iterator[tuple[str, float, int]]:
    """Path, modification time and size of each file that may describe a service, to notice changes."""
    for path in paths:
        files = [path]
        if os.path.isdir(path):
            files = list(
                _below(
                    os.path.abspath(path),
                    Sources((os.path.realpath(path),), {}, ()),
                    [],
                )
            )
        for file in files:
            try:
                status = os.stat(file)
            except OSError:
                continue  # removed meanwhile: it is no longer in the list
            yield file, status.st_mtime, status.st_size


def is_interesting(name: str, directory: str) -> bool:
    """Whether a file found in a folder may describe a service: by its name alone."""
    if name.endswith(WITH_DROP_INS) or is_compose_name(name):
        return True
    if name.endswith(".conf"):
        return os.path.basename(directory).endswith(tuple(f"{unit}.d" for unit in WITH_DROP_INS))
    return name.endswith((*_YAML, ".sh", ".bash"))


def called_by_content(file: SourceFile) -> SourceFile:
    """A named file whose name does not tell, read as what it looks like: Quadlet, compose file,
    Kubernetes YAML or script."""
    if is_interesting(file.name, file.directory) and (
        not file.name.endswith(_YAML) or is_compose_name(file.name)
    ):
        return file
    if re.search(
        r"^\[Container\]\s*$",
        file.text,
        re.MULTILINE,
    ):
        return replace(
            file, called="stdin.container" if not file.path else f"{file.name}.container"
        )
    if re.search(r"^(?:services|\s*\{?\s*\"services\")\s*:", file.text, re.MULTILINE):
        return replace(file, called="compose.yaml")
    if file.name.endswith(_YAML) or re.search(r"^kind\s*:", file.text, re.MULTILINE):
        return replace(file, called="kube.yaml")
    return replace(file, called="script.sh")


_SERVICES = re.compile(r"^services[ \t]*:[ \t]*(?:#.*)?$", re.MULTILINE)
_IMAGE = re.compile(r"^[ \t]{2,12}(?:image|build)[ \t]*:", re.MULTILINE)


def _called_compose(file: SourceFile) -> SourceFile:
    """A YAML file of a folder whose services have images is a compose file, whatever its name."""
    is_yaml = file.name.endswith(_YAML) and not is_compose_name(file.name)
    if is_yaml and _SERVICES.search(file.text) and _IMAGE.search(file.text):
        return replace(file, called="compose.yaml")
    return file


def is_compose_name(name: str) -> bool:
    return _COMPOSE_NAME.match(name) is not None


def read_file(path: str, shown: str) -> SourceFile:
    """The text of a file, and which folder it is in.

    Raises:
        InputError: it cannot be read, or is not UTF-8 text.
    """
    name = visible(shown, 200)
    if path.endswith(_YAML):
        expect(ReaderKind.YAML)
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):
            raise InputError(
                f"{name} is a pipe, not a file.",
                "Pass it on standard input: -",
            )
        content, folder = read_with_folder(path, LARGEST)
        return SourceFile(
            path,
            shown,
            _decoded(content, name),
            folder=folder,
        )
    except OSError as error:
        if os.path.exists(path) and error.errno and error.strerror == "File too large":
            raise InputError(f"{name} is larger than {LARGEST >> 20} MiB.") from error
        raise InputError(f"{name} cannot be read: {reason(error)}.") from error


def _standard_input() -> str:
    return _decoded(
        sys.stdin.buffer.read(LARGEST + 1)[: LARGEST + 1], "Standard input", whole=False
    )


def _decoded(
    content: bytes,
    name: str,
    *,
    whole: bool = True,
) -> str:
    if not whole and len(content) > LARGEST:
        raise InputError(f"{name} is larger than {LARGEST >> 20} MiB.")
    if b"\0" in content:
        raise InputError(f"{name} is not text: it has NUL bytes.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text.") from error
    refuse_endless_number(text, name)
    return text


def refuse_endless_number(text: str, name: str) -> None:
    """Raises InputError for a number that no option means, and that Python would not read."""
    if _ENDLESS_NUMBER.search(text):
        raise InputError(f"{name} is not used: it has a number of more than {_MOST_DIGITS} digits.")
