"""Running slow programs: without a shell, with a time limit, cancellable."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from hardentui.host.commands import CANCELLED, Ask, not_installed, program_environment
from hardentui.model.known import Known, Unread
from hardentui.visible import visible

_LOGGED = re.compile(
    r'time="[^"]*" level=\w+ msg="(?P<message>.*)"'
)  # the format of skopeo's messages
_LARGEST = 256 << 20
_LAST_WORDS = 2000
_TICK = 0.1
_GRACE = 3.0


def asker(stop: threading.Event) -> Ask:
    """Runs programs until `stop` is set: then the running one is killed with all its children."""

    def ask(
        arguments: Sequence[str],
        seconds: float,
        environment: Mapping[str, str] = {},
    ) -> Known[str]:
        return _run(arguments, seconds, environment, stop)

    return ask


def _run(
    arguments: Sequence[str],
    seconds: float,
    environment: Mapping[str, str],
    stop: threading.Event,
) -> Known[str]:
    name = arguments[0]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=program_environment() | dict(environment),
                start_new_session=True,
            )
        except FileNotFoundError:
            return not_installed(name)
        except OSError as error:
            return Unread(f"{name} cannot be run: {error.strerror}")
        trouble = _wait(process, name, seconds, stop)
        if trouble is not None:
            return trouble
        if process.returncode:
            words = _last_words(err)
            reason = f"{name} ended with status {process.returncode}{f': {words}' * bool(words)}"
            return Unread(reason, words)
        if out.seek(0, os.SEEK_END) > _LARGEST:
            return Unread(f"the output of {name} is too large to be real")
        out.seek(0)
        return out.read().decode("utf-8", "replace")


def _wait(
    process: subprocess.Popen[bytes],
    name: str,
    seconds: float,
    stop: threading.Event,
) -> Unread | None:
    end = time.monotonic() + seconds
    try:
        while process.poll() is None:
            if stop.wait(_TICK):
                return CANCELLED
            if time.monotonic() > end:
                return Unread(f"{name} did not end within {seconds:g} s")
    finally:
        _end(process)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill it and its children; it leads its own session."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, way)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


def _last_words(err: IO[bytes]) -> str:
    """The last line of a program's error output."""
    size = err.seek(0, os.SEEK_END)
    err.seek(max(0, size - _LAST_WORDS))
    lines = [line for line in err.read().decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return ""
    logged = _LOGGED.fullmatch(lines[-1].strip())
    return visible(
        logged["message"].replace('\\"', '"') if logged else lines[-1].strip(),
        600,
    )
