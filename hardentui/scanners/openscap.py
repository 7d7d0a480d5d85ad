"""OpenSCAP: XCCDF results (`--results`) and ARF (`--results-arf`), read as a stream. Pure.

The XML may come from anywhere: a document type, and with it every entity, is rejected; texts,
depth and counts are bounded; nothing is fetched.
"""

from __future__ import annotations

from datetime import datetime
from xml.parsers import expat

from hardentui.errors import InputError
from hardentui.model.host_scan import FailedRule, HostScan
from hardentui.scanners.lynis import LONGEST, MOST_RULES

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
        if self._text is not None and self._length < LONGEST:
            self._text.append(data[: LONGEST - self._length])
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
                    reader.titles.get(identity, name)[:LONGEST],
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
