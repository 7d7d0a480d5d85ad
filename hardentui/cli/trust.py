"""hardentui trust: show or change which images Podman accepts, proven by real pulls first."""

from __future__ import annotations

import json
import threading
from argparse import SUPPRESS, ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from hardentui.cli import session
from hardentui.cli.parser import Given, common_options
from hardentui.cli.terminal import Terminal, sure
from hardentui.errors import UsageError
from hardentui.features.sections import page_text
from hardentui.features.trust.change import trust_change_of, why_not
from hardentui.features.trust.page import trust_page
from hardentui.features.trust.rules import rules_of
from hardentui.features.trust.signing import new_key, sign_and_prove
from hardentui.model.facts import EngineFacts
from hardentui.model.known import known
from hardentui.model.trust_change import PullVerdict
from hardentui.visible import strict_json, visible, visible_lines

if TYPE_CHECKING:
    from hardentui.features.trust.change import TrustChange
    from hardentui.features.workbench import Workbench
    from hardentui.model.trust_change import PullProof, TrustDraft


# hardentui trust sign, check and key.


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
    images = ", ".join(visible(name, 100) for name in options.names)
    sure(terminal, f"Add a signature to {images}?", yes=options.yes, command="the same with --yes")
    failed = False
    for image in options.names:
        terminal.activity(f"signing {image}")
        pull = sign_and_prove(
            image, options.key, options.passphrase_file, options.public, stop=threading.Event()
        )
        terminal.clear()
        good = pull.verdict == "accepted"
        failed = failed or not good
        proven = f"a pull that requires this key was {pull.verdict} ({pull.by})"
        terminal.write(f"{visible(image, 100)}: signed; {proven}\n")
        if not good:
            terminal.complain(visible(pull.output, 300))
    return 1 if failed else 0


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


SCHEMA = "hardentui/trust/1"
VERBS = {
    "show": "show the current policy (default)",
    "plan": "show the new files, proven by real pulls, without writing them",
    "apply": "the same, then write the files; hardentui undo reverts it",
    "check": "test images against the policy with real pulls",
    "sign": "add a sigstore signature to images in their registry",
    "key": "generate a sigstore key pair",
}


def arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, about in VERBS.items():
        verb_parser = verbs.add_parser(verb, help=about, description=f"{about[0].upper()}{about[1:]}.")
        _ARGUMENTS[verb](verb_parser)
        if verb in ("show", "plan", "apply"):
            _format(verb_parser, default=SUPPRESS)  # else it would cancel one given before the verb
        common_options(verb_parser, top=False)
    parser.set_defaults(verb="show")
    _format(parser)


def _format(parser: ArgumentParser, default: str = "text") -> None:
    parser.add_argument("--format", choices=("text", "json"), default=default, help="default: text")


def _no_arguments(parser: ArgumentParser) -> None:
    """It has no description of its own."""


def _change_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "rules",
        metavar="RULE",
        nargs="*",
        help="what images of SCOPE (HOST, HOST/NAMESPACE, HOST/REPOSITORY or *.DOMAIN) need: SCOPE=KEYFILE "
        "(sigstore or GPG; 'SCOPE=KEYFILE URL' if GPG signatures are elsewhere), 'SCOPE accept', "
        "'SCOPE reject', 'SCOPE keyless EMAIL ISSUER FULCIO REKOR'",
    )
    rules = parser.add_argument_group("rules in general")
    rules.add_argument(
        "--any-tag", action="store_true", help="accept signatures without a tag, as made by cosign"
    )
    rules.add_argument(
        "--accept-in-use", action="store_true", help="accept running images without a rule unsigned"
    )
    rules.add_argument("--keep-default", action="store_true", help="do not reject images without a rule")
    proof = parser.add_argument_group(
        "images for the pulls; default: the running ones, and a tiny test image"
    )
    proof.add_argument(
        "--signed", metavar="IMAGE", action="append", default=[], help="an image signed with a rule's key"
    )
    parser.epilog = "The exit code is 1 if a pull does not end as expected."


def _apply_arguments(parser: ArgumentParser) -> None:
    _change_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names", metavar="IMAGE", nargs="+", help="including the registry: quay.io/team/app:1"
    )
    parser.epilog = "The exit code is 1 if an image is rejected, 4 if that is unknown."


def _sign_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="IMAGE", nargs="+", help="in a registry, with the tag to sign")
    parser.add_argument("--key", metavar="FILE", action=Given, required=True, help="sigstore private key")
    for option, about in (
        ("--passphrase-file", "file with its passphrase; default: it has none"),
        ("--public", "public key; default: the .pub file beside the private one"),
    ):
        parser.add_argument(option, metavar="FILE", action=Given, default="", help=about)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _key_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="base name of the files NAME.private and NAME.pub")
    parser.add_argument(
        "-o",
        metavar="DIR",
        action=Given,
        dest="directory",
        default=".",
        help="directory for both files; default: here",
    )
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        action=Given,
        default="",
        help="file with a passphrase for the private key",
    )


_ARGUMENTS = {
    "show": _no_arguments,
    "plan": _change_arguments,
    "apply": _apply_arguments,
    "check": _check_arguments,
    "sign": _sign_arguments,
    "key": _key_arguments,
}


def run(options: Namespace, terminal: Terminal) -> int:
    if options.verb == "key":
        return make_key(options, terminal)
    if options.verb == "sign":
        return sign(options, terminal)
    with session.workbench(options, terminal) as bench:
        rows = bench.containers.rows()
        running = [(row.engine.label, row.image) for row in rows if row.state == "running"]
        if options.verb == "show":
            return _show(bench, running, options, terminal)

        change = trust_change_of(bench.parts, [image for _, image in running])
        if options.verb == "check":
            return check(change, options, terminal)
        return _change(change, options, terminal)


def _trust(engine: EngineFacts) -> Any:
    from msgspec import to_builtins

    return to_builtins(known(lambda: engine.trust), enc_hook=lambda unread: {"reason": unread.reason})


def _show(bench: Workbench, running: list[tuple[str, str]], options: Namespace, terminal: Terminal) -> int:

    engines = [report.about for report in bench.surroundings.host() if isinstance(report.about, EngineFacts)]
    if options.format == "json":
        documents = [{"engine": engine.label, "trust": _trust(engine)} for engine in engines]
        document = {"schema": SCHEMA, "simulated": bench.opened.simulated, "engines": documents}
        terminal.write(strict_json(json.dumps(document, indent=2)) + "\n")
        return 0
    for engine in engines:
        images = [image for label, image in running if label == engine.label]
        terminal.write(f"Engine {visible(engine.label, 40)}\n\n{page_text(trust_page(engine, images))}\n")
    return 0


def _change(change: TrustChange, options: Namespace, terminal: Terminal) -> int:
    draft = change.draft(
        rules_of(options.rules, any_tag=options.any_tag),
        reject=not options.keep_default,
        accept_in_use=options.accept_in_use,
    )
    as_json = options.format == "json"
    if not as_json:
        _tell_draft(draft, terminal)
    stop = threading.Event()
    proofs: tuple[PullProof, ...] = ()
    if not draft.faults:
        terminal.activity("pulling with the new policy")
        on_proof = (lambda proof: None) if as_json else (lambda proof: _tell_proof(proof, terminal))
        proofs = change.prove(draft, options.signed, on_proof, stop)
        terminal.clear()
    reason = why_not(draft, proofs)
    if as_json:
        terminal.write(strict_json(json.dumps(_document(draft, proofs, reason), indent=2)) + "\n")
    elif reason:
        terminal.complain(f"not applied: {reason}")
    if reason or options.verb == "plan":
        return 1 if reason else 0
    if not draft.files:
        terminal.note("The files are already up to date.")
        return 0
    files = ", ".join(visible(file.path, 100) for file in draft.files)
    sure(terminal, f"Write {files}?", yes=options.yes, command="the same with --yes")
    entry = change.apply(draft, proofs)
    if entry is not None:
        terminal.note(f"{entry.id}: done. Undo: hardentui undo {entry.id}")
    return 0


def _tell_draft(draft: TrustDraft, terminal: Terminal) -> None:
    terminal.write(
        "\n".join(map(visible_lines, draft.diff.splitlines())) + "\n" if draft.diff else "no change\n"
    )
    for note in draft.notes:
        terminal.note(f"note: {note}")
    for image in draft.unsigned:
        terminal.note(f"note: {visible(image, 100)} is in use and accepted without a signature")
    for image in draft.refused:
        terminal.complain(f"refused: {visible(image, 100)} is in use and could no longer be pulled")


def _tell_proof(proof: PullProof, terminal: Terminal) -> None:
    mark = "ok " if proof.holds else "NO "
    pull = proof.pull
    terminal.write(
        f"{mark} {proof.case:<16} {visible(pull.reference, 100)}: {pull.verdict} ({visible(pull.by)})\n"
    )
    if not proof.holds:
        terminal.write(
            f"    expected: {proof.wanted}; {visible(pull.output, 300)}\n    {visible(proof.hint, 300)}\n"
        )


def _document(draft: TrustDraft, proofs: tuple[PullProof, ...], reason: str) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "files": [{"path": file.path, "text": file.text, "new": file.before is None} for file in draft.files],
        "diff": draft.diff,
        "rejects_by_default": draft.rejects,
        "refused": list(draft.refused),
        "unsigned": list(draft.unsigned),
        "notes": list(draft.notes),
        "proofs": [
            {
                "case": proof.case,
                "scope": proof.scope,
                "image": proof.pull.reference,
                "wanted": proof.wanted.value,
                "verdict": proof.pull.verdict.value,
                "said": proof.pull.output,
                "by": proof.pull.by,
            }
            for proof in proofs
        ],
        "can_be_applied": not reason,
        "reason": reason,
    }
