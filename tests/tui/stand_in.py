"""A small workbench in memory: real checks of its own, real plans, no Podman.

Screens are tested on it because every event (an engine that goes away, a container that is removed, a
generator that refuses) can be made to happen at will.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from hardentui.errors import EngineUnreachable, GeneratorError, HardenError
from hardentui.harden.evaluate import container_subject, evaluate, remediation
from hardentui.harden.helpful import raises_most
from hardentui.harden.plan import fixable, make_plan
from hardentui.harden.score import Score
from hardentui.harden.settings import FixValue, settings_of
from hardentui.harden.spec_diff import arguments
from hardentui.host.files.reader import LocalFiles
from hardentui.model.check import AnyCheck, Check, FixContext, ParameterValue
from hardentui.model.checklist import Checklist, Step
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, NetworkFacts
from hardentui.model.finding import (
    Evidence,
    Finding,
    FixKind,
    Kind,
    Remediation,
    Risk,
    Severity,
    Subject,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.image import FoundFile, ImageInventory, LayerSize
from hardentui.model.known import Known, Unreadable
from hardentui.model.plan import Caution, Choice, Plan, Skipped
from hardentui.model.spec import Option, Spec
from hardentui.options import CAP_DROP, IMAGE, MEMORY, NO_NEW_PRIVILEGES, READ_ONLY, TABLE, USER
from hardentui.workbench.changing import in_place
from hardentui.workbench.changing.in_place import OwnUnit
from hardentui.workbench.changing.taking_over import commands_after
from hardentui.workbench.changing.unit_draft import changed_unit
from hardentui.workbench.views import (
    Attempt,
    Command,
    Connectivity,
    Progress,
    Report,
    Row,
)

_DOC = """
What it checks:
    Whether {what}.

Why it matters:
    A process that was taken over keeps every power that it was given.

What may break:
    {breaks}
"""
_REFUSAL = "Look at line 3, which is long enough for a small terminal, and whose end is told too."
_TITLES = (
    "Minimal base images",
    "Regular updates",
    "Image signing",
    "User privileges",
    "Security contexts",
    "Network segmentation",
    "Runtime monitoring",
    "Limit capabilities",
    "Secure host",
    "Runtime protection",
)


def _option_check(
    check_id: str,
    step: int,
    severity: Severity,
    option: Option[Any],
    wanted: Any,
    title: str,
    risk: Risk = Risk.SAFE,
) -> AnyCheck:
    def judge(facts: ContainerFacts) -> Verdict:
        if facts.spec[option]:
            return passed(declared=f"{option.flag} is set")
        evidence = (Evidence(f"/proc/{len(facts.name)}12/status", f"nothing of {option.name}"),)
        return failed(
            f"{facts.name} was started without {option.flag}", "default", "no restriction", evidence
        )

    def fix(spec: Spec, _: FixContext) -> Spec:
        return spec.with_(option, wanted)

    return Check(
        id=check_id,
        title=title,
        step=step,
        severity=severity,
        doc=_DOC.format(
            what=f"{option.flag} is set", breaks=f"Programs that need the lack of {option.flag}."
        ),
        summary=f"Set {option.flag}",
        fix=FixKind.RECREATE,
        risk=risk,
        evaluate=judge,
        passes=lambda: (),
        fails=lambda: (),
        remediate=fix,
        references=("CIS Docker 5.12", "NIST SP 800-190 4.4.3"),
    )


def _told(check_id: str, step: int, verdict: Verdict, title: str, kind: Kind = Kind.CONTAINER) -> AnyCheck:
    return Check(
        id=check_id,
        title=title,
        step=step,
        severity=Severity.MEDIUM,
        kind=kind,
        doc=_DOC.format(what=title, breaks="Nothing."),
        summary="Rebuild the image",
        fix=FixKind.IMAGE_REBUILD,
        risk=Risk.MAY_BREAK,
        evaluate=lambda facts: verdict,
        passes=lambda: (),
        fails=lambda: (),
    )


def _tools(facts: ContainerFacts) -> Verdict:
    image = facts.image
    if isinstance(image, Unreadable) or isinstance(image.inventory, Unreadable):
        return unknown("nobody has looked inside")
    tools = image.inventory.tools
    return failed(f"{len(tools)} tools are in it") if tools else passed()


CHECKS: tuple[AnyCheck, ...] = (
    _told(
        "shell-in-image",
        1,
        failed("sh and apt are in it", commands=("podman build .",)),
        "A shell is in the image",
    ),
    replace(
        _told("tools-in-image", 1, unknown(""), "Tools are in the image"),
        evaluate=_tools,
    ),
    _told("stale-image", 2, unknown("the registry was not asked"), "The image is old"),
    _told("unsigned-image", 3, passed(), "Nobody signed the image"),
    _option_check(
        "root-user", 4, Severity.HIGH, USER, "1000:1000", "The main process is root", Risk.MAY_BREAK
    ),
    _option_check(
        "new-privileges-allowed", 4, Severity.HIGH, NO_NEW_PRIVILEGES, True, "New privileges can be gained"
    ),
    _option_check("writable-rootfs", 5, Severity.MEDIUM, READ_ONLY, True, "Writable root filesystem"),
    _option_check("no-memory-limit", 5, Severity.LOW, MEMORY, 512 << 20, "Memory has no limit"),
    _told("wildcard-port", 6, not_applicable("no port is published"), "A port is open on all addresses"),
    _option_check(
        "default-capabilities", 8, Severity.CRITICAL, CAP_DROP, ("all",), "Default capabilities are kept"
    ),
    _told("open-socket", 9, failed("0666", commands=("chmod 660 /run/x",)), "A socket is open", Kind.HOST),
)
ROOTFUL = EngineFacts(label="rootful", url="unix:///run/podman/podman.sock")
ROOTLESS = EngineFacts(label="rootless anna", url="unix:///run/user/1000/podman.sock", rootless=True)


def checklist() -> Checklist:
    return Checklist(
        "ten-steps",
        "The ten steps",
        tuple(
            Step(
                number,
                title,
                what=f"Step {number} looks at what {title.lower()} means for a container that runs today.",
                why="An attacker who gets in looks for exactly this.",
                attack="First they look around, then they reach for what was left open.",
                fix="Close it in the unit.",
                breaks="What relied on it.",
                checks=tuple(check.id for check in CHECKS if check.step == number),
            )
            for number, title in enumerate(_TITLES, 1)
        ),
    )


def facts(
    name: str,
    *pairs: tuple[Option[Any], Any],
    engine: EngineFacts = ROOTFUL,
    image: str = "",
    networks: dict[str, NetworkFacts] | None = None,
) -> ContainerFacts:
    image = image or f"docker.io/library/{name}:1"
    spec = Spec.of((IMAGE, image), *pairs)
    inspect = {"ImageName": image, "Image": f"{name}-image", "State": {"Status": "running"}}
    about = ImageFacts(f"{name}-image", engine=engine, names=(image,))
    return ContainerFacts(f"{name}-id", name, spec, inspect, engine, about, networks=networks or {})


def _image_id(one: ContainerFacts) -> str:
    return str(one.inspect["Image"])


INSIDE = ImageInventory(
    release={"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian GNU/Linux 12"},
    packages={"dpkg": 88},
    tools=(FoundFile("/usr/bin/apt", "package manager", 1),),
    shells=(FoundFile("/bin/sh", "shell", 1),),
    credentials=(FoundFile("/root/.aws/credentials", "cloud credentials", 2, True),),
    layers=(LayerSize("sha256:" + "a" * 64, 74_000_000, 2100), LayerSize("sha256:" + "b" * 64, 900, 2)),
)


def some() -> tuple[ContainerFacts, ...]:
    """Three containers: nothing set, everything set, and one in between on the other engine."""
    return (
        facts("shop-web"),
        facts(
            "vault",
            (USER, "1000:1000"),
            (NO_NEW_PRIVILEGES, True),
            (READ_ONLY, True),
            (MEMORY, 64 << 20),
            (CAP_DROP, ("all",)),
        ),
        facts("db", (CAP_DROP, ("all",)), (USER, "999"), engine=ROOTLESS),
    )


@dataclass
class StandIn:
    """Fills the ports `FirstLook` and `Bench`; tests reach into it to make things happen."""

    hosted: dict[str, ContainerFacts] = field(default_factory=dict)
    engine_facts: tuple[EngineFacts, ...] = (ROOTFUL, ROOTLESS)
    attempts: tuple[Attempt, ...] = ()
    simulated: bool = False
    private_service: bool = False
    host_name: str = "web01"
    checklist: Checklist = field(default_factory=checklist)
    hold_loading: threading.Event = field(default_factory=threading.Event)
    hold_scan: threading.Event = field(default_factory=threading.Event)
    hold_look: threading.Event = field(default_factory=threading.Event)
    look_trouble: str = ""
    inside: ImageInventory = field(default_factory=lambda: INSIDE)
    inventories: dict[str, ImageInventory] = field(default_factory=dict)
    host_reads: int = 0
    generator_refuses: bool = False
    closed: bool = False
    scans: list[frozenset[str] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reports: dict[str, Report] = {}
        self._commands: list[Command] = []
        self._listeners: list[Callable[[Command], None]] = []
        self._on_change: Callable[[], None] | None = None
        self._on_state: Callable[[Connectivity], None] | None = None
        self.lost: set[str] = set()
        self.hold_loading.set()
        self.hold_scan.set()
        self.hold_look.set()

    @classmethod
    def of(cls, *containers: ContainerFacts, **over: Any) -> StandIn:
        return cls({f"{one.engine.label}/{one.id}": one for one in containers}, **over)

    # --- what a test can make happen -------------------------------------------------------------------

    @property
    def watched(self) -> bool:
        return self._on_change is not None

    def happen(self) -> None:
        """Podman reports an event."""
        assert self._on_change is not None
        self._on_change()

    def connect(self, label: str, connected: bool, reason: str = "") -> None:
        assert self._on_state is not None
        (self.lost.discard if connected else self.lost.add)(label)
        self._on_state(Connectivity(label, connected, reason))

    # --- the port --------------------------------------------------------------------------------------

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(self._commands)

    def _log(self, what: str) -> None:
        command = Command("12:00:00", what, "200", 0.002)
        self._commands.append(command)
        for listener in self._listeners:
            listener(command)

    def rows(self) -> tuple[Row, ...]:
        self._log("GET /containers/json?all=true")
        if self.lost:
            raise EngineUnreachable(f"{min(self.lost)} does not answer.", "It is asked again.")
        return tuple(self._row(key, one) for key, one in self.hosted.items())

    def _row(self, key: str, one: ContainerFacts) -> Row:
        state = one.state
        status = "Up 3 days" if state == "running" else f"{state.title()} 2 hours ago"
        return Row(
            key, one.engine, one.id, one.name, one.image_name, state, status, report=self._reports.get(key)
        )

    def scan(
        self,
        on_report: Callable[[Row], None],
        on_progress: Callable[[Progress], None],
        stop: threading.Event,
        keys: Collection[str] | None = None,
    ) -> None:
        self.scans.append(None if keys is None else frozenset(keys))
        todo = [key for key in self.hosted if keys is None or key in keys]
        for done, key in enumerate(todo, 1):
            while not self.hold_scan.wait(0.01):
                if stop.is_set():
                    return
            if stop.is_set():
                return
            if row := self.refresh(key):
                on_report(row)
            on_progress(Progress(done, len(todo)))

    def refresh(self, key: str) -> Row | None:
        one = self.hosted.get(key)
        if one is None:
            return None
        self._log(f"GET /containers/{one.id}/json")
        self._reports[key] = self._judge(one)
        return self._row(key, one)

    def _judge(self, one: ContainerFacts) -> Report:
        subject = container_subject(one)
        return self._report(subject, evaluate(one, subject, CHECKS, self.checklist), one)

    def _report(self, subject: Subject, found: list[Finding], one: ContainerFacts | None) -> Report:
        return Report(subject, tuple(found), tuple(range(1, 11)), one)

    def watch(
        self, on_change: Callable[[], None], on_state: Callable[[Connectivity], None], stop: threading.Event
    ) -> None:
        self._on_change, self._on_state = on_change, on_state
        for engine in self.engine_facts:
            on_state(Connectivity(engine.label, True))
        stop.wait()

    def host(self, *, again: bool = False) -> tuple[Report, ...]:
        self.host_reads += again
        subject = Subject(Kind.HOST, self.host_name, self.host_name)
        found = [self._report(subject, evaluate(None, subject, CHECKS, self.checklist), None)]
        for engine in self.engine_facts:
            about = Subject(Kind.ENGINE, engine.label, engine.label, engine.label)
            found.append(replace(self._report(about, [], None), about=engine))
        return tuple(found)

    def images(self) -> tuple[Report, ...]:
        """One image per container, called as the container says."""
        found = []
        for one in self.hosted.values():
            inside = self.inventories.get(_image_id(one), Unreadable("nobody has looked inside"))
            facts = ImageFacts(
                _image_id(one),
                {"Size": 5_000_000, "Created": "2025-01-01T00:00:00Z"},
                engine=one.engine,
                names=(one.image_name,),
                used_by=(one.name,),
                inventory=inside,
            )
            subject = Subject(Kind.IMAGE, facts.id, one.image_name, one.engine.label)
            found.append(Report(subject, (), tuple(range(1, 11)), about=facts))
        return tuple(found)

    def networks(self) -> tuple[Report, ...]:
        found: dict[str, NetworkFacts] = {}
        for one in self.hosted.values():
            found.update({f"{one.engine.label}/{name}": net for name, net in one.networks.items()})
        return tuple(
            Report(Subject(Kind.NETWORK, net.name, net.name, net.engine.label), (), about=net)
            for net in found.values()
        )

    def look_into_image(
        self, engine: str, image: str, on_bytes: Callable[[int], None], stop: threading.Event
    ) -> Known[ImageInventory]:
        on_bytes(12_000_000)
        while not self.hold_look.wait(0.01):
            if stop.is_set():
                return Unreadable("the look into the image was stopped")
        if self.look_trouble:
            return Unreadable(self.look_trouble)
        self.inventories[image] = self.inside
        for key, one in self.hosted.items():
            if _image_id(one) == image and isinstance(one.image, ImageFacts):
                self.hosted[key] = replace(one, image=replace(one.image, inventory=self.inside))
        return self.inside

    def step_findings(self, report: Report, step: int) -> tuple[Finding, ...]:
        shared = [finding for one in self.host() for finding in one.findings]
        return tuple(f for f in (*report.findings, *shared) if f.step == step)

    def remediation(
        self, report: Report, finding: Finding, chosen: Iterable[tuple[str, ParameterValue]] = ()
    ) -> Remediation:
        check = self.check(finding.check)
        return remediation(check, report.facts, finding.verdict, self.checklist, dict(chosen))

    def raises_most(self, report: Report, most: int) -> tuple[Finding, ...]:
        by_id = {check.id: check for check in CHECKS}
        if report.facts is None:
            return ()
        return raises_most(report.facts, report.findings, by_id, self.checklist, most)

    def refusal(self, report: Report, choice: Choice) -> Skipped | None:
        skipped = self.plan(report, [choice]).skipped
        return skipped[0] if skipped else None

    def settings(self, report: Report, choice: Choice) -> tuple[FixValue, ...]:
        return settings_of(self.check(choice.check), self._facts(report), choice, self.checklist)

    def choices(self, report: Report, caution: Caution) -> tuple[Choice, ...]:
        return fixable(self._facts(report), CHECKS, self.checklist, caution)

    def plan(self, report: Report, choices: Iterable[Choice]) -> Plan:
        return make_plan(self._facts(report), choices, CHECKS, self.checklist)

    def score_after(self, report: Report, plan: Plan) -> Score:
        return self._judge(replace(self._facts(report), spec=plan.after)).score

    @staticmethod
    def _facts(report: Report) -> ContainerFacts:
        if report.facts is None:
            raise HardenError("Nothing is known of it.")
        return report.facts

    def _text(self, spec: Spec, target: Target) -> str:
        head = "[Container]" if target is Target.QUADLET else "#!/bin/sh"
        options = [f"{o.flag}={a}" for o in TABLE for a in arguments(spec, o)]
        return "\n".join([head, *options, ""])

    def draft(self, report: Report, plan: Plan | None, target: Target, *, verify: bool = True) -> Draft:
        if target.changes_unit:
            assert plan is not None
            return changed_unit(LocalFiles(), self._facts(report), plan, target, verify=verify)
        if self.generator_refuses and target is Target.QUADLET:
            raise GeneratorError("The generator refuses the unit.", _REFUSAL)
        spec = plan.after if plan else self._facts(report).spec
        ending = "container" if target is Target.QUADLET else "sh"
        text = self._text(spec, target)
        file = DraftFile(f"{self._file_name(report)}.{ending}", text, masked=text)
        return Draft(
            target=target,
            files=(file,),
            diff=self._diff(plan, target) if plan else "",
            warnings=("the log driver is not carried over, and nobody can say what it does with old lines",),
            proof="the generator accepted it",
        )

    @staticmethod
    def _file_name(report: Report) -> str:
        kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in report.subject.name)
        return kept or "container"

    def _diff(self, plan: Plan, target: Target) -> str:
        before, after = self._text(plan.before, target), self._text(plan.after, target)
        return "\n".join(
            difflib.unified_diff(before.split("\n"), after.split("\n"), "today", "hardened", lineterm="")
        )

    def next_commands(self, report: Report, draft: Draft, folder: str) -> tuple[str, ...]:
        return commands_after(LocalFiles(), self._facts(report), draft, folder)

    def own_unit(self, report: Report) -> OwnUnit | None:
        return in_place.own_unit(LocalFiles(), self._facts(report))

    def workbench(self) -> StandIn:
        assert self.hold_loading.wait(10)
        return self

    def close(self) -> None:
        self.closed = True

    def check(self, check_id: str) -> AnyCheck:
        return next(check for check in CHECKS if check.id == check_id)

    # --- the parts of a workbench: this is all of them --------------------------------------------------

    @property
    def opened(self) -> Any:
        return self

    judge = planner = drafter = surroundings = containers = log = opened

    def newest(self) -> tuple[Command, ...]:
        return self.commands

    def listen(self, listener: Callable[[Command], None]) -> None:
        self._listeners.append(listener)
