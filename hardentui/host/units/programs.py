"""Programs that units run, and the files that control them: scripts for a shell, settings files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from hardentui.host.files.reader import ROOT_ONLY, Files, examine, text_or
from hardentui.model.configuration import Accounts, FileFact
from hardentui.model.host import UnitProgram, User
from hardentui.model.known import Known, Unread
from hardentui.systemd.command_line import UnbalancedQuotes, split_command, split_words, unit_settings

_KINDS = tuple(".service .conf .container .pod .kube .volume .network .image .build .artifact".split())
_INTERPRETERS = frozenset(
    "sh bash dash ash ksh zsh busybox env perl ruby node php lua nice ionice timeout flock nohup setpriv "
    "chrt stdbuf sudo runuser su systemd-run systemd-cat systemd-inhibit chronic logger exec unshare "
    "nsenter".split()
)
_PYTHON = re.compile(r"python[0-9.]*")
_PATH = r"(?<![\w.%$:=@-])/[\w@%+.,/-]+"
_EXEC_MARKS = "-@:+!|"
_MOST_FILES = 500
_OF_QUADLETS = {
    *(("Kube", "Yaml"), ("Build", "File"), ("Build", "SetWorkingDirectory")),
    ("Container", "EnvironmentFile"),
}


def read_unit_programs(
    files: Files,
    units: Mapping[str, Known[FileFact]],
    users: tuple[User, ...],
    accounts: Accounts | None,
) -> tuple[UnitProgram, ...]:
    """The files that units run or read settings from, each with who can change it.

    A file of a unit that runs as another account (`User=`) may belong to that account.
    """
    uids = {user.name: user.uid for user in users}
    programs: dict[tuple[str, str], UnitProgram] = {}
    for path, fact in units.items():
        if not isinstance(fact, FileFact) or fact.kind != "file" or not path.endswith(_KINDS):
            continue
        if re.search(r"\.(?:wants|requires|upholds)/", path):
            continue  # a link to a unit that is inspected itself, or belongs to its package
        home = next((user.home for user in users if user.home and path.startswith(f"{user.home}/")), "/root")
        owners = ROOT_ONLY | {user.uid for user in users if user.home == home}
        for file, runner in _named_in(text_or(files, path), path, home):
            if len(programs) >= _MOST_FILES or (path, file) in programs:
                continue
            uid = uids.get(runner)
            seen = examine(files, file, owners | ({uid} if uid is not None else set()), accounts=accounts)
            if isinstance(seen, Unread) or (isinstance(seen, FileFact) and seen.kind == "file"):
                programs[path, file] = UnitProgram(path, file, seen)
    return tuple(programs.values())


def _named_in(content: str, unit: str, home: str) -> Iterator[tuple[str, str]]:
    """(file, account that runs it) for the files that a unit names; empty for the manager's own account."""
    settings = tuple(unit_settings(content))
    account = next((value for section, key, value in settings if (section, key) == ("Service", "User")), "")
    for section, key, value in settings:
        if section == "Service" and key.startswith("Exec"):
            marks = value[: len(value) - len(value.lstrip(_EXEC_MARKS))]
            runner = "" if "+" in marks or "!" in marks else account
            for file in files_of_command(value, home):
                yield file, runner
        elif section == "Service" and key == "EnvironmentFile":
            for file in _expanded(value.lstrip("-"), home):
                yield file, ""
        elif (section, key) in _OF_QUADLETS and value:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(unit), value)), ""


def files_of_command(value: str, home: str = "/root") -> tuple[str, ...]:
    """The program of an Exec…= line, and the script arguments of an interpreter in it."""
    try:
        words = split_command(value.lstrip(_EXEC_MARKS))
    except UnbalancedQuotes:
        return ()
    files: list[str] = []
    reads_scripts = False
    for at, word in enumerate(words):
        whole = tuple(_expanded(word, home))
        if at == 0 or (reads_scripts and whole and whole[0].startswith("/") and " " not in word):
            files += [path for path in whole if path.startswith("/")]
        elif reads_scripts:
            files += _paths_in(word, home)
        name = posixpath.basename(word)
        reads_scripts = reads_scripts or name in _INTERPRETERS or _PYTHON.fullmatch(name) is not None
    return tuple(dict.fromkeys(files))


def _paths_in(word: str, home: str) -> Iterable[str]:
    """Paths in the script of `sh -c '…'`."""
    for path in re.findall(_PATH, word):
        yield from _expanded(path, home)


def _expanded(word: str, home: str) -> Iterator[str]:
    """The word with `%h` and `%%` expanded; empty if only a running systemd knows its value."""
    word = word.replace("%%", "\0").replace("%h", home)
    if "%" not in word and "$" not in word:
        yield word.replace("\0", "%")


def environment_of(content: str, section: str = "Service") -> Iterator[tuple[str, str]]:
    """(name, value) of each assignment of `Environment=` in a section of a unit."""
    for where, key, value in unit_settings(content):
        if where == section and key == "Environment":
            try:
                words = split_words(value)
            except UnbalancedQuotes:
                continue
            for word in words:
                name, equals, given = word.partition("=")
                if equals:
                    yield name, given
