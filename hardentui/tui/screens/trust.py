"""Trust: the policy in force and who can change it; its assistant, which proves a change by real pulls; your
own signatures.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.errors import HardenError
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.trust.change import simulated_trust_change, trust_change_of, why_not
from hardentui.features.trust.page import formats_page, trust_page
from hardentui.features.trust.rules import kind_by_name, kind_of, rule_text, rules_of
from hardentui.features.trust.signing import new_key, passphrase_file, sign_and_prove
from hardentui.features.views import Report
from hardentui.model.facts import EngineFacts
from hardentui.model.trust_change import Pull, PullProof, PullVerdict, ScopeRule, TrustDraft
from hardentui.regular_files import why_not_here
from hardentui.tui.actions import BACK, COPY, TRUST, bindings, told
from hardentui.tui.screens.base import ScreenReport
from hardentui.tui.screens.job import (
    AskScreen,
    Field,
    FormScreen,
    Job,
    JobResult,
    JobScreen,
    ReadingScreen,
    Tell,
    Then,
)
from hardentui.tui.widgets.page import page
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_STEP = 3


class TrustScreen(ReadingScreen):
    ACTIONS = (*TRUST, COPY, BACK)
    OF_CONNECTION: ClassVar = True
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Trust"

    def on_mount(self) -> None:
        self.session.rows_changed.subscribe(self, lambda keys: self.draw())
        self.session.judge_host()

    async def show_state(self, what: str) -> None:
        if what in ("host", "opened"):
            self.draw()

    def heading(self) -> Content:
        reading = self.signs.of("   reading…") if self.session.judging else ""
        return Content.assemble(("Trust", "bold"), "   which images Podman accepts", (reading, "$primary"))

    def page(self) -> Content:
        reports = [report for report in self.session.host or () if isinstance(report.about, EngineFacts)]
        if not reports:
            return Content(self.signs.of("Reading…") if self.session.host is None else "No engine is known.")
        return Content("\n\n").join([self._of_engine(report) for report in reports])

    def _of_engine(self, report: Report) -> Content:
        engine = report.about
        assert isinstance(engine, EngineFacts)  # noqa: S101 - `page` has chosen such reports
        rows = self.session.rows.values()
        running = [row.image for row in rows if row.engine.label == engine.label and row.state == "running"]
        findings = [finding for finding in report.findings if finding.step == _STEP]
        width = min(100, self.app.size.width - 6)
        head = Content.assemble((f"Engine {visible(engine.label, 40)}", "bold"))
        sections = (*trust_page(engine, running), *formats_page(engine))
        return Content("\n").join([head, page(self, sections, findings, width)])

    def screen_report(self) -> ScreenReport:
        """The engines, with only the findings of this step, as the screen shows them."""
        reports = [
            replace(report, findings=tuple(each for each in report.findings if each.step == _STEP))
            for report in self.session.host or ()
            if isinstance(report.about, EngineFacts)
        ]
        return ScreenReport("trust", tuple((report, "image trust") for report in reports))

    def why_not(self, action: str) -> str:
        if action in ("change", "test", "sign", "key") and self.session.bench is None:
            return "Still connecting to Podman."
        if action in ("test", "sign", "key") and (why := why_not_here()):
            return why
        if action in ("test", "sign", "key") and self._simulated:
            return "This host is simulated: nothing is pulled or written."
        if action == "refresh" and self.session.judging:
            return "The policy is being read."
        return ""

    @property
    def _simulated(self) -> bool:
        return self.session.opened is not None and self.session.opened.simulated

    @property
    def _in_use(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.image for row in self.session.rows.values() if row.state == "running"))

    def action_change(self) -> None:
        if (bench := self.session.bench) is not None:
            self.app.push_screen(TrustForm(bench, self._in_use), self._changed)

    def _changed(self, _: None) -> None:
        self.session.judge_host(again=True)

    def action_sign(self) -> None:
        self.app.push_screen(SignScreen())

    def action_key(self) -> None:
        self.app.push_screen(KeyScreen())

    def action_test(self) -> None:
        question = "Pull an image with the policy in force, into a temporary store"
        self.app.push_screen(AskScreen(question, "quay.io/team/app:1"), self._test)

    def _test(self, image: str | None) -> None:
        if image and (bench := self.session.bench) is not None:
            job = partial(check_job, bench, self._in_use, image)
            self.app.push_screen(JobScreen(f"Trust › {image}", job, "pulling"))

    def action_refresh(self) -> None:
        self.session.judge_host(again=True)


# --- the assistant -----------------------------------------------------------------------------------------


_NO_PULLS = "This host is simulated: nothing is pulled or written."
_YES = ("y", "yes")


class TrustForm(FormScreen):
    """Rules, the files they produce, the pulls that prove them; then they can be written."""

    BINDING_GROUP_TITLE = "Trust assistant"
    DOES: ClassVar = "can change the policy"

    def __init__(self, bench: Workbench, in_use: Sequence[str]) -> None:
        super().__init__()
        self._bench = bench
        self._in_use = tuple(in_use)

    def heading(self) -> str:
        return "Trust › assistant"

    def about(self) -> str:
        return (
            "A rule: quay.io/team=~/team.pub, or SCOPE accept, reject, keyless …; several with ; "
            "between them. The result is proven by real pulls, and written only when you say so."
        )

    def fields(self) -> tuple[Field, ...]:
        count = plural(len(self._in_use), "running image")
        return (
            Field("rules", "Rules", "quay.io/team=~/team.pub; docker.io/library accept"),
            Field("signed", "Signed", "images signed with these keys; empty: the running ones"),
            Field("use", "In use", f"yes: {count} without a rule are accepted unsigned", "yes"),
            Field("default", "No rule", "yes: images without a rule are rejected", "yes"),
            Field("tags", "Any tag", "yes: signatures that name no tag, as by cosign", "no"),
        )

    def fault(self, values: dict[str, str]) -> str:
        try:
            self._rules(values)
        except HardenError as error:
            return told(error)
        return ""

    def _rules(self, values: dict[str, str]) -> tuple[ScopeRule, ...]:
        """Raises InputError for a rule that is none."""
        texts = filter(str.strip, values["rules"].split(";"))
        kind = kind_by_name if self._bench.opened.simulated else kind_of
        return rules_of(texts, any_tag=values["tags"].lower() in _YES, key_kind=kind)

    def job(self, values: dict[str, str]) -> tuple[Job, str]:
        rules = self._rules(values)
        return partial(_prove_rules, self._bench, self._in_use, rules, values), "reading the policy"


def _prove_rules(
    bench: Workbench,
    in_use: Sequence[str],
    rules: tuple[ScopeRule, ...],
    values: dict[str, str],
    stop: threading.Event,
    tell: Tell,
) -> JobResult:
    """The plan with its proof, and what writes it once every pull ended as expected."""
    simulated = bench.opened.simulated
    change = (simulated_trust_change if simulated else trust_change_of)(bench.parts, in_use)
    reject, accept = (values[name].lower() in _YES for name in ("default", "use"))
    draft = change.draft(rules, reject=reject, accept_in_use=accept)
    proofs: list[PullProof] = []

    def on_proof(proof: PullProof) -> None:
        proofs.append(proof)
        tell(JobResult(tuple(_plan_sections(draft, rules, proofs)), diff=draft.diff))

    if not (simulated or draft.faults):
        tell("pulling with the new policy")
        change.prove(draft, values["signed"].split(), on_proof, stop)
    if stop.is_set():
        raise KeyboardInterrupt
    sections, then = [*_plan_sections(draft, rules, proofs)], None
    if simulated:
        sections.append(PageSection("Pulls", (PageLine("", _NO_PULLS, Tone.MUTED),)))
    elif reason := why_not(draft, proofs):
        sections.append(PageSection("End", (PageLine("", f"Not applied: {reason}", Tone.BAD),)))
    elif draft.files:
        ready = PageLine("", "Every pull ended as expected.", Tone.GOOD)
        sections.append(PageSection("End", (ready,)))

        def write() -> str:
            entry = change.apply(draft, proofs)
            return f"{entry.id}: J shows it; u there undoes it." if entry else "They were up to date."

        files = ", ".join(file.path for file in draft.files)
        then = Then(f"Write {files}?", "The journal (J) undoes it.", write)
    return JobResult(tuple(sections), diff=draft.diff, then=then)


def _plan_sections(
    draft: TrustDraft, rules: Sequence[ScopeRule], proofs: Sequence[PullProof]
) -> Iterator[PageSection]:
    shown = [PageLine("", f"{rule.scope}: {rule_text(rule)}") for rule in rules]
    yield PageSection("Rules", tuple(shown) or (PageLine("", "none of your own", Tone.MUTED),))
    lines = [] if draft.diff else [PageLine("", "The files are already up to date.")]
    lines += [PageLine("note", note) for note in draft.notes]
    for image in draft.unsigned:
        lines.append(PageLine("unsigned", f"{image} is in use and accepted without a signature"))
    for image in draft.refused:
        lines.append(PageLine("refused", f"{image} is in use and could no longer be pulled", Tone.BAD))
    lines += [PageLine("fault", fault, Tone.BAD) for fault in draft.faults]
    if lines:
        yield PageSection("Plan", tuple(lines))
    pulls = []
    for proof in proofs:
        pull, tone = proof.pull, Tone.GOOD if proof.holds else Tone.BAD
        pulls.append(PageLine(proof.case, f"{pull.reference} {pull.verdict} ({pull.by})", tone))
        if not proof.holds:
            pulls.append(PageLine("", f"expected: {proof.wanted}; {pull.output}\n{proof.hint}"))
    if pulls:
        yield PageSection("Pulls", tuple(pulls))


# --- your own signatures ------------------------------------------------------------------------------------


class KeyScreen(FormScreen):
    BINDING_GROUP_TITLE = "Key"

    def heading(self) -> str:
        return "Trust › new key"

    def about(self) -> str:
        return (
            "Makes a sigstore key pair with skopeo: NAME.private signs, NAME.pub goes into rules of the "
            "assistant. Without a passphrase, whoever can read the private key can sign."
        )

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("name", "Name", "base name of both files, such as release"),
            Field("directory", "Directory", "it must exist", "~"),
            Field("passphrase", "Passphrase", "of the private key; may be empty", secret=True),
            Field("again", "Again", "the same", secret=True),
        )

    def fault(self, values: dict[str, str]) -> str:
        if "/" in values["name"] or values["name"][:1] in ("", ".", "-"):
            return "The name of a key is a file name, such as release."
        if not os.path.isdir(os.path.expanduser(values["directory"])):
            return f"There is no directory {visible(values['directory'], 100)}."
        return "" if values["passphrase"] == values["again"] else "The two passphrases are different."

    def job(self, values: dict[str, str]) -> tuple[Job, str]:
        return partial(_make_key, values), "making a key"


def _make_key(values: dict[str, str], stop: threading.Event, tell: Tell) -> JobResult:
    with passphrase_file(values["passphrase"]) as passphrase:
        private, public = new_key(
            os.path.expanduser(values["directory"]), values["name"], passphrase, stop=stop
        )
    lines = [
        PageLine("private", f"{private}: keep it secret", Tone.GOOD),
        PageLine("public", f"{public}: name it in a rule of the assistant (i)", Tone.GOOD),
    ]
    if not values["passphrase"]:
        lines.append(PageLine("mind", "the private key has no passphrase", Tone.BAD))
    return JobResult((PageSection("New key", tuple(lines)),))


class SignScreen(FormScreen):
    BINDING_GROUP_TITLE = "Sign"

    def heading(self) -> str:
        return "Trust › sign"

    def about(self) -> str:
        return (
            "Adds a signature beside the image in its registry; then a pull that requires exactly this key "
            "proves it. The image itself is unchanged."
        )

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("image", "Image", "in a registry, with its tag: quay.io/team/app:1"),
            Field("key", "Key file", "sigstore private key"),
            Field("passphrase", "Passphrase", "of the key; may be empty", secret=True),
            Field("public", "Public key", "default: the .pub file beside the private one"),
        )

    def fault(self, values: dict[str, str]) -> str:
        if not values["image"]:
            return "Name an image."
        return "" if values["key"] else "Name the file of a key."

    def question(self, values: dict[str, str]) -> str:
        return f"Add a signature to {values['image']}?"

    def job(self, values: dict[str, str]) -> tuple[Job, str]:
        return partial(_sign, values), "signing"


def _sign(values: dict[str, str], stop: threading.Event, tell: Tell) -> JobResult:
    image, key, public = (os.path.expanduser(values[name]) for name in ("image", "key", "public"))
    with passphrase_file(values["passphrase"]) as passphrase:
        pull = sign_and_prove(image, key, passphrase, public, stop=stop)
    good = pull.verdict is PullVerdict.ACCEPTED
    proof = f"a pull that requires this key was {pull.verdict} ({pull.by})"
    lines = [
        PageLine("signed", image, Tone.GOOD),
        PageLine("proof", proof, Tone.GOOD if good else Tone.BAD),
        *_output(pull, good),
    ]
    return JobResult((PageSection("Signature", tuple(lines)),))


def _output(pull: Pull, good: bool) -> tuple[PageLine, ...]:
    return () if good or not pull.output else (PageLine("", pull.output),)


def check_job(
    bench: Workbench, running: Sequence[str], image: str, stop: threading.Event, tell: Tell
) -> JobResult:
    """What the policy in force says of an image, by a real pull into a temporary store.

    Raises:
        InputError, UsageError: the name has no registry, or the policy is unknown.
        ToolMissing: neither podman nor skopeo is installed.
    """
    verified = trust_change_of(bench.parts, running).check(image, stop)
    pull = verified.pull
    good = pull.verdict is PullVerdict.ACCEPTED
    lines = (
        PageLine("verdict", f"{pull.verdict} ({pull.by})", Tone.GOOD if good else Tone.BAD),
        *_output(pull, good),
        PageLine("rule", verified.rule),
        PageLine("signatures", verified.signatures_told),
    )
    return JobResult((PageSection(pull.reference, lines),))
