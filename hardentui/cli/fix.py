"""hardentui fix: the hardened files of one or several containers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.cli import session
from hardentui.cli.command_modules import command_module
from hardentui.cli.drafts import deliver
from hardentui.cli.fix_many import fix_many
from hardentui.cli.names import are_files, together_option
from hardentui.cli.parser import flag, given, group_of
from hardentui.cli.plan_choice import check_options, make_plan
from hardentui.cli.terminal import Terminal
from hardentui.errors import InputError, UsageError
from hardentui.features.rights.security_module import LsmPage, lsm_page
from hardentui.features.views import known_facts
from hardentui.files import write_bundle
from hardentui.model.draft import Target, TextFile
from hardentui.model.podman_version import Version
from hardentui.visible import visible

_APPARMOR = "apparmor"


def version_of(options: Namespace) -> Version | None:
    """The Podman to write for; None = the engine's own.

    Raises:
        UsageError: not a version.
    """
    if not options.podman_version:
        return None
    try:
        version = Version.parse(options.podman_version)
    except ValueError as error:
        raise UsageError(f"--podman-version: {visible(str(error))}.") from error
    return version


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names",
        metavar="NAME|PATH",
        nargs="*",
        help="container name or ID prefix, several at once with -o; or files and folders (./x)",
    )
    together_option(parser)
    group_of(
        parser,
        required=False,
        saved=True,
        tried=True,
        as_is=True,
    )
    parser.add_argument(
        "--to",
        choices=("quadlet", "run", "compose", "kube", "ansible", "unit", "drop-in", _APPARMOR),
        default="",
        help="default: quadlet; compose: an override; apparmor, with --as-is: a profile",
    )
    given(
        parser,
        "-o",
        "DIR",
        "write files to this directory",
        dest="directory",
    )
    given(
        parser,
        "--podman-version",
        "X.Y",
        "target this Podman version instead of the engine's",
    )
    flag(
        parser,
        "--diff",
        "of files: print the diff (the default)",
    )
    flag(
        parser,
        "--explain",
        "of files: the head tells all that is known of each fix",
    )
    flag(
        parser,
        "--in-place",
        "of files, or with --to unit or drop-in: write where they are; a backup is kept",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if not options.names and not options.together:
        raise UsageError("Name a container, a file or a folder.")
    if are_files(options, terminal):
        code: int = command_module("at_rest").fix(
            options,
            terminal,
            version_of(options),
        )
        return code
    ways = ("check", "all", "likely", "safe", "plan", "trial", "as_is")
    if not any(getattr(options, way) for way in ways):
        raise UsageError(
            "Name the fixes: --check ID, --all, --likely, --safe, --plan FILE, --trial FILE; or "
            "--as-is."
        )
    options.to = options.to or "quadlet"
    if options.in_place and (options.to not in ("unit", "drop-in") or options.directory):
        raise UsageError("--in-place needs --to unit or --to drop-in, and excludes -o.")
    if options.to == _APPARMOR and not options.as_is:
        raise UsageError("--to apparmor needs --as-is.")
    version = version_of(options)
    if len(options.names) > 1:
        return fix_many(options, terminal, version)
    if options.as_is:
        return write_as_is(options, terminal, version)
    saved = check_options(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.names[0])
        plan = make_plan(
            bench,
            report,
            options,
            saved,
            terminal,
        )
        if not plan.changes:
            terminal.complain("Nothing was written; --as-is writes the container as it is.")
            return 1
        draft = bench.drafter.draft(
            report,
            plan,
            Target(options.to),
            version=version,
        )
        deliver(
            bench,
            report,
            draft,
            options,
            terminal,
        )
    return 0


def write_as_is(
    options: Namespace,
    terminal: Terminal,
    version: Version | None,
) -> int:
    """Nothing hardened.

    Raises:
        UsageError: the unit is already as it is.
        InputError: AppArmor does not confine the container.
    """
    if options.to in ("unit", "drop-in"):
        raise UsageError(f"--as-is changes nothing, so --to {options.to} has nothing to write.")
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.names[0])
        if options.to == _APPARMOR:
            _apparmor(
                lsm_page(known_facts(report)),
                options.directory,
                terminal,
            )
        else:
            draft = bench.drafter.draft(
                report,
                None,
                Target(options.to),
                version=version,
            )
            deliver(
                bench,
                report,
                draft,
                options,
                terminal,
            )
    return 0


def _apparmor(
    page: LsmPage,
    directory: str,
    terminal: Terminal,
) -> None:
    """Raises InputError if AppArmor does not confine the container."""
    if page.profile is None:
        raise InputError(
            f"No AppArmor profile is written for {visible(page.container, 60)}: {page.why}.",
            "SELinux policies are written by udica." if page.module == "selinux" else "",
        )
    for note in page.profile.notes:
        terminal.note(f"note: {note}")
    if not directory:
        terminal.write_exact(page.profile.text)
        return
    file = TextFile(page.profile.name, page.profile.text)
    terminal.tell_written(write_bundle(directory, [file], create=True))
