"""Reading a host scanner's result from a file, whichever tool wrote it."""

from __future__ import annotations

import os
from datetime import datetime

import msgspec
from msgspec.structs import replace

from hardentui.errors import InputError, WriteError
from hardentui.model.host import FailedRule, HostScan
from hardentui.model.known import Known, Unread
from hardentui.scanners import openscap
from hardentui.state.own_files import Directory, read_document, write_own
from hardentui.visible import visible

# Lynis: its report file, `key=value` lines (`/var/log/lynis-report.dat`). Pure.
#
# Warnings need attention; suggestions are advice. Lynis has no severities.

MOST_RULES = 2000
_LONGEST = 500


def parse_lynis(text: str) -> HostScan:
    """Raises InputError if it is not a report of Lynis, or of an unfinished scan."""
    values: dict[str, str] = {}
    failed: list[FailedRule] = []
    unknown = 0
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals or name.startswith("#"):
            continue
        if name in ("warning[]", "suggestion[]"):
            failed.append(_rule(value, "medium" if name == "warning[]" else "low"))
        elif name in ("manual_event[]", "exception_event[]"):
            unknown += 1
        else:
            values.setdefault(name, value)
    if "lynis_version" not in values:
        raise InputError("It has no lynis_version.")
    if "report_datetime_end" not in values:
        raise InputError("The scan did not finish (no report_datetime_end).", "lynis audit system")
    executed = [word for word in values.get("tests_executed", "").split("|") if word]
    wrong = {rule.id for rule in failed}
    skipped = [word for word in values.get("tests_skipped", "").split("|") if word]
    return HostScan(
        tool="lynis",
        version=values["lynis_version"][:40],
        finished=_time(values["report_datetime_end"]),
        host=values.get("hostname", "")[:200],
        score=_index(values.get("hardening_index", "")),
        failed=tuple(failed[:MOST_RULES]),
        passed=len({*executed} - wrong) if executed else None,
        unknown=unknown,
        not_applicable=len(skipped) if skipped else None,
        left_out=max(0, len(failed) - MOST_RULES),
    )


def _rule(value: str, severity: str) -> FailedRule:
    """`TEST-ID|text|details|solution|`, with `-` for missing parts."""
    parts = [part if part != "-" else "" for part in (*value.split("|"), "", "", "", "")]
    title = f"{parts[1]} ({parts[2]})" if parts[2] else parts[1]
    advice = parts[3].removeprefix("text:").removeprefix("url:")
    return FailedRule(parts[0][:60], title[:_LONGEST], severity, advice[:_LONGEST])


def _time(text: str) -> float | None:
    """Local time of the machine, without a zone."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _index(text: str) -> float | None:
    return float(text) if text.isdecimal() and int(text) <= 100 else None


LARGEST = 256 << 20


def read_scan(path: str) -> HostScan:
    """A report of Lynis, or results of OpenSCAP as XCCDF or ARF.

    Raises:
        InputError: it is neither, cannot be read, or is empty.
    """
    shown = visible(path, 200)
    try:
        # O_NONBLOCK: a FIFO in place of a file must not block us
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise InputError(f"{shown} is larger than {LARGEST >> 20} MB.")
    try:
        if content.lstrip()[:1] == b"<":
            scan = openscap.parse(content)
        else:
            scan = parse_lynis(content.decode("utf-8", "replace"))
    except InputError as error:
        raise InputError(
            f"{shown} is not a Lynis or OpenSCAP result: {visible(error.title, 300)}", error.hint
        ) from error
    return replace(scan, source=os.path.abspath(path))


# --- Stored results of host scanners: one for each tool, in our own directory -----------------------


_TOOLS = ("lynis", "openscap")


class HostScans:
    """The stored results, in the directory `host-scans` below `directory`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def _path(self, tool: str) -> str:
        return os.path.join(os.fspath(self._directory()), "host-scans", f"{tool}.json")

    def keep(self, scan: HostScan) -> None:
        """Store a result; it replaces the previous one of this tool.

        Raises:
            WriteError: the previous result is untouched.
        """
        try:
            write_own(self._path(scan.tool), msgspec.json.encode(_plain(scan)).decode())
        except OSError as error:
            raise WriteError(f"The result could not be stored: {error.strerror}.") from error

    def load(self) -> Known[tuple[HostScan, ...]]:
        """The stored results; none at all is fine, an unreadable one is a fault."""
        scans = []
        for tool in _TOOLS:
            try:
                scans.append(msgspec.convert(read_document(self._path(tool)), HostScan))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                return Unread(f"the stored result of {tool} cannot be read: {error.strerror}")
            except (ValueError, RecursionError):
                return Unread(f"the stored result of {tool} is damaged; import it again")
        return tuple(scans)


def _plain(scan: HostScan) -> HostScan:
    """A path may contain bytes that are not text."""
    return replace(scan, source=scan.source.encode("utf-8", "backslashreplace").decode())
