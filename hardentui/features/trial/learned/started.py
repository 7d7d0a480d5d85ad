"""From a container's command to everything that it may start or load, and what that can ask the
kernel for.

More rather than less: a word of a script that is the name of a program counts as started. Three
kinds of programs import nearly everything and do only what they are told, so their scripts, callers
or names decide: shells and interpreters, a few libraries, and busybox.
"""

from __future__ import annotations

import posixpath
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from hardentui.features.trial.learned.named_paths import ProgramPaths, named_places
from hardentui.features.trial.learned.programs import (
    SCRIPT_ENDS,
    CodeFile,
    Programs,
    script_words,
)
from hardentui.features.trial.learned.written_places import written_places
from hardentui.reading.asked_functions import APPLETS, FUNCTIONS, everyday

_MOST_REACHED = 4_000
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_SHELLS = re.compile(r"(ba|da|a|k|mk|z)?sh$")
_LANGUAGES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        r"python[\d.]*$|pypy",
        (".py",),
        (r"/lib/python[\d.]+/(?!site-packages|dist-packages)",),
    ),
    (
        r"node(js)?$|bun$|deno$",
        (".js", ".mjs", ".cjs", ".ts"),
        (r"/(node_modules|nodejs)/(npm|corepack|@types)/",),
    ),
    (
        r"perl[\d.]*$",
        (".pl", ".pm"),
        (r"^/usr/(share|lib)/.*perl", r"^/usr/(share|lib)/perl"),
    ),
    (r"php[\d.]*$", (".php",), ()),
    (r"ruby[\d.]*$", (".rb",), (r"/lib/ruby/[\d.]+/",)),
    (r"lua[\d.]*$|luajit", (".lua",), ()),
    (r"tclsh[\d.]*$", (".tcl",), ()),
)
"""Interpreter, the ends of its sources, and where those are that come with it and do as they are
told."""
_GIVES_TEXT = re.compile(r"-\w*[cer]$|--eval$")
_JAVA = re.compile(r"java$")
_OF_LIBC = re.compile(r"libc\.|ld-|ld64|libpthread\.|libdl\.|librt\.|libm\.|libresolv\.")
_WIDE = re.compile(
    r"lib(python|node|uv|perl|ruby|lua|tcl|jvm|systemd|cap|selinux|mount|apparmor|nl-|blkid)[\w.-]*\.so"
)
"""Libraries that offer far more than their callers use."""
_HARMLESS = frozenset({"tini", "tini-static", "dumb-init", "catatonit"})
"""Statically linked init processes, which start one program and reap others."""
_MULTIPLE = re.compile(r"(busybox|toybox)")
_STARTS = {
    "cron": ("/etc/cron", "/var/spool/cron/"),
    "crond": ("/etc/cron", "/var/spool/cron/"),
    "supervisord": ("/etc/supervis",),
    "s6-svscan": ("/etc/s6", "/etc/services.d/"),
    "runsvdir": ("/etc/service/", "/etc/sv/"),
    "inetd": ("/etc/inetd",),
    "inetutils-inetd": ("/etc/inetd",),
    "xinetd": ("/etc/xinetd",),
    "monit": ("/etc/monit",),
    "nrpe": ("/etc/nagios/nrpe",),
    "snmpd": ("/etc/snmp/snmpd.",),
}
"""Where it reads what to start; in the directories that its command or script names too."""
_PUBLIC = re.compile(
    r"^(/usr(/local)?)?/(s?bin|lib(32|64|x32)?(/[\w]+-linux-[\w]+)?)$|^/(usr|etc|opt|app|srv)?$|^/usr/(local|share)$"
)
"""Directories of everybody's programs; any other one that a program names holds its own."""
_PRIVATE = re.compile(
    r"^/(usr/(local/)?)?(lib|lib64|libexec)/|^/(opt|app|srv)/|^/usr/(local/)?s?bin/.+/"
)


class Reached(Struct, frozen=True):
    """What the programs of a container can ask for."""

    # program -> the functions that it, and the libraries that it alone decides about, import
    functions: dict[str, frozenset[str]]
    unknown: dict[str, str]  # program -> why what it asks for cannot be told
    set_id: tuple[str, ...] = ()
    places: dict[str, str] = {}  # path where data is kept -> the program that names it
    writes: dict[str, str] = {}  # directory -> the program that says it writes there
    compiled: dict[str, ProgramPaths] = {}  # compiled program -> the paths in it


def reached(
    programs: Programs,
    command: Sequence[str],
    more: Iterable[str] = (),
    *,
    path: str = "",
    elsewhere: str = "",
    mounts: Collection[str] = (),
) -> Reached:
    """Follow a command through everything that it may start.

    Args:
        command: entry point and arguments; `more`: other command lines that run in the container.
        elsewhere: a mount at its working directory, where an interpreter may find sources; empty if
            none.
        mounts: where files of others lie over those of the image.
    """
    return _Search(programs, path, elsewhere, mounts).run(command, more)


class _Search:
    def __init__(
        self,
        programs: Programs,
        path: str,
        elsewhere: str,
        mounts: Collection[str],
    ) -> None:
        self._programs = programs
        self._mounts = tuple(f"{mount.rstrip('/')}/" for mount in mounts)
        self._elsewhere = elsewhere
        self._path = tuple(
            dict.fromkeys(
                (
                    *(d for d in path.split(":") if d.startswith("/")),
                    *_PATH,
                )
            )
        )
        self._names: dict[str, list[str]] = {}
        self._folders: dict[str, list[str]] = {}
        for file in programs.files:
            self._names.setdefault(posixpath.basename(file), []).append(file)
            self._folders.setdefault(posixpath.dirname(file), []).append(file)
        for link in programs.links:
            self._names.setdefault(posixpath.basename(link), []).append(link)
        self._busybox = any(_MULTIPLE.match(name) for name in self._names)
        self._seen: set[str] = set()
        self._languages: set[int] = set()
        self._queue: deque[tuple[str, str]] = deque()
        self._functions: dict[str, set[str]] = {}
        self._unknown: dict[str, str] = {}
        self._set_id: set[str] = set()
        self._given: set[str] = set()
        self._places: dict[str, str] = {}
        self._writes: dict[str, str] = {}
        self._compiled: dict[str, ProgramPaths] = {}

    def run(
        self,
        command: Sequence[str],
        more: Iterable[str],
    ) -> Reached:
        if self._programs.gap:
            self._unknown["its files"] = self._programs.gap
        first = command[0] if command else ""
        for word in (first, *self._scripts(command)):
            if not self._start(word):
                self._unknown[word or "its command"] = "it is not among the files of its image"
        for text in (*command, *more):
            self._words(script_words(text))
            for place in named_places(text.encode("utf-8", "replace")):
                self._places.setdefault(place, "its command")
        for place in _written_by_text(command):
            self._writes.setdefault(place, "its command")
        while self._queue and len(self._seen) < _MOST_REACHED:
            self._take(*self._queue.popleft())
        if self._queue:
            self._unknown["its programs"] = "there are too many of them"
        functions = {
            name: frozenset(names) for name, names in sorted(self._functions.items()) if names
        }
        return Reached(
            functions,
            dict(sorted(self._unknown.items())),
            tuple(sorted(self._set_id)),
            self._places,
            self._writes,
            self._compiled,
        )

    def _scripts(self, command: Sequence[str]) -> list[str]:
        """The word that tells a shell or an interpreter what to run; none for `sh -c`, whose text
        it is."""
        name = posixpath.basename(command[0]) if command else ""
        if not (_SHELLS.match(name) or _language(name) is not None) or "-c" in command:
            return []
        return [word for word in command[1:] if word.startswith("/") or word.endswith(SCRIPT_ENDS)][
            :1
        ]

    def _start(self, word: str) -> bool:
        """Queue the program of this name or path."""
        places = (
            [word] if word.startswith("/") else [f"{directory}/{word}" for directory in self._path]
        )
        if word.endswith(SCRIPT_ENDS):  # relative to a working directory
            places += self._names.get(posixpath.basename(word), ())
        for place in places:
            real = self._programs.real(place)
            known = real in self._programs.files
            if f"{real}/".startswith(self._mounts) and (known or real.endswith(SCRIPT_ENDS)):
                self._unknown[word] = "it is in a mount, which is not read"
                return True
            if known:
                self._add(real, posixpath.basename(place))
                return True
        return False

    def _add(self, path: str, name: str) -> None:
        if _MULTIPLE.match(posixpath.basename(path)):
            self._applet(name)
        elif path not in self._seen:
            self._seen.add(path)
            self._queue.append((path, name))

    def _applet(self, name: str) -> None:
        self._count("busybox", everyday(FUNCTIONS))
        if functions := APPLETS.get(name):
            self._count(name, functions)

    def _words(self, words: Iterable[str]) -> None:
        for word in words:
            if word.startswith("/") and not _PUBLIC.match(word.rstrip("/")):
                self._given.add(f"{word.rstrip('/')}/")
            if word.startswith("/") or ("/" not in word and word in self._names):
                self._start(word)
            elif self._busybox and word in APPLETS:
                self._applet(word)

    def _take(self, path: str, name: str) -> None:
        file = self._programs.files[path]
        if file.set_id:
            self._set_id.add(name)
        self._name_places(name, file)
        if file.kind == "program":
            self._program(path, name, file)
        elif file.kind == "script":
            self._script(name, file)

    def _script(self, name: str, file: CodeFile) -> None:
        if file.unknown:
            self._unknown[name] = file.unknown
        words = [posixpath.basename(word) for word in file.interpreter]
        language = next((at for at in map(_language, words) if at is not None), None)
        if file.interpreter and not any(map(_SHELLS.match, words)):
            self._count(name, file.functions)  # a script of a language: it calls functions itself
        for word in file.interpreter:
            self._start(word)
        if language is None:
            self._words(file.words)

    def _program(
        self,
        path: str,
        name: str,
        file: CodeFile,
    ) -> None:
        base = posixpath.basename(path)
        directories = (*_STARTS[base], *self._given) if base in _STARTS else ()
        for listed in self._programs.files:
            if listed.startswith(directories):
                self._add(listed, listed)
        if base in _HARMLESS:
            return
        language = _language(base)
        obedient = bool(_SHELLS.match(base)) or language is not None
        for library, wide in self._loaded(file):
            if library.unknown:
                self._unknown[name] = library.unknown
            self._count(
                name, everyday(library.functions) if wide or obedient else library.functions
            )
        if file.unknown:
            self._unknown[name] = file.unknown
        self._count(
            name,
            everyday(file.functions) if obedient else file.functions,
        )
        if language is not None:
            self._sources(language)
        elif _JAVA.match(base):
            self._count(name, {"chown", *everyday(FUNCTIONS)})
        elif not obedient:
            self._compiled[name] = file.paths
            self._start_own(file.words)

    def _count(
        self,
        name: str,
        functions: Iterable[str],
    ) -> None:
        self._functions.setdefault(name, set()).update(functions)

    def _sources(self, language: int) -> None:
        """Everything that an interpreter may load, but what comes with it."""
        if language in self._languages:
            return
        self._languages.add(language)
        if self._elsewhere:
            self._unknown[self._elsewhere] = "sources may be there, which are not read"
        _, ends, own = _LANGUAGES[language]
        for path, file in self._programs.files.items():
            if path.endswith(ends) and not any(re.search(place, path) for place in own):
                if file.unknown:
                    self._unknown[path] = file.unknown
                self._count(path, file.functions)
                self._name_places(path, file)
                self._start_set_id(file.words)

    def _start_set_id(self, words: Iterable[str]) -> None:
        """Of the programs that a source names by path, those with rights of their own."""
        for place in map(self._programs.real, words):
            if place in self._programs.files and self._programs.files[place].set_id:
                self._add(place, posixpath.basename(place))

    def _name_places(self, name: str, file: CodeFile) -> None:
        for place in file.places:
            self._places.setdefault(place, name)
        for place in file.writes:
            self._writes.setdefault(place, name)

    def _loaded(self, program: CodeFile) -> Iterator[tuple[CodeFile, bool]]:
        """The libraries of a program, theirs, and the modules of PAM; and whether it is a wide one."""
        names, left = set[str](), [*program.needed]
        while left:
            name = left.pop()
            if name in names or _OF_LIBC.match(name):
                continue
            names.add(name)
            wide = bool(_WIDE.match(name))
            paths = {self._programs.real(path) for path in self._names.get(name, ())}
            files = [self._programs.files[path] for path in paths if path in self._programs.files]
            if not files:
                why = f"its library {name} is not among the files of its image"
                yield CodeFile("program", unknown=why), False
            for file in files:
                left += () if wide else file.needed
                yield file, wide
            for path in paths:
                if not _PUBLIC.match(posixpath.dirname(path)) and path in self._programs.files:
                    self._start_own(self._programs.files[path].words)
            if name.startswith("libpam.so"):
                left += self._modules_of_pam()

    def _modules_of_pam(self) -> list[str]:
        configured = {
            word
            for path, file in self._programs.files.items()
            if path.startswith("/etc/pam.d/")
            for word in file.words
            if word.startswith("pam_") and word.endswith(".so")
        }
        for name in configured:
            for path in self._names.get(name, ()):
                file = self._programs.files.get(self._programs.real(path))
                if file is not None:
                    self._start_own(file.words)
        return sorted(configured & self._names.keys())

    def _start_own(self, words: Iterable[str]) -> None:
        """The programs that a program names by path, and all that is in a directory of its own."""
        for word in words:
            place = self._programs.real(word)
            if place in self._programs.files:
                self._add(place, posixpath.basename(word))
            elif place in self._folders and _PRIVATE.match(place) and not _PUBLIC.match(place):
                for path in self._folders[place]:
                    if self._programs.files[path].kind == "program":
                        self._add(path, posixpath.basename(path))


def _written_by_text(command: Sequence[str]) -> frozenset[str]:
    """Where the text of `sh -c` or `python -c` says that it writes."""
    for at, word in enumerate(command[:-1]):
        name = posixpath.basename(word)
        language = _language(name)
        if language is None and not _SHELLS.match(name):
            continue
        end = ".sh" if language is None else _LANGUAGES[language][1][0]
        for option, text in pairwise(command[at + 1 :]):
            if _GIVES_TEXT.match(option):
                return written_places(text, f"/its command{end}")
    return frozenset()


def _language(name: str) -> int | None:
    for at, (pattern, _, _) in enumerate(_LANGUAGES):
        if re.match(pattern, name):
            return at
    return None
