"""Where each command of the command line is in the terminal UI: the data of docs/terminal-ui.md.

`tests/architecture/test_reachable.py` compares the rows with the parser: a command, verb or option without a
place or a reason fails. `{walk.trial}` stands for the key of that action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from hardentui.tui.ways import with_keys

COMMON = {
    "--url --connection --demo": "`{app.connection}` switches; `{app.simulate}` opens the simulated host",
    "--checklist": "`{app.checklist}`",
    "--format -o": "`{app.export}` writes what a screen shows, in the format of the ending; `w` files",
    "--yes": "every change is asked about; for scripts",
    "--fail-on": "exit codes are for scripts",
    "--no-color --quiet --help": "$NO_COLOR; progress is always shown; `{app.help}`",
}
"""Options that many commands share -> what takes their place."""
_FIXES = "--check --all --likely --safe"
_TRIED = "--peer --patience --outside --grant"
_FINE = "fine-tuning of a run that is written down: the defaults suit a session"
_RULES = (
    "--sigstore --gpg --keyless --pki --accept --reject --any-tag --accept-in-use --keep-default --signed "
    "--issuer --ca --intermediates --rekor"
)
_OTHER_IMAGES = "the assistant uses the running images and a tiny test image"


class Place(Struct, frozen=True):
    """A command or verb, and where it is.

    Attributes:
        where: in the terminal UI; why nowhere, if `nowhere`.
        options: that have their place there too.
        without: options -> why only the command line has them.
    """

    command: str
    where: str
    options: str = ""
    without: Mapping[str, str] = {}
    nowhere: bool = False


PLACES = (
    Place(
        "harden",
        "`{home.harden}` in the list (marked containers one after another) and `{walk.harden}` in the walk",
        "--all --try --probe --confirm-within --soak",
        {"--check": "choose the fixes in the walk, `{walk.trial}` tries these", "--patience": _FINE},
    ),
    Place(
        "check",
        "the list of containers and the walk behind `{home.open}`; `{home.filter}` filters",
        "--step --check --filter --summary --details",
        {"--facts": "another host, looked at later; `{app.compare}` compares it with this one"},
    ),
    Place("explain", "`{walk.explain}` on a finding; `{home.meaning}` in the list for the score", "--list"),
    Place(
        "convert",
        "`{walk.write}` in the walk without a chosen fix",
        "--to",
        {"--podman-version": "files for another Podman; the UI writes for the engine it sees"},
    ),
    Place("plan", "choosing in the walk; `{walk.plan}` shows the plan, `{walk.write}` saves it", _FIXES),
    Place(
        "fix",
        "`{walk.write}` in the walk; `{home.fix}` in the list for the marked containers",
        f"{_FIXES} --to --in-place",
        {
            "--plan --trial": "results of earlier runs; a session still has its own",
            "--podman-version": "as for convert",
        },
    ),
    Place(
        "apply",
        "`{walk.apply}` in the walk, or after a trial",
        f"{_FIXES} --probe --confirm-within --keep-data --discard-data",
        {
            "--plan --trial": "as for fix",
            "--patience": _FINE,
            "--soak": "`{card.soak}` on the card of `{home.harden}`",
        },
    ),
    Place("confirm", "`{journal.keep}` in the journal (`{app.journal}`)"),
    Place(
        "undo",
        "`{journal.undo}` in the journal (`{app.journal}`)",
        "",
        {"--expired --cut-off": "called by systemd"},
    ),
    Place("journal", "`{app.journal}`; `{app.export}` writes it"),
    Place("journal show", "`{app.journal}`"),
    Place("journal forget", "`{journal.forget}` in the journal"),
    Place(
        "trial",
        "`{walk.trial}` in the walk",
        f"{_FIXES} --probe --learn --tight",
        {_TRIED: _FINE, "--plan": "as for fix"},
    ),
    Place(
        "rehearse",
        "`{updates.rehearse}` on the updates page (`{app.images}`, `{images.updates}`)",
        "--image",
        {f"--probe {_TRIED}": _FINE},
    ),
    Place(
        "host",
        "`{app.host}`; `{host.take_in}` imports a scan",
        "--import",
        {"--deep": "asks package managers for seconds"},
    ),
    Place(
        "images",
        "`{app.images}`: `{images.look}`, `{images.scan}`, `{images.take_in}`, `{images.updates}`, "
        "`{images.sbom}`; `{images.findings}` explains and accepts findings",
        "--inside --scan --import --updates --sbom",
        {"--scanner --data --offline --cool-down": _FINE},
    ),
    Place(
        "networks",
        "`{app.networks}`: `{networks.prove}`, `{networks.outgoing}`, `{networks.split}`, `{networks.try}`; "
        "`{networks.findings}` explains and accepts findings",
        "--svg --prove --outgoing --split --try",
        {"--watch --outside --patience --trial": _FINE},
    ),
    Place("capabilities", "`{home.rights}`: what the kernel allows", "--all", {"--trial": "as for fix"}),
    Place("seccomp", "`{home.rights}`", "", {"--calls": "answers about single calls, for scripts"}),
    Place("lsm", "`{home.rights}`; `{job.write}` there writes the policy"),
    Place(
        "pins",
        "the updates page: `{updates.places}` names a directory, `{updates.move}` moves the pins",
        "--move",
        {"--cool-down": _FINE},
    ),
    Place("trust show", "`{app.trust}`"),
    Place(
        "trust plan",
        "`{trust.change}` on the trust page: the assistant",
        _RULES,
        {
            "--unsigned --elsewhere": _OTHER_IMAGES,
            "--lookaside": "a directory of registries.d, edited there",
        },
    ),
    Place(
        "trust apply",
        "`{trust_change.apply}` in the assistant",
        _RULES,
        {"--unsigned --elsewhere": _OTHER_IMAGES, "--lookaside": "as for trust plan"},
    ),
    Place("trust check", "`{trust.test}` on the trust page"),
    Place(
        "trust sign",
        "`{trust.sign}` on the trust page",
        "--key --public --gpg --lookaside",
        {"--passphrase-file": "the passphrase is typed, masked"},
    ),
    Place(
        "trust key",
        "`{trust.key}` on the trust page",
        "",
        {"--passphrase-file": "the passphrase is typed, masked"},
    ),
    Place(
        "monitor",
        "`{home.monitor}`; `{monitor.keep}` saves a baseline",
        "--log --baseline",
        {"--once --interval --for": "for scripts and timers"},
    ),
    Place(
        "waive",
        "`{explain.accept}` on an explained finding; `{app.waivers}` lists them",
        "--on --reason --owner --until --control",
        {"--engine --file": "it is about the finding's engine, and goes to your file"},
    ),
    Place("train", "`{app.training}`", "", {"--labs --class": "for instructors, with their own labs"}),
    Place("train start", "`{training.open}` on a lab"),
    Place("train run", "`{lab.options}` in a lab"),
    Place("train check", "`{lab.check}` in a lab"),
    Place("train hint", "`{lab.hint}` in a lab"),
    Place("train solution", "`{lab.solution}` in a lab"),
    Place("train stop", "`{training.stop}`"),
    Place("train export", "`{app.export}` on the training page"),
    Place("doctor", "`{app.doctor}`"),
    Place("facts save", "`{export.facts}` in the report dialog (`{app.export}`)"),
    Place("compare", "`{app.compare}`; `{app.export}` there writes the comparison"),
    Place("checklist new", "`{checklist.new}` on the checklist page (`{app.checklist}`)"),
    Place("checklist lint", "`{checklist.lint}` there"),
    Place("checklist test", "`{checklist.test}` there; labs are tested where they are written, in a shell"),
    Place("checklist options", "`{checklist.words}` there"),
    Place("checklist facts", "`{checklist.words}` there"),
    Place(
        "serve",
        "it serves the terminal UI itself",
        "--port --host --public --sessions",
        nowhere=True,
    ),
    Place("settings show", "`{app.settings}`", "--all"),
    Place("settings init", "`{settings.starter}` on the settings page", "--all"),
    Place("completion", "it completes shell commands", nowhere=True),
)
PROGRAM = Place(
    "hardentui",
    "the terminal UI",
    "",
    {"--version --text": "`hardentui --text` is the dialogue for screen readers"},
)


def page() -> str:
    """The text of docs/terminal-ui.md."""
    lines = [
        "# The commands in the terminal UI",
        "",
        "Generated by `make docs` from the actions of the terminal UI. `?` shows all keys of a screen, `:` "
        "finds any action by name.",
        "",
        "| command | in the terminal UI | only on the command line |",
        "|---|---|---|",
        *(_line(place) for place in (PROGRAM, *PLACES)),
        "",
        "Options that many commands share:",
        "",
        "| options | in the terminal UI |",
        "|---|---|",
        *(f"| {_codes(options)} | {with_keys(where)} |" for options, where in COMMON.items()),
        "",
    ]
    return "\n".join(lines)


def _line(place: Place) -> str:
    without = "; ".join(f"{_codes(options)}: {why}" for options, why in place.without.items())
    where, without = ("–", place.where) if place.nowhere else (place.where, without)
    return f"| `{place.command}` | {with_keys(where)} | {with_keys(without)} |"


def _codes(options: str) -> str:
    return " ".join(f"`{option}`" for option in options.split())


def options_of(places: Iterable[Place]) -> set[str]:
    """Every option that these rows name."""
    named: set[str] = set()
    for place in places:
        named.update(place.options.split(), *(options.split() for options in place.without))
    return named
