"""Signing your own images: a key pair, a signature that a pull proves, and the verdict of the policy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.trust.change import trust_change_of
from hardentui.features.trust.sign import new_key, passphrase_file, sign_and_prove, sign_with_gpg
from hardentui.model.trust_change import Pull, PullVerdict
from hardentui.tui.actions import BACK, FORM, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.job import Job, JobResult, JobScreen, SureScreen
from hardentui.tui.text import hanging
from hardentui.tui.widgets.page import TextField
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class Field(NamedTuple):
    """A field: its name, its label, an explanation, a proposed value; `secret`: what is typed is masked."""

    name: str
    label: str
    placeholder: str = ""
    value: str = ""
    secret: bool = False


class FormScreen(HardenScreen):
    """Enter goes to the next field, and from the last one carries it out. After a failure the form is still
    there.

    Subclasses provide `heading`, `about`, `fields`, `fault` and `job`.
    """

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "form.tcss"
    ACTIONS = (*FORM, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)

    def __init__(self) -> None:
        super().__init__()
        self._fault = ""

    # --- for subclasses ---------------------------------------------------------------------------------

    def heading(self) -> str:
        """`Trust › sign`."""
        raise NotImplementedError

    def about(self) -> str:
        """What it does, in a sentence or two."""
        raise NotImplementedError

    def fields(self) -> tuple[Field, ...]:
        raise NotImplementedError

    def fault(self, values: dict[str, str]) -> str:
        """What is missing or wrong, as a sentence; empty when it can be carried out."""
        raise NotImplementedError

    def question(self, values: dict[str, str]) -> str:
        """What to ask before it is carried out; empty = nothing."""
        return ""

    def job(self, values: dict[str, str]) -> tuple[Job, str]:
        """The work, and its first progress message."""
        raise NotImplementedError

    # --- the form ---------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        for field in self.fields():
            with Horizontal(classes="field"):
                yield Label(field.label, classes="label")
                yield TextField(
                    field.value,
                    id=field.name,
                    placeholder=field.placeholder,
                    password=field.secret,
                    compact=True,
                )
        yield Static(id="hint")

    def on_mount(self) -> None:
        empty = [name for name, value in self.values().items() if not value]
        self.query_one(f"#{empty[0]}" if empty else "Input", Input).focus()
        self.query_one("#crumb", Static).update(Content.styled(self.signs.of(self.heading()), "bold"))
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def values(self) -> dict[str, str]:
        """What was typed, by field; only what is not secret is stripped of blanks."""
        secret = {field.name for field in self.fields() if field.secret}
        return {
            str(field.id): field.value if field.id in secret else field.value.strip()
            for field in self.query(Input)
        }

    def _draw(self) -> None:
        width = max(20, self.app.size.width - 4)
        parts = hanging("", self.about(), width, "$muted", indent=0)
        if self._fault:
            parts += hanging("", self._fault, width, "bold $status-high", indent=0)
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    @on(Input.Submitted)
    def _given(self, message: Input.Submitted) -> None:
        names = [field.name for field in self.fields()]
        at = names.index(str(message.input.id))
        if at + 1 < len(names):
            self.query_one(f"#{names[at + 1]}", Input).focus()
        else:
            self.action_save()

    def action_save(self) -> None:
        values = self.values()
        self._fault = self.fault(values)
        self._draw()
        if self._fault:
            return
        if question := self.question(values):
            self.app.push_screen(SureScreen(question, ""), lambda sure: self._sure(sure, values))
        else:
            self._sure(True, values)

    def _sure(self, sure: bool | None, values: dict[str, str]) -> None:
        if sure:
            job, doing = self.job(values)
            screen = JobScreen(self.heading(), job, doing, once=True)

            def came_back(_: None) -> None:
                if screen.is_done:
                    self.dismiss()

            self.app.push_screen(screen, came_back)


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


def _make_key(values: dict[str, str], stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
    with passphrase_file(values["passphrase"]) as passphrase:
        private, public = new_key(
            os.path.expanduser(values["directory"]), values["name"], passphrase, stop=stop
        )
    lines = [
        PageLine("private", f"{private}: keep it secret", Tone.GOOD),
        PageLine("public", f"{public}: name it in a rule of the assistant (a)", Tone.GOOD),
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
            "Adds a signature beside the image in its registry, or with GPG in the lookaside directory; then "
            "a pull that requires exactly this key proves it. The image itself is unchanged."
        )

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("image", "Image", "in a registry, with its tag: quay.io/team/app:1"),
            Field("key", "Key file", "sigstore private key; or empty, and a GPG key below"),
            Field("passphrase", "Passphrase", "of the key; may be empty", secret=True),
            Field("public", "Public key", "default: the .pub file beside the private one"),
            Field("gpg", "GPG key", "ID or e-mail of a GPG key of this account"),
            Field("lookaside", "Lookaside", "with a GPG key: the directory for signatures"),
        )

    def fault(self, values: dict[str, str]) -> str:
        if not values["image"]:
            return "Name an image."
        if bool(values["key"]) == bool(values["gpg"]):
            return "Sign with either a key file or a GPG key."
        if bool(values["gpg"]) != bool(values["lookaside"]):
            return "A GPG key needs a lookaside directory: such signatures are not in the registry."
        return ""

    def question(self, values: dict[str, str]) -> str:
        return f"Add a signature to {values['image']}?"

    def job(self, values: dict[str, str]) -> tuple[Job, str]:
        return partial(_sign, values), "signing"


def _sign(values: dict[str, str], stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
    image, key, public, lookaside = (
        os.path.expanduser(values[name]) for name in ("image", "key", "public", "lookaside")
    )
    with passphrase_file(values["passphrase"]) as passphrase:
        if values["gpg"]:
            pull = sign_with_gpg(image, values["gpg"], passphrase, lookaside, stop=stop)
        else:
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
    bench: Workbench,
    running: Sequence[str],
    image: str,
    stop: threading.Event,
    tell: Callable[[str], None],
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
