"""Runs the host's own Quadlet generator on units, without touching the system."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.errors import GeneratorError, InputError
from hardentui.lib.quadlet.text import UnitRefused
from hardentui.model.known import Known, Unread
from hardentui.model.podman_version import Version
from hardentui.systemd.unit_text import (
    expand,
    expand_variables,
    split_command,
    split_words,
    unit_settings,
)
from hardentui.visible import visible

GENERATORS = tuple(
    "/usr/libexec/podman/quadlet /usr/lib/podman/quadlet /usr/local/libexec/podman/quadlet "
    "/usr/lib/systemd/system-generators/podman-system-generator".split()
)
UNIT_SUFFIXES = (
    ".container",
    ".volume",
    ".network",
    ".pod",
    ".kube",
    ".image",
    ".build",
    ".artifact",
)

_SEPARATOR = re.compile(r"^---([A-Za-z0-9:_.\\@-]+)---$", re.MULTILINE)
_NOISE = re.compile(r"^quadlet-generator\[\d+\]: ", re.MULTILINE)
_EXEC_PREFIXES = "-@:+!|"


class DryRun(Struct, frozen=True):
    """The output of the generator."""

    services: Mapping[str, str]  # file name (`web.service`) -> text
    stderr: str  # its messages, one per line, without process numbers and our scratch directory
    # it accepted every unit and generated a service for each. It may still have silently lost
    # words: compare `exec_start` with the intended command.
    ok: bool


class _Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def refusal(error: UnitRefused) -> GeneratorError:
    """What the port of a generator says of a unit (it shows the unit's own words) as an error of
    ours."""
    return GeneratorError(visible(error.title, 300), visible(error.why, 300))


def find_generator() -> str | None:
    """The path of this host's generator, or None."""
    return next((path for path in GENERATORS if os.access(path, os.X_OK)), None)


def version_of(generator: str) -> Version | None:
    """The Podman that it belongs to; None if it does not say (before 4.5), or cannot be run."""
    try:
        return Version.parse(
            _run(
                [generator, "-version"],
                {},
                "/",
                20,
            ).stdout
        )
    except (ValueError, GeneratorError):
        return None


def dry_run(
    units: Mapping[str, str],
    *,
    user: bool,
    generator: str,
    timeout: float = 20,
    unit_directory: str = "/etc/containers/systemd",
) -> DryRun:
    """Run the generator on these units alone.

    Args:
        units: file name -> text.
        user: for a user's service manager (rootless).
        timeout: seconds.
        unit_directory: the future directory of the units; replaces our scratch directory in the
            services.

    Raises:
        GeneratorError: it cannot be run, or does not finish.
    """
    with tempfile.TemporaryDirectory(prefix="hardentui-") as directory:
        _put(directory, units)
        done = _run(
            [generator, "-dryrun", *(["-user"] if user else [])],
            {"QUADLET_UNIT_DIRS": directory},
            directory,
            timeout,
        )
    complaints = _complaints(done.stderr, directory)
    services = _services(done.stdout.replace(directory, unit_directory))
    expected = sum(1 for name in units if name.endswith(UNIT_SUFFIXES))
    # old generators exit with 0 although they refused a unit, so the services are counted
    ok = done.returncode == 0 and len(services) == expected
    return DryRun(services, complaints, ok)


def exec_start(
    service_text: str,
    specifiers: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The argv that systemd would execute for ExecStart= of a service.

    `${NAME}` is taken from the unit's own Environment= lines. A specifier or variable that only a
    running systemd knows is kept, after a NUL (see hardentui.systemd.unit_text).

    Args:
        specifiers: letter -> known value: `{"N": "web"}`.

    Raises:
        GeneratorError: there is no ExecStart=, more than one, or a quote that is never closed.
    """
    known = dict(specifiers or {})
    commands: list[str] = []
    variables: dict[str, str] = {}
    try:
        for section, key, value in unit_settings(service_text):
            if section != "Service":
                continue
            if key == "ExecStart":
                commands = [*commands, value] if value else []
            elif key == "Environment":
                assigned = (expand(word.text, known) for word in split_words(value, in_bytes=True))
                pairs = (text.partition("=") for text in assigned)
                variables = (
                    {
                        **variables,
                        **{n: v for n, equals, v in pairs if equals},
                    }
                    if value
                    else {}
                )
        if len(commands) != 1:
            raise GeneratorError(
                f"The service has {len(commands)} commands in ExecStart=, not one."
            )
        words = tuple(expand(word, known) for word in split_command(commands[0]))
        argv = expand_variables(words, variables)
    except InputError as error:
        raise GeneratorError(
            "ExecStart= or Environment= has a quote that is never closed."
        ) from error
    if not argv:
        raise GeneratorError("ExecStart= of the service is empty.")
    return (argv[0].lstrip(_EXEC_PREFIXES), *argv[1:])


def verify(
    service_files: Mapping[str, str],
    *,
    user: bool = False,
    timeout: float = 60,
) -> Known[tuple[str, ...]]:
    """The complaints of `systemd-analyze verify` about these services; may be empty.

    Complaints about other units of the host are left out. Unread if it is not installed.

    Raises:
        GeneratorError: it does not finish.
    """
    program = account.find_program("systemd-analyze")
    if program is None:
        return Unread("systemd-analyze is not installed")
    with tempfile.TemporaryDirectory(prefix="hardentui-") as directory:
        _put(directory, service_files)
        paths = [f"{directory}/{name}" for name in service_files]
        command = [
            program,
            "verify",
            "--man=no",
            *(["--user"] if user else []),
            *paths,
        ]
        done = _run(
            command,
            {},
            directory,
            timeout,
        )
    lines = [line for line in done.stderr.replace(f"{directory}/", "").split("\n") if line.strip()]
    ours = tuple(line for line in lines if any(name in line for name in service_files))
    return ours if ours or done.returncode == 0 else tuple(lines)


def _put(directory: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        if "/" in name or name in ("", ".", "..") or "\0" in name:
            raise GeneratorError(f"{visible(name)} cannot be the name of a unit file.")
        # x: never overwrite a file; the directory is private (mode 0700)
        with open(
            os.path.join(directory, name),
            "x",
            encoding="utf-8",
            errors="surrogateescape",
            newline="",
        ) as file:
            file.write(text)


def _run(
    command: Sequence[str],
    extra: Mapping[str, str],
    directory: str,
    timeout: float,
) -> _Done:
    ours = account.environment()
    kept: dict[str, str] = {
        name: ours[name] for name in ("PATH", "HOME", "XDG_RUNTIME_DIR") if name in ours
    }
    try:
        done = run_child(
            command,
            environment={
                "LC_ALL": "C.UTF-8",
                "SYSTEMD_COLORS": "0",
                "SYSTEMD_PAGER": "cat",
                **kept,
                **extra,
            },
            directory=directory,
            seconds=timeout,
        )
    except ChildTimedOut as error:
        raise GeneratorError(f"{command[0]} did not finish within {timeout:g} s.") from error
    except OSError as error:
        raise GeneratorError(f"{command[0]} cannot be run: {error.strerror}.") from error
    # decoded here: text mode would turn a carriage return, which matters to systemd, into a line
    # break
    return _Done(
        done.code,
        done.output.decode("utf-8", "surrogateescape"),
        done.errors.decode("utf-8", "surrogateescape"),
    )


def _complaints(stderr: str, directory: str) -> str:
    text = _NOISE.sub("", stderr).replace(f"{directory}/", "")
    return "\n".join(
        line for line in text.split("\n") if line and not line.startswith("Loading source unit")
    )


def _services(stdout: str) -> dict[str, str]:
    """The output is `---NAME---`, the text of that service, and so on."""
    parts = _SEPARATOR.split(stdout)
    return {name: text.lstrip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)}
