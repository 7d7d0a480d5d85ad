"""Trust: the policy in force and who can change it; its assistant, which proves a change by real
pulls; your own signatures.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.features.task import Task, TaskResult, Tell
from hardentui.features.trust.own_keys import refuse_key_name
from hardentui.features.trust.page import formats_page, trust_page
from hardentui.features.trust.rules import kind_by_name, kind_of, rules_of
from hardentui.features.trust.signing import passphrase_file
from hardentui.features.trust.tasks import change_task, check_task, key_task, sign_task
from hardentui.features.views import Report
from hardentui.model.facts import EngineFacts
from hardentui.model.trust_change import ScopeRule
from hardentui.tui.actions import BACK, COPY, TRUST
from hardentui.tui.screens.dialogs import ask
from hardentui.tui.screens.form import Field, FormScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.reading import ReadingScreen
from hardentui.tui.widgets.page import page
from hardentui.tui.widgets.title_bar import ScreenReport
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_STEP = 3


class TrustScreen(ReadingScreen):
    ACTIONS = (*TRUST, COPY, BACK)
    OF_CONNECTION: ClassVar = True

    def on_mount(self) -> None:
        self.session.rows_changed.subscribe(self, lambda keys: self.draw())
        self.session.judge_host()

    async def show_state(self, what: str) -> None:
        if what in ("host", "opened"):
            self.draw()

    def heading(self) -> Content:
        reading = self.signs.of("   reading…") if self.session.judging else ""
        return Content.assemble(
            ("Trust", "bold"), "   which images Podman accepts", (reading, "$primary")
        )

    def page(self) -> Content:
        reports = [
            report for report in self.session.host or () if isinstance(report.about, EngineFacts)
        ]
        if not reports:
            return Content(
                self.signs.of("Reading…") if self.session.host is None else "No engine is known."
            )
        return Content("\n\n").join([self._of_engine(report) for report in reports])

    def _of_engine(self, report: Report) -> Content:
        engine = report.about
        assert isinstance(engine, EngineFacts)  # noqa: S101 - `page` has chosen such reports
        rows = self.session.rows.values()
        running = [
            row.image for row in rows if row.engine.label == engine.label and row.state == "running"
        ]
        findings = [finding for finding in report.findings if finding.step == _STEP]
        width = min(100, self.app.size.width - 6)
        head = Content.assemble((f"Engine {visible(engine.label, 40)}", "bold"))
        sections = (*trust_page(engine, running), *formats_page(engine))
        return Content("\n").join([head, page(self, sections, findings, width)])

    def screen_report(self) -> ScreenReport:
        """The engines, with only the findings of this step, as the screen shows them."""
        reports = [
            replace(
                report,
                findings=tuple(each for each in report.findings if each.step == _STEP),
            )
            for report in self.session.host or ()
            if isinstance(report.about, EngineFacts)
        ]
        return ScreenReport(
            "trust",
            tuple((report, "image trust") for report in reports),
        )

    def why_not(self, action: str) -> str:
        if action in ("change", "test", "sign", "key") and self.session.bench is None:
            return "Still connecting to Podman."
        if action in ("test", "sign", "key") and self.simulated:
            return "This host is simulated: nothing is pulled or written."
        if action == "refresh" and self.session.judging:
            return "The policy is being read."
        return ""

    @property
    def _in_use(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(row.image for row in self.session.rows.values() if row.state == "running")
        )

    def action_change(self) -> None:
        if (bench := self.session.bench) is not None:
            self.app.push_screen(
                TrustForm(bench, self._in_use),
                lambda _: self.action_refresh(),
            )

    def action_sign(self) -> None:
        self.app.push_screen(SignScreen())

    def action_key(self) -> None:
        self.app.push_screen(KeyScreen())

    def action_test(self) -> None:
        question = "Pull an image with the policy in force, into a temporary store"
        ask(
            self,
            question,
            "quay.io/team/app:1",
            self._test,
        )

    def _test(self, image: str) -> None:
        if (bench := self.session.bench) is not None:
            job = partial(
                check_task,
                bench.parts,
                self._in_use,
                image,
            )
            self.app.push_screen(JobScreen(f"Trust › {image}", job, "pulling"))

    def action_refresh(self) -> None:
        self.session.judge_host(again=True)


_YES = ("y", "yes")


class TrustForm(FormScreen):
    """Rules, the files they produce, the pulls that prove them; then they can be written."""

    DOES: ClassVar = "can change the policy"

    def __init__(
        self,
        bench: Workbench,
        in_use: Sequence[str],
    ) -> None:
        super().__init__()
        self._bench = bench
        self._in_use = tuple(in_use)

    def heading(self) -> str:
        return "Trust › assistant"

    def about(self) -> str:
        return (
            "A rule is SCOPE=KEY, as in quay.io/team=~/team.pub, or SCOPE and one of accept, reject, "
            "keyless; put ; between several. The result is proven by real pulls, and written only when "
            "you say so."
        )

    def fields(self) -> tuple[Field, ...]:
        count = plural(len(self._in_use), "running image")
        return (
            Field(
                "rules",
                "Rules",
                "quay.io/team=~/team.pub; docker.io/library accept",
            ),
            Field(
                "signed",
                "Signed",
                "images signed with these keys; empty: the running ones",
            ),
            Field(
                "use",
                "In use",
                f"yes: {count} without a rule are accepted unsigned",
                "yes",
            ),
            Field(
                "default",
                "No rule",
                "yes: images without a rule are rejected",
                "yes",
            ),
            Field(
                "tags",
                "Any tag",
                "yes: signatures that name no tag, as by cosign",
                "no",
            ),
        )

    def fault(self, values: dict[str, str]) -> str:
        self._rules(values)
        return ""

    def _rules(self, values: dict[str, str]) -> tuple[ScopeRule, ...]:
        """Raises InputError for a rule that is none."""
        texts = filter(str.strip, values["rules"].split(";"))
        kind = kind_by_name if self._bench.opened.simulated else kind_of
        return rules_of(
            texts,
            any_tag=values["tags"].lower() in _YES,
            key_kind=kind,
        )

    def job(self, values: dict[str, str]) -> tuple[Task, str]:
        reject, accept = (values[name].lower() in _YES for name in ("default", "use"))
        work = partial(
            change_task,
            self._bench.parts,
            self._in_use,
            self._rules(values),
            values["signed"].split(),
            reject=reject,
            accept_in_use=accept,
        )
        return work, "reading the policy"


class KeyScreen(FormScreen):
    def heading(self) -> str:
        return "Trust › new key"

    def about(self) -> str:
        return (
            "Makes a sigstore key pair with skopeo: NAME.private signs, NAME.pub goes into rules of the "
            "assistant. Without a passphrase, whoever can read the private key can sign."
        )

    def fields(self) -> tuple[Field, ...]:
        return (
            Field(
                "name",
                "Name",
                "base name of both files, such as release",
            ),
            Field(
                "directory",
                "Directory",
                "it must exist",
                "~",
            ),
            Field(
                "passphrase",
                "Passphrase",
                "of the private key; may be empty",
                secret=True,
            ),
            Field(
                "again",
                "Again",
                "the same",
                secret=True,
            ),
        )

    def fault(self, values: dict[str, str]) -> str:
        refuse_key_name(values["name"])
        if not os.path.isdir(os.path.expanduser(values["directory"])):
            return f"There is no directory {visible(values['directory'], 100)}."
        return (
            "" if values["passphrase"] == values["again"] else "The two passphrases are different."
        )

    def job(self, values: dict[str, str]) -> tuple[Task, str]:
        def make(stop: threading.Event, tell: Tell) -> TaskResult:
            with passphrase_file(values["passphrase"]) as passphrase:
                directory = os.path.expanduser(values["directory"])
                return key_task(
                    directory,
                    values["name"],
                    passphrase,
                    stop,
                    tell,
                )

        return make, "making a key"


class SignScreen(FormScreen):
    def heading(self) -> str:
        return "Trust › sign"

    def about(self) -> str:
        return (
            "Adds a signature beside the image in its registry; then a pull that requires exactly this key "
            "proves it. The image itself is unchanged."
        )

    def fields(self) -> tuple[Field, ...]:
        return (
            Field(
                "image",
                "Image",
                "in a registry, with its tag: quay.io/team/app:1",
            ),
            Field("key", "Key file", "sigstore private key"),
            Field(
                "passphrase",
                "Passphrase",
                "of the key; may be empty",
                secret=True,
            ),
            Field(
                "public",
                "Public key",
                "default: the .pub file beside the private one",
            ),
        )

    def fault(self, values: dict[str, str]) -> str:
        if not values["image"]:
            return "Name an image."
        return "" if values["key"] else "Name the file of a key."

    def question(self, values: dict[str, str]) -> str:
        return f"Add a signature to {values['image']}?"

    def job(self, values: dict[str, str]) -> tuple[Task, str]:
        def sign(stop: threading.Event, tell: Tell) -> TaskResult:
            key, public = (os.path.expanduser(values[name]) for name in ("key", "public"))
            with passphrase_file(values["passphrase"]) as passphrase:
                return sign_task(
                    values["image"],
                    key,
                    passphrase,
                    public,
                    stop,
                    tell,
                )

        return sign, "signing"
