"""A scanner of the host itself found something wrong.

What it checks:
The imported results of Lynis and OpenSCAP (`hardentui check host --import FILE`): whether a rule of OpenSCAP
failed or Lynis warned. Suggestions of Lynis and rules of low or unknown severity are counted, but do not
fail the check. A result of another host, one that is older than 90 days (parameter `days`), or one in which
no rule was evaluated, says nothing about this host today: then the answer is unknown.

Why it matters:
Containers share the kernel and the accounts of the host. A weak login, an open service or a missing update of
the host is a way around everything that was hardened in a container. These scanners look for that with
hundreds of rules of their own, and their results belong beside those of the containers.

What may break:
It depends on the rule. Profiles are written for servers in general: some of their rules switch off what
containers need, such as forwarding of packets or user namespaces. Read each one before it is applied, and
keep exceptions on record as waivers.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.do import Do, Verb
from hardentui.model.host import FailedRule, HostScan

_DAY = 86_400
_SHOWN = 12
_JANUARY = 1_767_225_600.0  # 2026-01-01, the date of the example facts


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    scans = facts.host_scans
    if not scans:
        return not_applicable("no host scan was imported", do=Do(Verb.HOST_IMPORT))
    other = [scan for scan in scans if _is_of_another(scan, facts)]
    scans = tuple(scan for scan in scans if scan not in other)
    if not scans:
        return unknown(f"the {other[0].tool} report is from another host: {other[0].host}")
    words = "; ".join(_words(scan) for scan in scans)
    bad = [(scan, rule) for scan in scans for rule in scan.failed if rule.severity in ("high", "medium")]
    if bad or any(scan.left_out for scan in scans):
        evidence = tuple(Evidence(f"{scan.tool} {rule.id}", rule.title) for scan, rule in bad[:_SHOWN])
        high = any(rule.severity == "high" for _, rule in bad)
        count = len(bad) + sum(scan.left_out for scan in scans)
        return failed(
            f"{plural(count, 'host rule')} failed",
            "",
            words,
            evidence,
            Severity.HIGH if high else Severity.MEDIUM,
            tuple(dict.fromkeys(_command(scan, rule) for scan, rule in bad[:_SHOWN])),
        )
    for scan in scans:
        if scan.checked_nothing:
            return unknown(f"the {scan.tool} report has no rule with a result")
        if scan.finished is None:
            return unknown(f"the {scan.tool} report has no date")
        age = int((facts.now.timestamp() - scan.finished) // _DAY)
        if age > parameters.integer("days"):
            return unknown(f"the {scan.tool} report is {age} days old")
    return passed("", words)


def _is_of_another(scan: HostScan, facts: HostFacts) -> bool:
    """Whether both have a host name, and the first parts differ."""
    theirs, ours = scan.host.partition(".")[0].lower(), facts.hostname.partition(".")[0].lower()
    return bool(theirs and ours) and theirs != ours


def _words(scan: HostScan) -> str:
    parts = [f"{scan.tool} {scan.version}".strip()]
    if scan.score is not None:
        parts.append(f"score {scan.score:g}")
    parts.append(f"{scan.count('high', 'medium')} failed, {scan.count('low', 'unknown')} minor")
    if scan.passed is not None:
        parts.append(f"{scan.passed} passed")
    return ", ".join(parts)


def _command(scan: HostScan, rule: FailedRule) -> str:
    plain = rule.id.replace("-", "").replace("_", "").replace(".", "").isalnum() and rule.id.isascii()
    if scan.tool == "lynis" and plain:
        return f"lynis show details {rule.id}"
    return "oscap xccdf generate report RESULTS.xml > report.html"


_BAD = FailedRule("sshd_disable_root_login", "Disable SSH Root Login", "high")
_MINOR = FailedRule("AUTH-9230", "Configure password hashing rounds", "low")
_WARNING = FailedRule("PKGS-7392", "Found one or more vulnerable packages.", "medium")

CHECK = Check(
    title="Host scanner reports failures",
    severity=Severity.HIGH,  # as the scanner rates its worst rule
    kind=Kind.HOST,
    summary="Go through the failed rules, repair what applies, and scan again",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"days": 90},
    passes=lambda: (
        host(host_scans=(HostScan("openscap", "1.4.2", _JANUARY - _DAY, score=87.5, passed=19),)),
        host(host_scans=(HostScan("lynis", "3.1.4", _JANUARY - _DAY, failed=(_MINOR,), passed=200),)),
    ),
    fails=lambda: (
        host(host_scans=(HostScan("openscap", "1.4.2", _JANUARY - _DAY, failed=(_BAD,), passed=19),)),
        host(host_scans=(HostScan("lynis", "3.1.4", _JANUARY, failed=(_WARNING,), passed=200),)),
    ),
    references=("CIS Docker 1.6 1.1", "NIST SP 800-190 4.5.1"),
)
