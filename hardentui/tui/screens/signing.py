"""Signing your own images: a key pair, a signature that a pull proves, and the verdict of the policy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hardentui.model.trust_change import Pull, PullVerdict
from hardentui.tui.screens.form import Field, FormScreen
from hardentui.tui.screens.job import Job, JobResult
from hardentui.visible import visible
from hardentui.workbench.changing.signing import new_key, passphrase_file, sign_and_prove, sign_with_gpg
from hardentui.workbench.changing.trust import trust_change_of
from hardentui.workbench.pages.sections import PageLine, PageSection, Tone

if TYPE_CHECKING:
    from hardentui.workbench.workbench import Workbench


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
