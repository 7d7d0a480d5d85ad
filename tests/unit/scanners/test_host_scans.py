"""Results of Lynis and OpenSCAP. The files in tests/data/host-scans were written by Lynis 3.1.4 and
OpenSCAP
1.4.2 (ssg-debian 0.1.76) on a Debian 13, and shortened."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.__main__ import main
from hardentui.checks import CHECKS
from hardentui.checks.prelude import host
from hardentui.errors import InputError
from hardentui.model.finding import Severity, Status, Verdict
from hardentui.model.host import HostFacts
from hardentui.model.host_scan import FailedRule, HostScan
from hardentui.model.known import Unread
from hardentui.scanners import lynis
from hardentui.scanners.host_results import read_scan
from hardentui.scanners.host_scans import HostScans
from hardentui.scanners.openscap import parse_xccdf

DATA = Path(__file__).parents[2] / "data/host-scans"
HOSTILE = "x\x1b]0;owned\x07\u202e<b>[red]"
RESULT = (
    '<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2"><Rule id="r"><title>A {0}</title></Rule>'
    '<TestResult end-time="2026-01-01T00:00:00+00:00"><target>{0}</target>'
    '<rule-result idref="r" severity="high"><result>fail</result></rule-result></TestResult></Benchmark>'
)


def test_lynis_as_it_writes() -> None:
    result = lynis.parse_lynis((DATA / "lynis-report.dat").read_text())
    assert (result.tool, result.version, result.host, result.score) == (
        "lynis",
        "3.1.4",
        "vm",
        57.0,
    )
    warned = [rule for rule in result.failed if rule.severity == "medium"]
    assert [rule.id for rule in warned] == [
        "PKGS-7392",
        "DBS-1828",
        "DBS-1828",
        "DBS-1828",
        "LOGG-2138",
    ]
    assert warned[1].title.endswith("(/etc/postgresql/15/main/postgresql.conf)")
    assert result.count("low") > 20
    assert result.finished is not None
    assert result.passed is not None
    assert result.passed > 10


@pytest.mark.parametrize(
    "name",
    ["openscap-results.xml", "openscap-arf.xml"],
)
def test_openscap_as_it_writes(name: str) -> None:
    result = parse_xccdf((DATA / name).read_bytes())
    assert (result.tool, result.version, result.host, result.score) == (
        "openscap",
        "1.4.2",
        "vm",
        87.5,
    )
    assert result.passed == 19
    assert [(rule.id, rule.severity) for rule in result.failed] == [
        ("apt_sources_list_official", "unknown")
    ]
    assert result.failed[0].title != result.failed[0].id, "its title is found"
    assert result.finished == pytest.approx(1_795_678_121, abs=86_400 * 400)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        ('<!DOCTYPE x SYSTEM "http://example.org/x.dtd"><x/>', "document type"),
        ("<x>&undefined;</x>", "well-formed"),
        ("<x>", "well-formed"),
        ("<x/>", "no TestResult"),
        ("<a>" * 300 + "</a>" * 300, "nested too deeply"),
        ("", "lynis_version"),
        ("lynis_version=3\n", "did not finish"),
        ("\x00\xff\xfe", "lynis_version"),
        ('{"schema": 1}', "lynis_version"),
    ],
)
def test_what_is_no_result_is_one_sentence(
    tmp_path: Path,
    content: str,
    says: str,
) -> None:
    file = tmp_path / "r"
    file.write_text(content)
    with pytest.raises(InputError, match=says):
        read_scan(str(file))


def test_nothing_of_a_file_of_the_host_gets_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    xml = RESULT.format("&f;").replace(
        "<Benchmark", f'<!DOCTYPE b [<!ENTITY f SYSTEM "{secret}">]><Benchmark', 1
    )
    with pytest.raises(InputError) as refused:
        parse_xccdf(xml.encode())
    assert "hunter2" not in str(refused.value)


def test_too_much_is_bounded_and_counted() -> None:
    rule = '<rule-result idref="r" severity="low"><result>fail</result></rule-result>'
    many = RESULT.format("x" * 100_000).replace(
        "</TestResult>",
        f"{rule * 3000}</TestResult>",
    )
    result = parse_xccdf(many.encode())
    assert (len(result.failed), result.left_out) == (lynis.MOST_RULES, 1001)
    assert result.failed[0].severity == "high", "the worst are kept"
    assert len(result.failed[0].title) <= 500
    text = (
        "lynis_version=1\nreport_datetime_end=never\nhardening_index=999\n"
        + "warning[]=A|b|-|-|\n" * 5000
    )
    other = lynis.parse_lynis(text)
    assert (len(other.failed), other.left_out) == (lynis.MOST_RULES, 3000)
    assert (other.finished, other.score) == (None, None)


def test_results_are_kept_for_us_alone_one_for_each_tool(tmp_path: Path) -> None:
    keeper = HostScans(lambda: tmp_path)
    assert keeper.load() == ()
    first, second = (
        HostScan("lynis", "1"),
        HostScan(
            "openscap",
            "2",
            failed=(FailedRule("a", HOSTILE, "high"),),
        ),
    )
    keeper.keep(first)
    keeper.keep(second)
    keeper.keep(replace(first, version="3"))
    assert keeper.load() == (replace(first, version="3"), second)
    kept = tmp_path / "host-scans/lynis.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.write_text("{")
    assert isinstance(keeper.load(), Unread)


NOW = host().now.timestamp()
LOW, MEDIUM, HIGH = (FailedRule(f"R-{word}", "t", word) for word in ("low", "medium", "high"))


def _judged(check: str, facts: HostFacts) -> Verdict:
    return CHECKS[check].verdict(facts)


def judged(*scans: HostScan, **over: Any) -> Any:
    return _judged("failed-host-rules", host(host_scans=scans, **over))


def scan(*failed: FailedRule, **over: Any) -> HostScan:
    return HostScan(**{"tool": "openscap", "finished": NOW, "failed": failed, "passed": 5, **over})


@pytest.mark.parametrize(
    ("scans", "status"),
    [
        ((), Status.NOT_APPLICABLE),
        ((scan(),), Status.PASS),
        ((scan(LOW),), Status.PASS),
        ((scan(MEDIUM),), Status.FAIL),
        ((scan(passed=0),), Status.UNKNOWN),
        ((scan(finished=None),), Status.UNKNOWN),
        ((scan(finished=NOW - 91 * 86_400),), Status.UNKNOWN),
        (
            (scan(MEDIUM, finished=NOW - 91 * 86_400),),
            Status.FAIL,
        ),
        ((scan(left_out=3),), Status.FAIL),
        ((scan(), scan(HIGH, tool="lynis")), Status.FAIL),
    ],
)
def test_what_a_result_means(
    scans: tuple[HostScan, ...],
    status: Status,
) -> None:
    assert judged(*scans).status is status


def test_severity_follows_the_worst_rule_and_another_hosts_result_says_nothing() -> None:
    assert judged(scan(HIGH, MEDIUM)).severity is Severity.HIGH
    assert judged(scan(MEDIUM)).severity is Severity.MEDIUM
    foreign = judged(scan(HIGH, host="other.example.org"), hostname="web1")
    assert foreign.status is Status.UNKNOWN
    assert judged(scan(HIGH, host="WEB1.example.org"), hostname="web1").status is Status.FAIL
    assert _judged("failed-host-rules", host(host_scans=Unread("damaged"))).status is Status.UNKNOWN


def test_a_hostile_result_reaches_no_terminal_as_a_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from hardentui.features.opening.import_scan import import_scan

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    report = tmp_path / "lynis.dat"
    report.write_text(
        f"lynis_version={HOSTILE}\nreport_datetime_end=2026-01-01 00:00:00\nhostname={HOSTILE}\n"
        f"warning[]={HOSTILE}|{HOSTILE}|{HOSTILE}|{HOSTILE}|\n"
    )
    taken = import_scan(str(report))
    assert "owned" in taken.failed[0].title
    verdict = judged(replace(taken, finished=NOW))
    assert verdict.status is Status.FAIL
    assert not any("\x1b" in command for command in verdict.commands)
    assert main(["check", "host", "--demo", "--import", str(report)]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_command_refuses_a_bad_file_before_it_looks(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = tmp_path / "bad.xml"
    bad.write_text(BOMB)
    assert main(["check", "host", "--import", str(bad)]) == 2
    told = capsys.readouterr()
    assert "is not a Lynis or OpenSCAP result" in told.err
    assert told.out == ""
    assert json.dumps(told.err).isascii()


def test_a_report_of_lynis_without_any_result_has_checked_nothing() -> None:
    empty = lynis.parse_lynis("lynis_version=3.1.4\nreport_datetime_end=2026-11-20 10:00:00\n")
    assert empty.passed is None
    assert empty.checked_nothing
