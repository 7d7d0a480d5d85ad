"""Lynis: its report file, `key=value` lines (`/var/log/lynis-report.dat`). Pure.

Warnings need attention; suggestions are advice. Lynis has no severities.
"""

from __future__ import annotations

from datetime import datetime

from hardentui.errors import InputError
from hardentui.model.host_scan import FailedRule, HostScan

MOST_RULES = 2000
LONGEST = 500


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
    return FailedRule(identity[:60], title[:LONGEST], severity)


def _time(text: str) -> float | None:
    """Local time of the machine, without a zone."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _index(text: str) -> float | None:
    return float(text) if text.isdecimal() and int(text) <= 100 else None
