"""Reads what strangers wrote, in a process of its own, without rights: `reader_process KIND`.

It loads the parser first, then opens no file, socket or pipe any more, starts no program, and as root
becomes nobody. What a document may take of the processor and of memory is limited by the kernel, and
where memory runs out this process is ended before any other. See reader.py for the other end.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, TypeAlias

import msgspec

from hardentui.lib.frames import Answer, ReaderKind, Request, Source, packed

ReadFunction: TypeAlias = Callable[[Source, Request], object]
_NOBODY = 65534
_NO_NEW_RIGHTS = 38
"""PR_SET_NO_NEW_PRIVS of prctl(2)."""


class _Refused(Exception):
    """Why a document is not used, and what would help."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


def _yaml() -> ReadFunction:
    from hardentui.lib.yaml_nodes import YamlRefused, read_nodes

    def read(source: Source, _: Request) -> object:
        try:
            return read_nodes(source.whole().decode("utf-8", "surrogatepass"))
        except YamlRefused as error:
            raise _Refused(str(error)) from error

    return read


def _host_scan() -> ReadFunction:
    from hardentui.errors import InputError
    from hardentui.scanners.lynis import parse_lynis
    from hardentui.scanners.openscap import parse_xccdf

    def read(source: Source, _: Request) -> object:
        content = source.whole()
        try:
            if content.lstrip()[:1] == b"<":
                return parse_xccdf(content)
            return parse_lynis(content.decode("utf-8", "replace"))
        except InputError as error:
            raise _Refused(error.title, error.hint) from error

    return read


def _image_report() -> ReadFunction:
    from hardentui.errors import InputError
    from hardentui.scanners import quay  # noqa: F401 - `stored` loads it when it needs it: too late
    from hardentui.scanners.given_reports import read_report

    def read(source: Source, request: Request) -> object:
        try:
            printed_by = request.words[0] if request.words else ""
            return read_report(source.whole(), request.written, printed_by)
        except InputError as error:
            raise _Refused(error.title, error.hint) from error

    return read


def _inventory() -> ReadFunction:
    import sqlite3  # noqa: F401 - the parser of rpm loads it when it needs it, which is too late

    from hardentui.lib.image.inventory import read_inventory

    return lambda source, _: read_inventory(source)


def _programs() -> ReadFunction:
    from hardentui.features.trial.learned.programs import read_programs

    return lambda source, request: read_programs(source, request.words)


_READERS: dict[ReaderKind, Callable[[], ReadFunction]] = {
    ReaderKind.YAML: _yaml,
    ReaderKind.HOST_SCAN: _host_scan,
    ReaderKind.IMAGE_REPORT: _image_report,
    ReaderKind.INVENTORY: _inventory,
    ReaderKind.PROGRAMS: _programs,
}


def _confine(memory: int) -> None:
    """From here on nothing is opened, nothing is started, and no right comes back."""
    import ctypes

    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0)
    if os.geteuid() == 0:
        with suppress(OSError):  # in a user namespace without such an account root is nobody's
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        kept = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (kept, kept))


def _encoded(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except UnicodeEncodeError:  # JSON may name halves of characters
        return msgspec.msgpack.encode(_with_whole_characters(msgspec.to_builtins(value)))


def _with_whole_characters(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_with_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {
            _with_whole_characters(name): _with_whole_characters(item)
            for name, item in value.items()
        }
    return value


def _give_seconds(seconds: int) -> None:
    """So much of the processor from now on; then the kernel ends this process by SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(usage.ru_utime + usage.ru_stime) + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def _answer(read: ReadFunction, source: Source, request: Request) -> bytes:
    try:
        return msgspec.msgpack.encode(Answer(msgspec.Raw(_encoded(read(source, request)))))
    except _Refused as refused:
        return msgspec.msgpack.encode(Answer(refused=str(refused), hint=refused.hint))
    except MemoryError:
        return msgspec.msgpack.encode(Answer(out_of_memory=True))


def serve(kind: ReaderKind, given: BinaryIO, taken: BinaryIO) -> None:
    """Answer each request until there is none."""
    read = _READERS[kind]()
    _confine(kind.memory)
    while True:
        source = Source(given)
        asked = source.whole()
        if not asked:
            return
        request = msgspec.json.decode(asked, type=Request)
        _give_seconds(kind.seconds)
        source = Source(given)
        answer = _answer(read, source, request)
        taken.write(packed(answer))
        taken.flush()
        source.drop()


if __name__ == "__main__":
    serve(ReaderKind(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
