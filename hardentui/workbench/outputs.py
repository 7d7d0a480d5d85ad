"""Files from a container or a plan, checked by the host's own generator before anybody gets them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from hardentui.errors import GeneratorError
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.model.version import Version
from hardentui.visible import visible
from hardentui.workbench.views import Output, OutputFile, Target
from hardentui.writers.files import safe_file_name
from hardentui.writers.quadlet import compare_arguments
from hardentui.writers.run_script import run_script
from hardentui.writers.units import Bundle, UnitContext, bundle


def output(
    facts: ContainerFacts,
    plan: Plan | None,
    target: Target,
    *,
    version: Version | None = None,
    verify: bool = True,
) -> Output:
    """Files for a plan, or for the container as it is.

    Raises:
        GeneratorError: the host's Quadlet generator does not make what was meant.
    """
    spec = plan.after if plan else facts.spec
    comments = header(facts, plan)
    stem = safe_file_name(facts.name)
    if target is Target.RUN:
        notes = left_behind(spec)
        text = run_script(spec, _context(facts, version), (*comments, *notes))
        return Output((OutputFile(f"{stem}.sh", text, 0o755),), notes)
    made = bundle(spec, _context(facts, version), comments)
    proof = prove(made, facts, version) if verify else ""
    files = tuple(OutputFile(one.name, one.text, one.mode) for one in made.files)
    return Output(files, made.notes, proof)


def diff(facts: ContainerFacts, plan: Plan, target: Target) -> str:
    """Unified diff of the files: today's equivalent against the planned one."""
    before = _texts(output(facts, None, target, verify=False))
    after = _texts(output(facts, plan, target, verify=False))
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


def _texts(made: Output) -> dict[str, str]:
    return {one.name: one.text for one in made.files}


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
    lines += [f"Not changed ({one.check}): {visible(one.why, 200)}" for one in plan.skipped]
    lines += [f"Mind: {visible(one, 300)}" for one in plan.conflicts]
    return tuple(lines)


def left_behind(spec: Spec) -> tuple[str, ...]:
    """What could not be carried over or cannot be known."""
    notes = list(spec.remarks)
    if spec.unknowable:
        flags = ", ".join(sorted({option.flag for option in spec.unknowable}))
        notes.append(f"Podman does not tell of this container whether these were given: {flags}")
    return tuple(notes)


def _context(facts: ContainerFacts, version: Version | None) -> UnitContext:
    return UnitContext.of(facts, version or facts.engine.version)


def prove(made: Bundle, facts: ContainerFacts, version: Version | None) -> str:
    """Let the host's generator read the units, and compare the command that it makes with the intended one.

    Raises:
        GeneratorError: it refuses them, or would run something else.
    """
    from hardentui.host.generator import dry_run, exec_start, find_generator

    generator = find_generator()
    if generator is None:
        return "not checked by a Quadlet generator: there is none on this host"
    if version is not None and version > facts.engine.version:
        return f"written for Podman {version}; the generator of this host is older and cannot check it"
    units = {one.name: one.text for one in made.files if one.is_unit}
    done = dry_run(units, user=facts.engine.rootless is True, generator=generator)
    if not done.ok:
        raise GeneratorError("The Quadlet generator of this host refuses the unit.", done.stderr)
    service = _service_of(done.services, made.service)
    different = compare_arguments(exec_start(service), made.argv)
    if different:
        raise GeneratorError(
            "The Quadlet generator would run another command than was meant; nothing was written.",
            "\n".join(different),
        )
    return "the Quadlet generator of this host accepts it and makes exactly the intended command"


def _service_of(services: Mapping[str, str], name: str) -> str:
    if name not in services:
        raise GeneratorError(f"The Quadlet generator made no {name}.", f"It made: {', '.join(services)}")
    return services[name]
