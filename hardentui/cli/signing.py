"""hardentui trust sign, check and key."""

from __future__ import annotations

import threading
from argparse import Namespace
from typing import TYPE_CHECKING

from hardentui.cli.confirmation import sure
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.model.trust_change import PullVerdict
from hardentui.visible import visible
from hardentui.workbench.changing.signing import new_key, sign_and_prove, sign_with_gpg

if TYPE_CHECKING:
    from hardentui.model.trust_change import Pull
    from hardentui.workbench.changing.trust import TrustChange


def make_key(options: Namespace, terminal: Terminal) -> int:
    """A sigstore key pair."""
    if "/" in options.name or options.name[:1] in ("", ".", "-"):
        raise UsageError("The name of a key must be a file name, such as: hardentui trust key release")
    private, public = new_key(
        options.directory, options.name, options.passphrase_file, stop=threading.Event()
    )
    terminal.write(f"{visible(private)}: keep it secret\n{visible(public)}: name it in a rule\n")
    if not options.passphrase_file:
        terminal.note("note: the private key has no passphrase; --passphrase-file FILE gives it one")
    return 0


def sign(options: Namespace, terminal: Terminal) -> int:
    """Sign each image, and prove the signature with a pull."""
    if bool(options.key) == bool(options.gpg):
        raise UsageError("Sign with either --key FILE or --gpg KEY.")
    if bool(options.gpg) != bool(options.lookaside):
        raise UsageError(
            "--gpg and --lookaside DIR go together: GPG signatures are stored in a directory, not a registry."
        )
    images = ", ".join(visible(name, 100) for name in options.names)
    sure(terminal, f"Add a signature to {images}?", yes=options.yes, command="the same with --yes")
    failed = False
    for image in options.names:
        terminal.activity(f"signing {image}")
        pull = _sign(image, options)
        terminal.clear()
        good = pull.verdict == "accepted"
        failed = failed or not good
        proven = f"a pull that requires this key was {pull.verdict} ({pull.by})"
        terminal.write(f"{visible(image, 100)}: signed; {proven}\n")
        if not good:
            terminal.complain(visible(pull.output, 300))
    return 1 if failed else 0


def _sign(image: str, options: Namespace) -> Pull:
    stop = threading.Event()
    if options.gpg:
        return sign_with_gpg(image, options.gpg, options.passphrase_file, options.lookaside, stop=stop)
    return sign_and_prove(image, options.key, options.passphrase_file, options.public, stop=stop)


def check(change: TrustChange, options: Namespace, terminal: Terminal) -> int:
    """The verdict of the current policy, by a real pull of each image."""
    codes = set()
    for image in options.names:
        terminal.activity(f"pulling {image}")
        verified = change.check(image, threading.Event())
        terminal.clear()
        pull = verified.pull
        terminal.write(
            f"{visible(image, 100)}: {pull.verdict} ({visible(pull.by)})\n  {visible(verified.rule, 300)}\n"
        )
        if pull.output:
            terminal.write(f"  {visible(pull.output, 300)}\n")
        terminal.write(f"  {visible(verified.signatures_told, 300)}\n")
        codes.add({PullVerdict.ACCEPTED: 0, PullVerdict.UNKNOWN: 4}.get(pull.verdict, 1))
    return max(codes)
