"""Reading a host scanner's result from a file, whichever tool wrote it."""

from __future__ import annotations

import os
from datetime import datetime
from xml.parsers import expat

import msgspec
from msgspec.structs import replace

from hardentui.errors import InputError, WriteError
from hardentui.model.host import FailedRule, HostScan
from hardentui.model.known import Known, Unread
from hardentui.state import Directory, read_document, write_own
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
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals or name.startswith("#"):
            continue
        if name in ("warning[]", "suggestion[]"):
            failed.append(_rule(value, "medium" if name == "warning[]" else "low"))
        else:
            values.setdefault(name, value)
    if "lynis_version" not in values:
        raise InputError("It has no lynis_version.")
    if "report_datetime_end" not in values:
        raise InputError(
            "The scan did not finish (no report_datetime_end).",
            "lynis audit system",
        )
    executed = [word for word in values.get("tests_executed", "").split("|") if word]
    wrong = {rule.id for rule in failed}
    return HostScan(
        tool="lynis",
        version=values["lynis_version"][:40],
        finished=_time(values["report_datetime_end"]),
        host=values.get("hostname", "")[:200],
        score=_index(values.get("hardening_index", "")),
        failed=tuple(failed[:MOST_RULES]),
        passed=len({*executed} - wrong) if executed else None,
        left_out=max(0, len(failed) - MOST_RULES),
    )


def _rule(value: str, severity: str) -> FailedRule:
    """`TEST-ID|text|details|solution|`, with `-` for missing parts."""
    identity, text, details = [part if part != "-" else "" for part in (*value.split("|"), "", "")][
        :3
    ]
    title = f"{text} ({details})" if details else text
    return FailedRule(identity[:60], title[:_LONGEST], severity)


def _time(text: str) -> float | None:
    """Local time of the machine, without a zone."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _index(text: str) -> float | None:
    return float(text) if text.isdecimal() and int(text) <= 100 else None


# OpenSCAP: XCCDF results (`--results`) and ARF (`--results-arf`), read as a stream. Pure.
#
# The XML may come from anywhere: a document type, and with it every entity, is rejected; texts,
# depth and counts are bounded; nothing is fetched.

_DEEPEST = 200
_MOST_TITLES = 20_000
_PREFIX = "xccdf_org.ssgproject.content_rule_"
_SEVERITIES = frozenset({"high", "medium", "low"})
_TEXTS = frozenset({"title", "result", "score", "target"})


class _Refused(Exception):
    """The document is not supported; the argument is the reason."""


class _ResultReader:
    """Collects the last TestResult of a document, and the titles of rules."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self.result: dict[str, str] | None = None
        self.rules: list[tuple[str, str, str]] = []  # id, severity, result
        self._path: list[str] = []
        self._rule = ""  # of the current definition
        self._answer: list[str] = []  # id, severity of the current rule-result
        self._text: list[str] | None = None
        self._length = 0

    def start(
        self,
        name: str,
        attributes: dict[str, str],
    ) -> None:
        local = name.rpartition(" ")[2]
        self._path.append(local)
        if len(self._path) > _DEEPEST:
            raise _Refused("its elements are nested too deeply")
        if local == "TestResult":
            self.result = {
                "end": attributes.get("end-time", ""),
                "tool": attributes.get("test-system", ""),
            }
            self.rules = []
        elif local == "Rule":
            self._rule = attributes.get("id", "")
        elif local == "rule-result":
            self._answer = [
                attributes.get("idref", ""),
                attributes.get("severity", ""),
            ]
        if local in _TEXTS:
            self._text, self._length = [], 0

    def text(self, data: str) -> None:
        if self._text is not None and self._length < _LONGEST:
            self._text.append(data[: _LONGEST - self._length])
            self._length += len(data)

    def end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        if local in _TEXTS and self._text is not None:
            self._take(
                local,
                parent,
                " ".join("".join(self._text).split()),
            )
            self._text = None
        if local == "Rule":
            self._rule = ""
        elif local == "rule-result":
            self._answer = []

    def _take(
        self,
        local: str,
        parent: str,
        text: str,
    ) -> None:
        if local == "title" and parent == "Rule" and len(self.titles) < _MOST_TITLES:
            self.titles.setdefault(self._rule, text)
        elif local == "result" and parent == "rule-result" and self._answer:
            self.rules.append((self._answer[0], self._answer[1], text))
        elif local in ("score", "target") and parent == "TestResult" and self.result is not None:
            self.result.setdefault(local, text)


def _refuse_types(*_: object) -> None:
    raise _Refused("it declares a document type, which OpenSCAP results do not")


def parse_xccdf(content: bytes) -> HostScan:
    """Raises InputError: it holds no result of an XCCDF evaluation."""
    reader = _ResultReader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_types
    parser.EntityDeclHandler = _refuse_types
    parser.ExternalEntityRefHandler = _refuse_external
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(content, True)
    except _Refused as error:
        raise InputError(f"It cannot be read: {error}.") from error
    except expat.ExpatError as error:
        raise InputError(f"It is not well-formed XML: {error}.") from error
    if reader.result is None:
        raise InputError(
            "It holds no TestResult of an XCCDF evaluation.",
            "oscap xccdf eval --results FILE, or --results-arf FILE",
        )
    return _scan(reader, reader.result)


def _refuse_external(*_: object) -> int:
    return 0


def _scan(reader: _ResultReader, result: dict[str, str]) -> HostScan:
    passed = 0
    failed = []
    for identity, severity, outcome in reader.rules:
        if outcome in ("pass", "fixed"):
            passed += 1
        elif outcome == "fail":
            word = severity if severity in _SEVERITIES else "unknown"
            name = identity.removeprefix(_PREFIX)[:120]
            failed.append(
                FailedRule(
                    name,
                    reader.titles.get(identity, name)[:_LONGEST],
                    word,
                )
            )
    failed.sort(key=lambda rule: ("high", "medium", "low", "unknown").index(rule.severity))
    return HostScan(
        tool="openscap",
        version=result["tool"].rpartition(":")[2][:40],
        finished=_moment(result["end"]),
        host=result.get("target", "")[:200],
        score=_score(result.get("score", "")),
        failed=tuple(failed[:MOST_RULES]),
        passed=passed,
        left_out=max(0, len(failed) - MOST_RULES),
    )


def _moment(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.astimezone()).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _score(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value, 1) if 0 <= value <= 100 else None


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
            scan = parse_xccdf(content)
        else:
            scan = parse_lynis(content.decode("utf-8", "replace"))
    except InputError as error:
        raise InputError(
            f"{shown} is not a Lynis or OpenSCAP result: {visible(error.title, 300)}", error.hint
        ) from error
    return replace(scan, source=os.path.abspath(path))


# --- Stored results of host scanners: one for each tool, in our own directory ---------------------


_TOOLS = ("lynis", "openscap")


class HostScans:
    """The stored results, in the directory `host-scans` below `directory`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def _path(self, tool: str) -> str:
        return os.path.join(
            os.fspath(self._directory()),
            "host-scans",
            f"{tool}.json",
        )

    def keep(self, scan: HostScan) -> None:
        """Store a result; it replaces the previous one of this tool.

        Raises:
            WriteError: the previous result is untouched.
        """
        try:
            write_own(
                self._path(scan.tool),
                msgspec.json.encode(_plain(scan)).decode(),
            )
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
    return replace(
        scan,
        source=scan.source.encode("utf-8", "backslashreplace").decode(),
    )
