"""HardenTUI run with the words of a command line: in this process, or in one of its own."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from hardentui.__main__ import main
from tests.support.schemas import validated


def hardentui(
    *words: str,
    ends: int | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Its exit code, and what it wrote. There is nobody to ask.

    Args:
        ends: the exit code that it has to end with.
        environment: variables, besides those of the test.
    """
    out, err = (
        io.TextIOWrapper(
            io.BytesIO(),
            encoding="utf-8",
            write_through=True,
        )
        for _ in range(2)
    )
    with mock.patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    assert ends in (None, code), said[1]
    return subprocess.CompletedProcess(words, code, *said)


def told(
    *words: str,
    ends: int | None = None,
    **environment: str,
) -> Any:
    """Its JSON document, which is what its schema says.

    Args:
        ends, environment: as of `hardentui`.
    """
    return validated(
        json.loads(
            hardentui(
                *words,
                "--format",
                "json",
                ends=ends,
                **environment,
            ).stdout
        )
    )


def launched(
    *words: str,
    heard: bool = True,
    **environment: str,
) -> subprocess.Popen[str]:
    """It in a process and a session of its own; `heard`: its output is kept for who asks."""
    output = subprocess.PIPE if heard else subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "hardentui", *words],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,
    )
