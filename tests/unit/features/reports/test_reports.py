"""Reports: the JSON contract, exit codes, hostile names; SARIF, JUnit and HTML say what the text
says."""

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from hardentui.features.fleet.facts_files import FactsFile
from hardentui.features.fleet.merging import merged
from hardentui.features.frameworks.judging import by_control
from hardentui.features.reports import FORMATS, as_sarif, render
from hardentui.features.reports.entries import AsideEntry, EngineEntry, KeptEntry
from hardentui.features.reports.fleet_view import (
    BestEntry,
    ChangedFinding,
    ChangesOfHost,
    EverywhereEntry,
    FleetApplicationEntry,
    FleetEntry,
    HostAge,
    LaggingEntry,
)
from hardentui.features.reports.host_result import HostResult
from hardentui.features.reports.packed_subjects import pack
from hardentui.features.reports.result import CheckResult, TextStyle
from hardentui.features.reports.subject_result import SubjectResult, worst_first
from hardentui.features.vendors.telling import ManagedContainers
from hardentui.harden.attack import RankedPath
from hardentui.harden.do_first import DoFirst
from hardentui.harden.score import score
from hardentui.model.finding import Evidence, Finding, Kind, Severity, Status, Subject, Verdict
from hardentui.model.gain import Gain, Gained, rated
from hardentui.model.remediation import FixKind, Remediation, Risk
from hardentui.tui.status import worst_first as on_screen

ENGINE = EngineEntry(
    label="rootful",
    url="unix:///run/podman.sock",
    version="5.4.2",
    rootless=False,
    cgroups="v2",
)
HOSTILE = "x\x1b]0;owned\x07\x1b[2J\u202egnp\n| [red]<script>`*"
SCHEMA: dict[str, Any] = json.loads(
    (files("hardentui.features.reports") / "check-3.schema.json").read_text()
)
FIRST = DoFirst(
    (Subject(Kind.CONTAINER, "0" * 64, "web"),), ("root-user",), "Runs as root", 12, "trial", 1
)
DATA = Path(__file__).parents[3] / "data"
OUR_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def finding(
    status: Status = Status.FAIL,
    severity: Severity = Severity.HIGH,
    *,
    text: str = "a reason",
    check: str = "root-user",
) -> Finding:
    subject = Subject(
        Kind.CONTAINER,
        "0" * 64,
        "web",
        "rootful",
    )
    verdict = Verdict(
        status,
        text,
        text,
        (Evidence(text, f"saw {text}"),),
        text,
    )
    fix = Remediation(
        "Fix it",
        text,
        FixKind.RECREATE,
        Risk.SAFE,
        f"+{text}",
        f"+{text}",
        (text,),
    )
    remediation = fix if status is Status.FAIL else None
    return Finding(
        check, 4, "It is bad", subject, verdict, rated(severity), ("CIS 1",), remediation, points=1
    )


def result(
    *findings: Finding,
    fail_on: Severity = Severity.HIGH,
    trouble: str = "",
    name: str = "web",
    **over: Any,
) -> CheckResult:
    subject = Subject(
        Kind.CONTAINER,
        "0" * 64,
        name,
        "rootful",
    )
    failing = frozenset(finding.check for finding in findings if finding.failing)
    subject_result = SubjectResult(
        subject, score(findings), findings, name, trouble, can_fix=lambda: failing, image="1f"
    )
    whole = CheckResult((ENGINE,), (subject_result,), "ten-steps", fail_on, "1", name)
    return replace(whole, **over)


def together(*results: CheckResult, paths: tuple[RankedPath, ...] = ()) -> CheckResult:
    """Their subjects in one report."""
    subjects = tuple(subject for each in results for subject in each.subjects)
    return replace(
        results[0],
        subjects=worst_first(subjects),
        paths=paths,
    )


def path(name: str, *also: str, engine: str = "rootful") -> RankedPath:
    sentence = f"It leads to the host from {HOSTILE}."
    return RankedPath(
        9,
        name,
        sentence,
        engine,
        name,
        also,
        ("privileged",),
    )


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ((), 0),
        (
            [
                (Status.PASS, Severity.CRITICAL),
                (Status.NOT_APPLICABLE, Severity.CRITICAL),
            ],
            0,
        ),
        (
            [
                (Status.FAIL, Severity.MEDIUM),
                (Status.UNKNOWN, Severity.MEDIUM),
            ],
            0,
        ),
        ([(Status.WAIVED, Severity.CRITICAL)], 0),
        ([(Status.FAIL, Severity.HIGH)], 1),
        (
            [
                (Status.UNKNOWN, Severity.CRITICAL),
                (Status.FAIL, Severity.CRITICAL),
            ],
            1,
        ),
        (
            [
                (Status.UNKNOWN, Severity.HIGH),
                (Status.FAIL, Severity.MEDIUM),
            ],
            4,
        ),
    ],
)
def test_the_worst_finding_decides_the_exit_code(
    findings: list[tuple[Status, Severity]],
    code: int,
) -> None:
    assert result(*(finding(*pair) for pair in findings)).exit_code == code


def test_a_container_that_could_not_be_looked_at_is_never_fine() -> None:
    assert result(trouble="it was removed").exit_code == 4
    assert result(finding(Status.FAIL, Severity.HIGH), trouble="half").exit_code == 1


def test_fail_on_moves_the_line() -> None:
    low = finding(Status.FAIL, Severity.LOW)
    assert result(low, fail_on=Severity.LOW).exit_code == 1
    assert result(low, fail_on=Severity.MEDIUM).exit_code == 0


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_hostile_reaches_the_reader(form: str) -> None:
    findings = (
        finding(Status.FAIL, Severity.HIGH, text=HOSTILE),
        finding(Status.UNKNOWN, Severity.LOW, text=HOSTILE),
        finding(
            Status.UNKNOWN,
            Severity.LOW,
            text=HOSTILE,
            check="other",
        ),
    )
    shown = replace(
        result(*findings, name=HOSTILE), paths=(path(HOSTILE, HOSTILE, engine=HOSTILE),)
    )
    shown = replace(
        shown,
        engines=shown.engines * 2,
        framework=by_control("cis", shown.subjects),
    )
    for look in (
        TextStyle(80, color=False),
        TextStyle(80, color=True),
        TextStyle(80, brief=True),
    ):
        text = (
            OUR_COLORS.sub("", render(form, shown, look))
            if look.color
            else render(form, shown, look)
        )
        assert not set(text) & {"\x1b", "\x07", "\u202e"}
        assert text.endswith("\n")
    assert "\x1b" not in render(
        form, replace(shown, subjects=(replace(shown.subjects[0], trouble=HOSTILE),)), TextStyle()
    )


def test_markdown_keeps_foreign_text_plain() -> None:
    text = render(
        "markdown",
        result(finding(Status.FAIL, Severity.HIGH), name="a|<script>[x](y)"),
        TextStyle(),
    )
    assert "<script>" not in text
    assert "a\\|\\<script\\>" in text


def test_the_text_tells_what_matters() -> None:
    many = [
        finding(
            Status.UNKNOWN,
            Severity.LOW,
            check=name,
            text="no permission",
        )
        for name in ("one", "two")
    ]
    shown = result(
        finding(Status.FAIL, Severity.HIGH),
        finding(Status.PASS, Severity.LOW),
        *many,
    )
    text = render("text", shown, TextStyle())
    assert "  high      It is bad  [root-user]\n            a reason\n" in text
    assert "declared: a reason; effective: a reason" in text
    assert (
        "2 checks could not be decided: no permission\n            one, two: no permission" in text
    )
    assert "1 passed, 1 unknown" in text, "the list has 1"
    assert "Failing: 1 high. Unknown: 1." in text


def test_the_first_line_counts_every_finding_that_is_listed() -> None:
    """Those that do not count towards the score too."""
    few = (
        finding(Status.FAIL, Severity.LOW),
        finding(Status.UNKNOWN, Severity.LOW, check="other"),
    )
    closer = [
        replace(
            each,
            check=f"closer-{each.check}",
            points=0,
        )
        for each in few
    ]
    text = render("text", result(*few, *closer), TextStyle())
    assert "Failing: 2 low. Unknown: 1." in text
    assert "1 unknown" in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (
            result(),
            "Exit code 0: no finding at high or above fails or is unknown (--fail-on).",
        ),
        (
            result(fail_on=Severity.CRITICAL),
            "Exit code 0: no finding at critical fails",
        ),
        (
            result(finding(Status.UNKNOWN, Severity.HIGH)),
            "Exit code 4: a finding at high or above could not",
        ),
        (
            result(trouble="gone"),
            "Exit code 4: 1 of them could not be checked.",
        ),
    ],
)
def test_the_text_says_why_it_ends_with_its_exit_code(
    shown: CheckResult,
    says: str,
) -> None:
    assert says in render("text", shown, TextStyle())


def test_a_brief_text_tells_the_serious_and_names_the_rest() -> None:
    findings = (
        finding(Status.FAIL, Severity.HIGH, text="bad indeed"),
        finding(
            Status.FAIL,
            Severity.MEDIUM,
            check="first",
            text="hidden",
        ),
        finding(
            Status.FAIL,
            Severity.MEDIUM,
            check="second",
            text="hidden",
        ),
        finding(
            Status.UNKNOWN,
            Severity.LOW,
            check="third",
            text="nobody looked",
        ),
    )
    several = together(*(result(*findings, name=name) for name in ("a", "b", "c")))
    text = render("text", several, TextStyle(90, brief=True))
    assert "bad indeed" in text
    assert "medium    first, second" in text
    assert "hidden" not in text.partition("a and 2 more")[2]
    assert "unknown   1 check could not be decided: nobody looked" in text
    assert "hidden" in render("text", several, TextStyle(90))
    host = Subject(Kind.HOST, "h", "h")
    told = replace(
        several.subjects[0],
        subject=host,
        findings=tuple(replace(f, subject=host) for f in findings),
    )
    assert "hidden" in render(
        "text",
        replace(several, subjects=(told,)),
        TextStyle(90, brief=True),
    )


def test_the_worst_ways_to_the_host_are_told_with_their_containers() -> None:
    others = ("b", "c", "d", "e", "f")
    several = together(
        *(result(name=name) for name in ("a", "z")), paths=(path("a", *others), path("z"))
    )

    def told(form: str, whole: CheckResult) -> str:
        return " ".join(
            re.sub(
                r"[\\*]",
                "",
                render(form, whole, TextStyle(200)),
            ).split()
        )

    for form in ("text", "markdown"):
        text = told(form, several)
        assert "Worst attack paths from a container to the host 1. a: It leads to the host" in text
        assert "The same way: b, c, d and 2 more. 2. z: It leads" in text
        assert "1. a (rootful): It leads" in told(
            form, replace(several, engines=several.engines * 2)
        )
        assert "and 7 more" in render(
            form,
            replace(several, paths_left=7),
            TextStyle(),
        )
    first, _ = json.loads(render("json", several, TextStyle()))["summary"]["attack_paths"]
    assert first == {
        "container": "a",
        "id": "a",
        "engine": "rootful",
        "sentence": path("a").sentence,
        "checks": ["privileged"],
        "also": list(others),
    }


def test_the_worst_subject_comes_first() -> None:
    good = result(finding(Status.PASS, Severity.HIGH), name="good").subjects[0]
    bad = result(finding(Status.FAIL, Severity.HIGH), name="bad").subjects[0]
    empty = result(name="empty").subjects[0]
    gone = result(name="gone", trouble="gone").subjects[0]
    assert [subject.subject.name for subject in worst_first((empty, good, gone, bad))] == [
        "gone",
        "bad",
        "good",
        "empty",
    ]
    criticals = [
        result(*[finding(Status.FAIL, Severity.CRITICAL)] * count, name=name).subjects[0]
        for name, count in (("a", 1), ("b", 2))
    ]
    assert [subject.subject.name for subject in worst_first(criticals)] == ["b", "a"]


VALIDATOR = Draft202012Validator(SCHEMA)


def is_valid(whole: Any) -> bool:
    return bool(VALIDATOR.is_valid(whole))


MANAGED = ManagedContainers(
    name="uyuni",
    title="Uyuni",
    tool="mgradm",
    containers=("web",),
    upgrade="mgradm upgrade podman",
    overrides="custom.conf",
    checklist="systemd",
    checklist_for=("web",),
    trust=("registry.example.com=/key.pem",),
    key_packages=("keys",),
)


def document() -> Any:
    findings = (
        finding(Status.FAIL, Severity.HIGH),
        finding(Status.PASS, Severity.LOW, check="host-pid"),
        finding(Status.UNKNOWN, Severity.LOW, check="host-ipc"),
    )
    kept = (
        KeptEntry(
            id="1" * 64,
            name="web-before-7116",
            engine="rootful",
            of="web",
            entry="20260102-115500-7116",
        ),
    )
    aside = (AsideEntry(id="2" * 64, name="lab-1", engine="rootful", kind="lab"),)
    framework = by_control("cis", result(*findings).subjects)
    decided = tuple(each for each in framework.controls if each.evidence)
    more = {
        "paths": (path("web"),),
        "kept": kept,
        "aside": aside,
        "do_first": (FIRST,),
        "managed": (MANAGED,),
        "framework": replace(framework, controls=decided),
    }
    return json.loads(
        render(
            "json",
            replace(result(*findings), **more),
            TextStyle(),
        )
    )


def fleet_document() -> Any:
    shown = result(finding(Status.FAIL, Severity.HIGH))
    told = HostResult(
        source="a.json",
        kinds=((Kind.CONTAINER, 1),),
        packed=pack(shown.subjects, with_rises=True),
        exit_code=1,
        engines=(ENGINE,),
    )
    hosts = [(FactsFile(f"{name}.json", name), told) for name in "ab"]
    now = datetime(2026, 12, 1, tzinfo=UTC)
    changed = ChangedFinding("new", "web", "root-user", "high")
    fleet = FleetEntry(
        everywhere=(
            EverywhereEntry(checks=("root-user",), severity="high", hosts=2, without=("c",)),
        ),
        applications=(_NGINX,),
        changes=(ChangesOfHost("a", "", (changed,), ("web",)),),
        old=(HostAge("a", "12 days old"),),
        missing=("c",),
    )
    return json.loads(
        render(
            "json",
            replace(merged(hosts, Severity.HIGH, now), fleet=fleet),
            TextStyle(),
        )
    )


_LAGGING = LaggingEntry(
    host="b",
    container="web",
    engine="rootful",
    checks=("root-user",),
    proven=False,
    trial_first="another image",
)
_NGINX = FleetApplicationEntry(
    name="nginx",
    containers=2,
    hosts=2,
    best=BestEntry(host="a", container="web", score=80),
    lagging=(_LAGGING,),
)


def test_the_json_is_what_its_schema_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert is_valid(document())
    assert is_valid(fleet_document())
    assert is_valid(
        json.loads(
            render(
                "json",
                replace(result(), engines=()),
                TextStyle(),
            )
        )
    )


def test_the_contract_of_the_json() -> None:
    """The keys that scripts rely on, spelled out once more, so that code and schema cannot drift
    together."""
    whole = document()
    assert whole["schema"] == "hardentui/check/3"
    assert {"url", "version", "rootless", "cgroups"} <= set(whole["engines"][0])
    (subject,) = whole["subjects"]
    assert {"kind", "id", "name", "score", "findings", "passed", "not_applicable", "also"} <= set(
        subject
    )
    assert (subject["level"], subject["looked_at"]) == ("weak", [2, 3])
    assert (subject["gain"], subject["steps"]) == ("what a rule forbids", 1)
    assert subject["from"] == "inside the container"
    assert subject["passed"] == ["host-pid"]
    failing, _ = subject["findings"]
    texts = {
        "check",
        "status",
        "severity",
        "scope",
        "reason",
        "declared",
        "effective",
        "evidence",
    }
    assert set(failing) == {*texts, "points", "fixable", "gain", "steps", "from"}
    assert failing["gain"] == subject["gain"]
    assert failing["fixable"]
    assert not set(failing) & {"title", "step", "references", "summary"}, (
        "they are told once, in checks"
    )
    told = whole["checks"]["root-user"]
    assert set(told) == {"title", "step", "scope", "references", "docs"}
    assert whole["summary"]["exit_code"] == 1


def _required(
    schema: Any,
    path: tuple[Any, ...] = (),
) -> Iterator[tuple[Any, ...]]:
    """Paths in `document()` of everything that the schema requires."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    for branch in schema.get("anyOf", ()):
        yield from _required(branch, path)
    yield from ((*path, key) for key in schema.get("required", ()))
    for key, inner in schema.get("properties", {}).items():
        yield from _required(inner, (*path, key))
    if isinstance(schema.get("items"), dict):
        yield from _required(schema["items"], (*path, 0))


@pytest.mark.parametrize(
    "path",
    sorted(set(_required(SCHEMA)), key=str),
    ids=str,
)
def test_the_schema_misses_whatever_is_taken_away(path: tuple[Any, ...]) -> None:
    whole = copy.deepcopy(fleet_document() if path[0] in ("hosts", "fleet") else document())
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    assert not is_valid(whole)


# --- for other programs ---------------------------------------------------------------------------

MARKUP = "\x1b]0;x\x07<script>alert(1)</script>\"'&{{7*7}}\u202e\ud800\ufffe]]>"
SARIF_SUBSET = json.loads((DATA / "sarif-subset.schema.json").read_text())


def sarif(result: CheckResult) -> Any:
    return json.loads(render("sarif", result, TextStyle()))["runs"][0]


def junit(result: CheckResult) -> ElementTree.Element:
    return ElementTree.fromstring(render("junit", result, TextStyle()))  # noqa: S314 - our own text


ALL = (
    finding(
        Status.FAIL,
        Severity.CRITICAL,
        check="privileged",
    ),
    finding(Status.FAIL, Severity.LOW),
    finding(
        Status.UNKNOWN,
        Severity.HIGH,
        check="old-image",
    ),
    finding(
        Status.WAIVED,
        Severity.HIGH,
        check="host-pid",
        text="accepted until 2027",
    ),
    finding(
        Status.PASS,
        Severity.HIGH,
        check="no-memory-limit",
    ),
    finding(
        Status.NOT_APPLICABLE,
        Severity.HIGH,
        check="host-network",
    ),
)


# --- SARIF ----------------------------------------------------------------------------------------


def test_sarif_tells_failures_the_unknown_and_the_waived_and_nothing_that_passed() -> None:
    run = sarif(result(*ALL))
    told = {result["ruleId"]: (result["kind"], result["level"]) for result in run["results"]}
    assert told == {
        "privileged": ("fail", "error"),
        "root-user": ("fail", "note"),
        "old-image": ("open", "none"),
        "host-pid": ("fail", "error"),
    }
    waived = next(result for result in run["results"] if result["ruleId"] == "host-pid")
    assert waived["suppressions"] == [{"kind": "external", "justification": "accepted until 2027"}]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


@pytest.mark.parametrize(
    "result",
    [
        result(),
        result(*ALL),
        result(finding(text=MARKUP), name=MARKUP),
    ],
)
def test_sarif_has_what_its_specification_demands(result: CheckResult) -> None:
    whole = json.loads(render("sarif", result, TextStyle()))
    Draft202012Validator(SARIF_SUBSET).validate(whole)
    assert render("sarif", result, TextStyle()).isascii()


@pytest.mark.parametrize("form", ["sarif", "json"])
def test_a_byte_that_is_no_text_does_not_make_the_document_unreadable(form: str) -> None:
    """The name of a process may hold any byte; Go, jq and browsers refuse half of a surrogate pair."""
    text = render(
        form,
        result(finding(text="nginx\udc80"), name="a\ud800"),
        TextStyle(),
    )
    assert "\\ud" not in text
    assert "nginx\\ufffd" in text


def test_a_fingerprint_survives_a_new_container_of_the_same_name_and_differs_for_another() -> None:
    def prints(subject_id: str, name: str) -> set[str]:
        first = result(*ALL, name=name).subjects[0]
        about = replace(first.subject, id=subject_id)
        run = sarif(result(subjects=(replace(first, subject=about),)))
        return {result["partialFingerprints"]["hardentui/v1"] for result in run["results"]}

    assert prints("1" * 64, "web") == prints("2" * 64, "web")
    assert not prints("1" * 64, "web") & prints("1" * 64, "db")
    assert len(prints("1" * 64, "web")) == 4


# --- JUnit ----------------------------------------------------------------------------------------


def test_sarif_links_each_check_to_the_site_that_the_build_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "helpUri" not in sarif(result(*ALL))["tool"]["driver"]["rules"][0], (
        "nothing is published yet"
    )
    named = Message()
    named["Project-URL"] = "Documentation, https://example.org/docs/"
    as_sarif._site.cache_clear()
    monkeypatch.setattr(
        as_sarif,
        "metadata",
        lambda name: named,
    )
    rule = sarif(result(*ALL))["tool"]["driver"]["rules"][0]
    as_sarif._site.cache_clear()
    assert rule["helpUri"] == f"https://example.org/docs/checks/{rule['id']}/"


def test_sarif_names_the_unit_of_a_container_and_its_section() -> None:
    whole = result(*ALL)
    (subject,) = whole.subjects
    unit = "/etc/containers/systemd/web 1.container"
    placed = replace(whole, subjects=(replace(subject, file=unit, line=4),))
    locations = [each["locations"][0] for each in sarif(placed)["results"]]
    for location in locations:
        assert location["physicalLocation"] == {
            "artifactLocation": {"uri": "file:///etc/containers/systemd/web%201.container"},
            "region": {"startLine": 4},
        }
        assert location["logicalLocations"][0]["name"] == subject.subject.name
    place = sarif(whole)["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1}, "GitHub shows nothing without a line"


def test_junit_fails_exactly_where_the_exit_code_does() -> None:
    root = junit(result(*ALL))
    (suite,) = root
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {
        "privileged": ["failure"],
        "root-user": ["system-out"],
        "old-image": ["skipped"],
        "host-pid": ["skipped"],
        "no-memory-limit": [],
        "host-network": ["skipped"],
    }
    (unknown,) = root.findall(".//skipped[@type='unknown']")
    assert (unknown.get("message") or "").startswith("unknown: ")
    for element in (root, suite):
        counts = [element.get(name) for name in ("tests", "failures", "errors", "skipped")]
        assert counts == ["6", "1", "0", "3"]


def test_junit_is_xml_whatever_the_names_hold() -> None:
    hostile = result(finding(text=MARKUP), name=MARKUP)
    text, root = render("junit", hostile, TextStyle()), junit(hostile)
    assert root.find(".//failure") is not None
    assert "\x1b" not in text
    assert "<script>" not in text


# --- HTML -----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would see: elements, attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(
        self,
        tag: str,
        attrs: list[tuple[str, str | None]],
    ) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = Page(render("html", result(*ALL), TextStyle()))
    assert not set(page.tags) & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [
        value for name, value in page.attributes if name in ("src", "onclick", "style", "action")
    ]
    assert all((value or "").startswith("#") for name, value in page.attributes if name == "href")
    assert "url(" not in render("html", result(*ALL), TextStyle())


def test_foreign_text_is_text_in_the_page() -> None:
    hostile = result(
        finding(text=MARKUP),
        name=MARKUP,
        place=MARKUP,
    )
    page = render("html", hostile, TextStyle())
    seen = Page(page)
    assert "script" not in seen.tags
    assert "{{7*7}}" in seen.words, "a value is no template"
    assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(page)
    page.encode("utf-8")


def test_every_report_has_the_order_of_the_screen() -> None:
    """By what it gives, not by the number of its step, and the host in hand before everything."""

    def failing(check: str, gained: Gained) -> Finding:
        return replace(finding(Status.FAIL, check=check), gained=gained)

    in_order = (
        failing("z-host", Gain.HOST.at_once),
        failing("b-data", Gain.OTHERS_DATA.at_once),
        failing("a-root", Gain.HOST_ROOT.after(1)),
        failing("c-secrets", Gain.SECRETS.at_once),
        failing("d-stay", Gain.PERSISTENCE.at_once),
        failing("e-alone", Gain.ITSELF.after(1)),
    )
    names = [each.check for each in in_order]
    shown = result(*reversed(in_order))
    assert [each.check for each in on_screen(reversed(in_order))] == names
    run = json.loads(render("sarif", shown, TextStyle()))["runs"][0]
    assert [each["ruleId"] for each in run["results"]] == names
    rated = {
        rule["id"]: rule["properties"]["security-severity"]
        for rule in run["tool"]["driver"]["rules"]
    }
    assert [rated[name] for name in names] == ["10.0", "9.5", "8.0", "8.0", "5.5", "2.0"]
    (subject,) = json.loads(render("json", shown, TextStyle()))["subjects"]
    assert [each["check"] for each in subject["findings"]] == names
    suite = ElementTree.fromstring(render("junit", shown, TextStyle()))[0]  # noqa: S314
    assert [case.get("name") for case in suite] == names
    for form in ("html", "text", "github"):
        told = render(form, shown, TextStyle())
        assert sorted(names, key=told.index) == names, form


def test_the_page_names_no_podman_for_an_engine_without_a_version() -> None:
    """Docker is read, and is no Podman of any version."""
    docker = replace(ENGINE, label="docker", version="")
    page = render("html", result(engines=(docker,)), TextStyle())
    assert "· docker" in page
    assert "Podman" not in page.partition("· docker")[2].partition("</p>")[0]
