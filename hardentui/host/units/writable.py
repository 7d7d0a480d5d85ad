"""Who can change the files that engines use: units, configuration, hooks, runtimes and helpers."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from hardentui.errors import InputError
from hardentui.host.files import ROOT_ONLY, Files, examine, names, text_or, tree
from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.host import Program, UnitProgram, User
from hardentui.model.known import Known, Unread
from hardentui.model.path_steps import Accounts
from hardentui.systemd.unit_text import split_command, unit_settings

_KINDS = tuple(
    ".service .conf .container .pod .kube .volume .network .image .build .artifact".split()
)
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
    *(
        ("Kube", "Yaml"),
        ("Build", "File"),
        ("Build", "SetWorkingDirectory"),
    ),
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
        home = next(
            (user.home for user in users if user.home and path.startswith(f"{user.home}/")), "/root"
        )
        owners = ROOT_ONLY | {user.uid for user in users if user.home == home}
        for file, runner in _named_in(text_or(files, path), path, home):
            if len(programs) >= _MOST_FILES or (path, file) in programs:
                continue
            uid = uids.get(runner)
            seen = examine(
                files, file, owners | ({uid} if uid is not None else set()), accounts=accounts
            )
            if isinstance(seen, Unread) or (isinstance(seen, FileFact) and seen.kind == "file"):
                programs[path, file] = UnitProgram(path, file, seen)
    return tuple(programs.values())


def _named_in(
    content: str,
    unit: str,
    home: str,
) -> Iterator[tuple[str, str]]:
    """(file, account that runs it) for the files that a unit names; empty for the manager's own
    account."""
    settings = tuple(unit_settings(content))
    account = next(
        (value for section, key, value in settings if (section, key) == ("Service", "User")), ""
    )
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
    except InputError:
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
        reads_scripts = (
            reads_scripts or name in _INTERPRETERS or _PYTHON.fullmatch(name) is not None
        )
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


_ENGINE_CONFIGURATION = ("/etc/containers", "/usr/share/containers", "/etc/docker/certs.d")
_ROOT_UNITS = ("/etc/systemd/system", "/run/containers/systemd")
_SYSTEM_PLACES = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/")
HOOK_DIRECTORIES = ("/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d")
_HELPER_DIRECTORIES = tuple(
    "/usr/local/libexec/podman /usr/local/lib/podman /usr/libexec/podman /usr/lib/podman".split()
)
_HELPERS = frozenset(
    "netavark aardvark-dns catatonit conmon rootlessport quadlet pasta gvproxy".split()
)
_RUNTIMES = frozenset(
    (
        "crun",
        "crun-wasm",
        "runc",
        "kata",
        "runj",
        "runsc",
        "krun",
        "youki",
        "ocijail",
    )
)
_PROGRAM_PLACES = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")


def read_engine_configuration(
    files: Files,
    accounts: Accounts | None = None,
    users: tuple[User, ...] = (),
) -> dict[str, Known[FileFact]]:
    """Every configuration file and directory of the engines, except Quadlet directories: the
    system's, and those of users with containers, which may belong to that user."""
    facts = _below(
        files,
        _ENGINE_CONFIGURATION,
        ROOT_ONLY,
        accounts,
    )
    for user in users:
        if user.rootless:
            own = (f"{user.home}/.config/containers",)
            facts |= _below(
                files,
                own,
                ROOT_ONLY | {user.uid},
                accounts,
            )
    return {path: fact for path, fact in facts.items() if "/containers/systemd/" not in f"{path}/"}


def read_units(
    files: Files,
    users: tuple[User, ...],
    accounts: Accounts | None = None,
) -> dict[str, Known[FileFact]]:
    """Quadlets, unit files and drop-ins with their directories: root's, and those of users with
    containers.

    A user's own Quadlets may belong to that user only.
    """
    quadlets = ("/etc/containers/systemd", "/usr/share/containers/systemd")
    facts = _below(
        files,
        (*_ROOT_UNITS, *quadlets),
        ROOT_ONLY,
        accounts,
    )
    for user in users:
        if user.rootless:
            own = (
                f"{user.home}/.config/containers/systemd",
                f"{user.home}/.config/systemd/user",
            )
            facts |= _below(
                files,
                own,
                ROOT_ONLY | {user.uid},
                accounts,
            )
    return facts


def _below(
    files: Files,
    directories: Iterable[str],
    owners: frozenset[int],
    accounts: Accounts | None,
) -> dict[str, Known[FileFact]]:
    facts: dict[str, Known[FileFact]] = {}
    for directory in directories:
        for path, fault in tree(files, directory):
            fact = fault or examine(
                files,
                path,
                owners,
                accounts=accounts,
            )
            if not isinstance(fact, Missing):
                facts[path] = fact
    return facts


def read_programs(
    files: Files,
    configuration: Configuration,
) -> tuple[Program, ...]:
    """The OCI runtimes, conmon, the helpers and hooks that the rootful engine would run, and the
    directories in which it looks for them. One that does not exist yet counts as the one in which
    it would be created."""
    programs = [
        *_runtimes(files, configuration),
        *_conmon(files, configuration),
    ]
    programs += [
        *_helpers(files, configuration),
        *_hooks(files, configuration),
    ]
    for setting, built_in in (
        ("engine.helper_binaries_dir", ()),
        ("engine.hooks_dir", HOOK_DIRECTORIES),
    ):
        for directory in _strings(configuration.get(setting)) or built_in:
            programs += _directory(
                files,
                directory,
                configuration.file_of(setting),
            )
    return tuple({(program.role, program.file.path): program for program in programs}.values())


def _directory(
    files: Files,
    directory: str,
    named_by: str,
) -> list[Program]:
    while directory.startswith("/"):
        fact = examine(files, directory)
        if not isinstance(fact, Missing):
            return (
                [
                    Program(
                        "directory",
                        fact,
                        True,
                        named_by,
                    )
                ]
                if isinstance(fact, FileFact)
                else []
            )
        directory = posixpath.dirname(directory.rstrip("/"))
    return []


def _program(
    files: Files,
    role: str,
    path: str,
    named_by: str = "",
    expected: bool = True,
) -> list[Program]:
    fact = examine(files, path)
    if not isinstance(fact, FileFact):
        return []  # not installed, or in a directory that only root can enter
    return [
        Program(
            role,
            fact,
            expected and path.startswith(_SYSTEM_PLACES),
            named_by,
        )
    ]


def _runtimes(
    files: Files,
    configuration: Configuration,
) -> list[Program]:
    programs = []
    configured = {
        name.removeprefix("engine.runtimes."): value
        for name, value in configuration.values.items()
        if name.startswith("engine.runtimes.")
    }
    for name, value in configured.items():
        for path in value.value if isinstance(value.value, list) else ():
            programs += _program(
                files,
                "runtime",
                str(path),
                value.file,
                name in _RUNTIMES,
            )
    chosen = configuration.get("engine.runtime")
    if isinstance(chosen, str) and chosen.startswith("/"):
        expected = posixpath.basename(chosen) in _RUNTIMES
        programs += _program(
            files, "runtime", chosen, configuration.file_of("engine.runtime"), expected
        )
    for name in ("crun", "runc"):
        if name not in configured:
            programs += _first_program(
                files, "runtime", [f"{place}/{name}" for place in _PROGRAM_PLACES]
            )
    return programs


def _first_program(
    files: Files,
    role: str,
    candidates: Iterable[str],
    named_by: str = "",
) -> list[Program]:
    for path in candidates:
        programs = _program(
            files,
            role,
            path,
            named_by,
        )
        if programs:
            return programs
    return []


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _conmon(files: Files, configuration: Configuration) -> list[Program]:
    configured = _strings(configuration.get("engine.conmon_path"))
    built_in = [
        "/usr/libexec/podman/conmon",
        "/usr/local/libexec/podman/conmon",
        "/usr/local/lib/podman/conmon",
    ]
    built_in += [
        "/usr/bin/conmon",
        "/usr/sbin/conmon",
        "/usr/local/bin/conmon",
        "/usr/local/sbin/conmon",
    ]
    named_by = configuration.file_of("engine.conmon_path")
    return _first_program(
        files,
        "conmon",
        configured or built_in,
        named_by,
    )


def _helpers(
    files: Files,
    configuration: Configuration,
) -> list[Program]:
    programs = []
    configured = _strings(configuration.get("engine.helper_binaries_dir"))
    named_by = configuration.file_of("engine.helper_binaries_dir") if configured else ""
    for directory in configured or _HELPER_DIRECTORIES:
        for name in sorted(_HELPERS):
            programs += _program(
                files,
                "helper",
                f"{directory}/{name}",
                named_by,
            )
    programs += _first_program(
        files,
        "helper",
        [f"{place}/pasta" for place in _PROGRAM_PLACES],
    )
    return programs


def _hooks(files: Files, configuration: Configuration) -> list[Program]:
    """Hook files and their programs. The check decides whether one is known."""
    programs: list[Program] = []
    directories = _strings(configuration.get("engine.hooks_dir")) or list(HOOK_DIRECTORIES)
    named_by = configuration.file_of("engine.hooks_dir")
    for directory in directories:
        for name in names(files, directory):
            path = f"{directory}/{name}"
            fact = examine(files, path)
            if not name.endswith(".json") or isinstance(fact, Missing):
                continue
            if isinstance(fact, Unread):
                raise fact
            programs.append(
                Program(
                    "hook",
                    fact,
                    False,
                    named_by,
                )
            )
            target = hook_program(text_or(files, path))
            programs += (
                _program(
                    files,
                    "hook program",
                    target,
                    path,
                )
                if target
                else []
            )
    return programs


def hook_program(content: str) -> str:
    """The program that a hook file names, oci-hooks(5); empty if it cannot be parsed."""
    try:
        document = json.loads(content)
        hook = document.get("hook")
        return str(hook.get("path", "")) if isinstance(hook, dict) else str(hook or "")
    except (ValueError, AttributeError, RecursionError):
        return ""
