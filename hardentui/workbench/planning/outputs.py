"""Files from a container or a plan, checked by the host's own generator before anybody gets them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from msgspec.structs import replace

from hardentui.errors import CannotExpress, GeneratorError
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.spec import Option, Spec
from hardentui.model.version import NEWEST_KNOWN, Version
from hardentui.options import ANNOTATIONS, COMMAND, ENV, HEALTH_ON_FAILURE, LABELS, NETWORK, RESTART
from hardentui.options.argv.compare import compare_arguments
from hardentui.quadlet.write.bundle import Bundle, Command, Member, UnitContext, UnitFile, bundle
from hardentui.reading.masking import mask_argument, mask_text
from hardentui.visible import visible
from hardentui.workbench.planning.around import Around
from hardentui.workbench.views import Output, OutputFile, Target
from hardentui.writers.anonymous import with_existing
from hardentui.writers.file_name import safe_file_name
from hardentui.writers.knowledge import left_behind
from hardentui.writers.run_script import run_script
from hardentui.writers.supporting import network_name

_PRIVATE = 0o600
"""Mode of files that hold a plain secret of the container."""
ALONE = Around()


def output(
    facts: ContainerFacts,
    plan: Plan | None,
    target: Target,
    *,
    version: Version | None = None,
    verify: bool = True,
    around: Around = ALONE,
) -> Output:
    """Files for a plan, or for the container as it is; for one of a pod, for all of the pod.

    Raises:
        CannotExpress: a value that the format cannot hold.
        GeneratorError: the host's Quadlet generator does not make what was meant.
    """
    spec = plan.after if plan else facts.spec
    twice = _beside_its_unit(facts)
    comments = (*header(facts, plan), *(f"Note: {note}" for note in twice))
    made = _files(facts, spec, target, version, comments, around)
    specs = (spec, *(member.spec for member in around.members))
    mode = _PRIVATE if any(_masked(one) != one for one in specs) else 0
    others = {one.unit for one in made.others}
    files = tuple(
        OutputFile(
            one.name,
            one.text,
            mode or one.mode,
            of_pod=one.name in others or (bool(others) and one.name.endswith(".pod")),
        )
        for one in made.files
    )
    proof = prove(made, facts, version) if verify and target is Target.QUADLET else ""
    return Output(files, (*twice, *made.notes), proof)


def _beside_its_unit(facts: ContainerFacts) -> tuple[str, ...]:
    """A file of its own beside the unit that runs the container today would be a second one for it."""
    unit = visible(facts.labels.get("PODMAN_SYSTEMD_UNIT", ""), 100)
    if not unit:
        return ()
    return (
        f"it runs from {unit} today: remove that unit before you use this, or change the unit itself "
        "(hardentui fix NAME --to unit)",
    )


def diff(facts: ContainerFacts, plan: Plan, target: Target, around: Around = ALONE) -> str:
    """Unified diff of the files: today's equivalent against the planned one, with secrets masked."""
    before, after = (
        {
            one.name: one.text
            for one in _files(facts, _masked(spec), target, None, (), _masked_members(around)).files
        }
        for spec in (plan.before, plan.after)
    )
    lines: list[str] = []
    for name in dict.fromkeys((*before, *after)):
        lines += difflib.unified_diff(
            _body(before.get(name, "")),
            _body(after.get(name, "")),
            f"today/{name}",
            f"hardened/{name}",
            lineterm="",
            n=30,
        )
    return "\n".join(lines)


def of_unit(
    files: Files,
    facts: ContainerFacts,
    plan: Plan,
    target: Target,
    *,
    version: Version | None = None,
    verify: bool = True,
) -> Output:
    """What the plan makes of the unit that the container runs from; see unit_output."""
    from hardentui.workbench.changing.unit_output import unit_output

    context, comments = _context(facts, plan.after, version), header(facts, plan)
    return unit_output(files, facts, plan, target, context, comments, version=version, verify=verify)


def unit_diff_of(files: Files, facts: ContainerFacts, plan: Plan, target: Target) -> str:
    """The change of the unit as a unified diff, with secrets masked."""
    from hardentui.workbench.changing.unit_output import unit_diff

    return unit_diff(files, facts, plan, target, _context(facts, plan.after, None))


def shown(
    facts: ContainerFacts, plan: Plan | None, target: Target, around: Around = ALONE
) -> tuple[OutputFile, ...]:
    """The files as a screen may show them: with secrets masked."""
    spec = _masked(plan.after if plan else facts.spec)
    made = _files(facts, spec, target, None, header(facts, plan), _masked_members(around))
    return tuple(OutputFile(one.name, one.text, one.mode) for one in made.files)


def _masked_members(around: Around) -> Around:
    return replace(around, members=tuple(replace(one, spec=_masked(one.spec)) for one in around.members))


def _files(
    facts: ContainerFacts,
    spec: Spec,
    target: Target,
    version: Version | None,
    comments: tuple[str, ...],
    around: Around,
) -> Bundle:
    if facts.inspect.get("IsInfra"):
        raise CannotExpress(
            f"{visible(facts.name, 80)} only holds a pod together; its unit is that of the pod.",
            "Name another container of the pod: all of them are written with it.",
        )
    if target is Target.QUADLET:
        spec = _for_systemd(facts.spec, spec)
    context = _context(facts, spec, version)
    members = tuple(Member(one.spec, UnitContext.of(one, context.version)) for one in around.members)
    context = replace(context, members=members, services=around.services)
    if target is Target.QUADLET:
        return bundle(spec, context, comments)
    spec, volumes = with_existing(spec, context.anonymous)
    text = run_script(spec, context, (*comments, *(f"Note: {note}" for note in volumes)))
    notes = (*volumes, *left_behind(spec))
    return Bundle((UnitFile(f"{safe_file_name(facts.name)}.sh", text, 0o755),), (), "", notes)


def _for_systemd(before: Spec, after: Spec) -> Spec:
    """A container that a fix lets Podman restart when it is unhealthy is restarted by systemd in a unit:
    Podman would take it away from below the unit."""
    if after[HEALTH_ON_FAILURE] != "restart" or before[HEALTH_ON_FAILURE] == "restart":
        return after
    return after.with_(HEALTH_ON_FAILURE, "kill").with_(RESTART, after[RESTART] or "on-failure:5")


def _context(facts: ContainerFacts, spec: Spec, version: Version | None) -> UnitContext:
    """The container's surroundings, with a plain bridge for each network that the plan brings."""
    context = UnitContext.of(facts, version or facts.engine.version)
    named = [network_name(argument) for argument in spec[NETWORK]]
    new = [one for one in named if one and one not in facts.networks and one not in facts.spec[NETWORK]]
    added = {name: {"name": name, "driver": "bridge"} for name in new}
    return replace(context, networks={**context.networks, **added})


def _masked(spec: Spec) -> Spec:
    """The spec with the values of variables, labels and command words that look like secrets masked."""
    pairs: tuple[Option[tuple[str, ...]], ...] = (ENV, LABELS, ANNOTATIONS)
    for option in pairs:
        spec = spec.with_(option, tuple(mask_argument(ENV.name, one) for one in spec[option]))
    return spec.with_(COMMAND, tuple(mask_text(word) for word in spec[COMMAND]))


def _body(text: str) -> list[str]:
    """Without the comments at the top: they tell of the plan, they are not what it changes."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return lines[start:]


def header(facts: ContainerFacts, plan: Plan | None) -> tuple[str, ...]:
    """Comments for the top of a file: what it was made from, what was changed and why."""
    lines = [f"Made by HardenTUI from the container {visible(facts.name, 80)} of {facts.engine.label}."]
    if plan is None:
        return (*lines, "Nothing was hardened: this is the container as it is.")
    lines += [f"Changed --{one.option}: {visible(one.reason, 200)}" for one in plan.changes]
    lines += [
        f"Not changed ({one.check}): {visible(one.why, 200)}" for one in plan.skipped if one.bolder is None
    ]
    lines += [f"Mind: {visible(one, 300)}" for one in plan.conflicts]
    lines += [f"Mind ({one.check}): {visible(one.text, 300)}" for one in plan.notes]
    return tuple(lines)


def prove(made: Bundle, facts: ContainerFacts, version: Version | None) -> str:
    """Let a Quadlet generator read the units, and compare the commands that it makes with the intended ones.

    The host's own one where the units are for it; else its port, for the version that was asked for.

    Raises:
        GeneratorError: it refuses them, or would run something else.
    """
    from hardentui.host.podman.generator import find_generator
    from hardentui.quadlet.proof import prove_by_port

    units = {one.name: one.text for one in made.files if one.is_unit}
    target = version or facts.engine.version
    rootless = facts.engine.rootless is True
    generator = find_generator()
    if generator is None or target != facts.engine.version:
        differences = tuple(
            line
            for one in _commands(made)
            for line in prove_by_port(_first(one.unit, units), one.argv, target, rootless)
        )
        known = min(target, NEWEST_KNOWN)
        newest = "" if known == target else " (none newer is known)"
        maker = f"the generator of Podman {known}{newest}, as it is built into HardenTUI,"
    else:
        differences = _differences_on_host(units, made, rootless, generator)
        maker = "the Quadlet generator of this host"
    if differences:
        raise GeneratorError(
            f"{maker[0].upper()}{maker[1:]} would run another command than was meant; nothing was written.",
            "\n".join(differences),
        )
    return f"{maker} accepts it and makes exactly the intended command"


def _differences_on_host(
    units: Mapping[str, str], made: Bundle, rootless: bool, generator: str
) -> tuple[str, ...]:
    from hardentui.host.podman.generator import dry_run, exec_start

    done = dry_run(units, user=rootless, generator=generator)
    if not done.ok:
        raise GeneratorError("The Quadlet generator of this host refuses the unit.", done.stderr)
    return tuple(
        line
        for one in _commands(made)
        for line in compare_arguments(exec_start(_service_of(done.services, one.service)), one.argv)
    )


def _commands(made: Bundle) -> tuple[Command, ...]:
    """What is to be compared: the container's own command first."""
    return (Command(made.files[0].name, made.service, made.argv), *made.others)


def _first(name: str, units: Mapping[str, str]) -> dict[str, str]:
    return {name: units[name], **units}


def _service_of(services: Mapping[str, str], name: str) -> str:
    if name not in services:
        raise GeneratorError(f"The Quadlet generator made no {name}.", f"It made: {', '.join(services)}")
    return services[name]
