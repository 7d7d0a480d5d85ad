"""Files from a document, and recording such a document while files are read.

The document is plain JSON::

    {"complete": true, "text": {path: text}, "bytes": {path: base64}, "links": {path: target},
     "dirs": {path: [names]}, "stats": {path: {mode, uid, …}}, "lstats": {…}, "errors": {path:
     "EACCES"}, "attributes": {path: {name: base64}}}

In a complete document (the simulated host) a missing path does not exist, and directories list what
is below them. In a recording it was merely not read, so reading it raises NotRecorded.
"""

from __future__ import annotations

import base64
import copy
import errno
import fnmatch
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeVar

from msgspec.structs import asdict

from hardentui.host.files import DEFAULT_LIMIT, Files, FileStat, NotRecorded, is_there

T = TypeVar("T")

SECRET_PATTERNS = tuple(
    (
        "*/etc/shadow* */etc/gshadow* *.key *.p12 *.pfx *_key */id_rsa */id_dsa */id_ecdsa* */id_ed25519* "
        "*/auth.json */.docker/config.json */.dockercfg */.netrc */.pgpass */.kube/config */secretsdata* "
        "*/run/secrets/* /proc/*/environ /proc/*/cmdline */db.sql* */bolt_state.db"
    ).split()
)
"""Files whose contents are never recorded."""

_RUNTIME_CONFIG = "*/userdata/config.json"
_COMMAND_LINE = "/proc/*/cmdline"
_PROGRAM = re.compile(r"[\w./+:-]{1,200}")
_CLIENT_CA, _LOG_SIZE = "--tls-client-ca", "--log-size-max"
_TELLING = re.compile(r"system|service|--log-size-max=\d+|(?:tcp|unix):[^\s@]*")
_WITHHELD = "WITHHELD"
_PRIVATE_KEY = b"PRIVATE KEY-----"
_SCRIPT, _BINARY = b"#!", b"\x7fELF"


def is_secret(path: str, content: bytes) -> bool:
    """Whether the content of this file must not be recorded."""
    if _PRIVATE_KEY in content:
        return True
    lowered = path.lower()
    return any(fnmatch.fnmatchcase(lowered, pattern) for pattern in SECRET_PATTERNS)


def _without_arguments(content: bytes) -> str:
    """A command line without words that may hold secrets: the program, how an engine's API is
    served and the size of a log are kept.
    """
    program, *words = content.decode("utf-8", "replace").rstrip("\0").split("\0")
    name = program.split(" ")[0]  # some programs write whole sentences there
    kept = [name if not name or (_PROGRAM.fullmatch(name) and "://" not in name) else "?"]
    for before, word in pairwise(("", *words)):
        if before == _LOG_SIZE and word.isdecimal():
            kept.append(f"{_LOG_SIZE}={word}")
        elif word.startswith(_CLIENT_CA):
            kept.append(_CLIENT_CA)
        elif _TELLING.fullmatch(word):
            kept.append(word)
    return "\0".join((*kept, ""))


def _without_process(content: bytes) -> str:
    """An OCI configuration without possible secrets: variables, arguments. Empty for other files."""
    try:
        document = json.loads(content)
        process = {**document["process"]}
    except (ValueError, LookupError, TypeError):
        return ""
    for name in ("env", "args", "commandLine"):
        process.pop(name, None)
    kept = {name: value for name, value in document.items() if name != "hooks"}
    return json.dumps(
        {
            **kept,
            "process": process,
            "hooks": _programs_of(document.get("hooks")),
        }
    )


def _programs_of(hooks: object) -> dict[str, list[dict[str, str]]]:
    """Hooks without their arguments and variables."""
    stages = hooks.items() if isinstance(hooks, dict) else ()
    return {
        str(stage): [
            {"path": str(hook["path"])}
            for hook in given
            if isinstance(hook, dict) and "path" in hook
        ]
        for stage, given in stages
        if isinstance(given, list)
    }


def _states_and_versions(status: bytes) -> str:
    """What is read of dpkg's status file, else half of a recording: name, state and version of
    packages."""
    kept = (b"", b"Package", b"Status", b"Version")
    lines = (line for line in status.splitlines() if line.partition(b":")[0] in kept)
    return b"\n".join((*lines, b"")).decode("utf-8", "replace")


def _start_of(program: bytes) -> str:
    """What tells which interpreter a program needs. A script may hold secrets; nothing reads the
    rest."""
    start = program.partition(b"\n")[0] if program.startswith(_SCRIPT) else _BINARY
    return start.decode("utf-8", "replace")


_DPKG_STATUS = "/var/lib/dpkg/status"


class RecordedFiles:
    """Reads from a document. Only the last component of a path is followed if it is a link."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._complete: bool = document.get("complete", True)
        self._text: Mapping[str, str] = document.get("text", {})
        self._bytes: Mapping[str, str] = document.get("bytes", {})
        self._links: Mapping[str, str] = document.get("links", {})
        self._dirs: Mapping[str, list[str]] = document.get("dirs", {})
        self._stats: Mapping[str, Mapping[str, Any]] = document.get("stats", {})
        self._lstats: Mapping[str, Mapping[str, Any]] = document.get("lstats", {})
        self._errors: Mapping[str, str] = document.get("errors", {})
        self._attributes: Mapping[str, Mapping[str, str]] = document.get("attributes", {})
        self._children: dict[str, set[str]] | None = None

    def named_by(self, account: int) -> Files:
        return self  # what may be told was decided when it was recorded

    def read_text(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> str:
        return self.read_bytes(path, limit).decode("utf-8", "surrogateescape")

    def read_bytes(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> bytes:
        real = self._resolved(path)
        if real in self._text:
            content = self._text[real].encode("utf-8", "surrogateescape")
        elif real in self._bytes:
            content = base64.b64decode(self._bytes[real])
        elif self._is_directory(real):
            raise _error(errno.EISDIR, path)
        else:
            raise self._missing(real)
        if len(content) > limit:
            raise _error(errno.EFBIG, path)
        return content

    def read_link(self, path: str) -> str:
        if path in self._links:
            return self._links[path]
        if path in self._text or path in self._bytes or self._is_directory(path):
            raise _error(errno.EINVAL, path)
        raise self._missing(path)

    def list_dir(self, path: str) -> tuple[str, ...]:
        real = self._resolved(path)
        if real in self._dirs:
            return tuple(sorted(self._dirs[real]))
        if real in self._text or real in self._bytes:
            raise _error(errno.ENOTDIR, path)
        if self._complete and real not in self._errors and real in self._tree():
            return tuple(sorted(self._tree()[real]))
        raise self._missing(real)

    def stat(
        self,
        path: str,
        follow: bool = True,
    ) -> FileStat:
        if not follow and path in self._lstats:
            return FileStat(**self._lstats[path])
        if path in self._stats and (follow or path not in self._links):
            return FileStat(**self._stats[path])
        if not follow and path in self._links:
            return FileStat(
                stat.S_IFLNK | 0o777,
                0,
                0,
                len(self._links[path]),
                0,
                0,
                0,
            )
        real = self._resolved(path)
        if real in self._stats:
            return FileStat(**self._stats[real])
        if real in self._text or real in self._bytes:
            return FileStat(
                stat.S_IFREG | 0o644, 0, 0, len(self.read_bytes(real, 1 << 40)), 0, 0, 0
            )
        if self._is_directory(real):
            return FileStat(
                stat.S_IFDIR | 0o755,
                0,
                0,
                0,
                0,
                0,
                0,
            )
        raise self._missing(real)

    def read_attribute(self, path: str, name: str) -> bytes:
        known = self._attributes.get(self._resolved(path), {})
        if name not in known:
            raise _error(errno.ENODATA, path)
        return base64.b64decode(known[name])

    def exists(self, path: str) -> bool:
        return is_there(self, path)

    def _is_directory(self, path: str) -> bool:
        return path not in self._errors and (
            path in self._dirs or (self._complete and path in self._tree())
        )

    def _tree(self) -> dict[str, set[str]]:
        """Directory -> names, from all paths in the document."""
        if self._children is None:
            tree: dict[str, set[str]] = {}
            for group in (
                self._text,
                self._bytes,
                self._links,
                self._dirs,
                self._stats,
                self._errors,
            ):
                for path in group:
                    while path not in ("", "/"):
                        directory, _, name = path.rpartition("/")
                        tree.setdefault(directory or "/", set()).add(name)
                        path = directory
            self._children = tree
        return self._children

    def _resolved(self, path: str) -> str:
        for _ in range(40):
            if path not in self._links or path in self._text:
                return path
            path = os.path.normpath(os.path.join(os.path.dirname(path), self._links[path]))
        raise _error(errno.ELOOP, path)

    def _missing(self, path: str) -> OSError:
        name = self._errors.get(path)
        if name == _WITHHELD:
            return NotRecorded(
                errno.ENODATA,
                "its content is secret, so it was not recorded",
                path,
            )
        if name is not None:
            return _error(getattr(errno, name, errno.EIO), path)
        if self._complete:
            return _error(errno.ENOENT, path)
        return NotRecorded(errno.ENODATA, "it was not recorded", path)


class RecordingFiles:
    """Reads through `inner` and records the results; secrets pass through but are not recorded."""

    def __init__(self, inner: Files) -> None:
        self._inner = inner
        self._seen: dict[str, dict[str, Any]] = {
            kind: {}
            for kind in (
                "text",
                "bytes",
                "links",
                "dirs",
                "stats",
                "lstats",
                "errors",
                "attributes",
            )
        }

    def named_by(self, account: int) -> Files:
        theirs = copy.copy(self)  # into the same recording
        theirs._inner = self._inner.named_by(account)
        return theirs

    def document(self) -> dict[str, Any]:
        """The recording so far, for `RecordedFiles` and JSON."""
        return {
            "complete": False,
            **{kind: dict(seen) for kind, seen in self._seen.items()},
        }

    def read_text(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> str:
        return self.read_bytes(path, limit).decode("utf-8", "surrogateescape")

    def read_bytes(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> bytes:
        content = self._asked(path, lambda: self._inner.read_bytes(path, limit))
        if fnmatch.fnmatchcase(path.lower(), _RUNTIME_CONFIG):
            kept = _without_process(content)
            self._seen["text" if kept else "errors"][path] = kept or _WITHHELD
            return content
        if fnmatch.fnmatchcase(path, _COMMAND_LINE):
            self._seen["text"][path] = _without_arguments(content)
            return content
        if is_secret(path, content):
            self._seen["errors"][path] = _WITHHELD
            return content
        if path == _DPKG_STATUS:
            self._seen["text"][path] = _states_and_versions(content)
            return content
        if content.startswith((_SCRIPT, _BINARY)):
            self._seen["text"][path] = _start_of(content)
            return content
        try:
            self._seen["text"][path] = content.decode("utf-8")
        except UnicodeDecodeError:
            self._seen["bytes"][path] = base64.b64encode(content).decode("ascii")
        return content

    def read_link(self, path: str) -> str:
        target = self._asked(path, lambda: self._inner.read_link(path))
        self._seen["links"][path] = target
        return target

    def list_dir(self, path: str) -> tuple[str, ...]:
        names = self._asked(path, lambda: self._inner.list_dir(path))
        self._seen["dirs"][path] = list(names)
        return names

    def stat(
        self,
        path: str,
        follow: bool = True,
    ) -> FileStat:
        status = self._asked(path, lambda: self._inner.stat(path, follow))
        stats = self._seen["stats" if follow else "lstats"]
        stats[path] = asdict(status)
        return status

    def read_attribute(self, path: str, name: str) -> bytes:
        value = self._inner.read_attribute(path, name)
        self._seen["attributes"].setdefault(path, {})[name] = base64.b64encode(value).decode(
            "ascii"
        )
        return value

    def exists(self, path: str) -> bool:
        return is_there(self, path)

    def _asked(self, path: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except OSError as error:
            self._seen["errors"][path] = errno.errorcode.get(error.errno or 0, "EIO")
            raise


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
