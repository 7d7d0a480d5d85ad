"""hardentui trust: show or change which images Podman accepts, proven by real pulls first."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from hardentui.cli import session
from hardentui.cli.parser import Given, common_options, flag, given, repeated
from hardentui.cli.task import carry_out
from hardentui.cli.terminal import Terminal, sure
from hardentui.features.sections import page_text
from hardentui.features.trust.page import SCHEMA, trust_page
from hardentui.features.trust.rules import rules_of
from hardentui.features.trust.tasks import change_task, check_task, key_task, sign_task
from hardentui.model.facts import EngineFacts
from hardentui.model.known import known
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

VERBS = {
    "show": "show the current policy (default)",
    "plan": "show the new files, proven by real pulls, without writing them",
    "apply": "the same, then write the files; hardentui undo reverts it",
    "check": "test images against the policy with real pulls",
    "sign": "add a sigstore signature to images in their registry",
    "key": "generate a sigstore key pair",
}


def arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(
        dest="verb",
        metavar="VERB",
    )
    for verb, about in VERBS.items():
        verb_parser = verbs.add_parser(
            verb, help=about, description=f"{about[0].upper()}{about[1:]}."
        )
        _ARGUMENTS[verb](verb_parser)
        if verb in ("show", "plan", "apply"):
            _format(verb_parser, default=SUPPRESS)  # else it would cancel one given before the verb
        common_options(verb_parser, top=False)
    parser.set_defaults(verb="show")
    _format(parser)


def _format(parser: ArgumentParser, default: str = "text") -> None:
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default=default,
        help="default: text",
    )


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
    flag(
        rules,
        "--any-tag",
        "accept signatures without a tag, as made by cosign",
    )
    flag(
        rules,
        "--accept-in-use",
        "accept running images without a rule unsigned",
    )
    flag(
        rules,
        "--keep-default",
        "do not reject images without a rule",
    )
    proof = parser.add_argument_group(
        "images for the pulls; default: the running ones, and a tiny test image"
    )
    repeated(
        proof,
        "--signed",
        "IMAGE",
        "an image signed with a rule's key",
    )
    parser.epilog = "The exit code is 1 if a pull does not end as expected."


def _apply_arguments(parser: ArgumentParser) -> None:
    _change_arguments(parser)
    flag(parser, "--yes", "do not ask")


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names", metavar="IMAGE", nargs="+", help="including the registry: quay.io/team/app:1"
    )
    parser.epilog = "The exit code is 1 if an image is rejected, 4 if that is unknown."


def _sign_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names", metavar="IMAGE", nargs="+", help="in a registry, with the tag to sign"
    )
    parser.add_argument(
        "--key", metavar="FILE", action=Given, required=True, help="sigstore private key"
    )
    given(
        parser,
        "--passphrase-file",
        "FILE",
        "file with its passphrase; default: it has none",
    )
    given(
        parser,
        "--public",
        "FILE",
        "public key; default: the .pub file beside the private one",
    )
    flag(parser, "--yes", "do not ask")


def _key_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", help="base name of the files NAME.private and NAME.pub"
    )
    given(
        parser, "-o", "DIR", "directory for both files; default: here", dest="directory", absent="."
    )
    given(
        parser,
        "--passphrase-file",
        "FILE",
        "file with a passphrase for the private key",
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
        task = partial(
            key_task,
            options.directory,
            options.name,
            options.passphrase_file,
        )
        return carry_out(task, terminal, "making a key").code
    if options.verb == "sign":
        images = ", ".join(visible(name, 100) for name in options.names)
        sure(
            terminal,
            f"Add a signature to {images}?",
            yes=options.yes,
            command="the same with --yes",
        )
        keys = (options.key, options.passphrase_file, options.public)
        tasks = [(f"signing {image}", partial(sign_task, image, *keys)) for image in options.names]
        return max(carry_out(task, terminal, doing).code for doing, task in tasks)
    with session.workbench(options, terminal) as bench:
        rows = bench.containers.rows()
        running = [(row.engine.label, row.image) for row in rows if row.state == "running"]
        if options.verb == "show":
            return _show(bench, running, options, terminal)
        in_use = [image for _, image in running]
        if options.verb == "check":
            tasks = [
                (
                    f"pulling {image}",
                    partial(
                        check_task,
                        bench.parts,
                        in_use,
                        image,
                    ),
                )
                for image in options.names
            ]
            return max(carry_out(task, terminal, doing).code for doing, task in tasks)
        task = partial(
            change_task,
            bench.parts,
            in_use,
            rules_of(options.rules, any_tag=options.any_tag),
            options.signed,
            reject=not options.keep_default,
            accept_in_use=options.accept_in_use,
        )
        return carry_out(
            task,
            terminal,
            "reading the policy",
            as_json=options.format == "json",
            apply=options.verb == "apply",
            yes=options.verb == "apply" and options.yes,
        ).code


def _show(
    bench: Workbench,
    running: list[tuple[str, str]],
    options: Namespace,
    terminal: Terminal,
) -> int:
    engines = [
        report.about
        for report in bench.surroundings.host()
        if isinstance(report.about, EngineFacts)
    ]
    if options.format == "json":
        documents = [{"engine": engine.label, "trust": _trust(engine)} for engine in engines]
        terminal.write_json(
            {
                "schema": SCHEMA,
                "simulated": bench.opened.simulated,
                "engines": documents,
            }
        )
        return 0
    for engine in engines:
        images = [image for label, image in running if label == engine.label]
        terminal.write(
            f"Engine {visible(engine.label, 40)}\n\n{page_text(trust_page(engine, images))}\n"
        )
    return 0


def _trust(engine: EngineFacts) -> Any:
    from msgspec import to_builtins

    return to_builtins(
        known(lambda: engine.trust), enc_hook=lambda unread: {"reason": unread.reason}
    )
