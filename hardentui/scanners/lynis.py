"""Lynis: its report file, `key=value` lines (`/var/log/lynis-report.dat`). Pure.

Warnings need attention; suggestions are advice. Lynis has no severities.
"""

from __future__ import annotations

from datetime import datetime

from hardentui.errors import InputError
from hardentui.model.host_scan import FailedRule, HostScan

MOST_RULES = 2000
_LONGEST = 500


def parse(text: str) -> HostScan:
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
