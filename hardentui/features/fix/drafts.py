"""Drafts of new files from a container or a plan."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from hardentui.do import Flag
from hardentui.errors import CannotExpress, UsageError
from hardentui.features.fix.headings import heading, unit_heading, writing_context
from hardentui.features.fix.layers import brought, layer_of, only_in_layer
from hardentui.features.fix.proofs import prove
from hardentui.features.looking.containers import Neighbours
from hardentui.features.looking.stack import dependents_of
from hardentui.model.application_labels import compose_files, compose_project
from hardentui.model.draft import Draft, DraftFile, ShellCommands, Target, TextFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import safe_file_name
from hardentui.model.plan import Plan
from hardentui.model.podman_version import OLDEST_WITH_QUADLET, Version
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.engine_defaults import left_to_podman
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.quadlet.write.bundle import Bundle, Member, UnitCommand, UnitContext, bundle
from hardentui.reading.containers import declared_user, own_unit_of
from hardentui.reading.masking import mask_argument, mask_text
from hardentui.visible import command_word, visible
from hardentui.words import plural
from hardentui.writers.kept_volumes import with_existing
from hardentui.writers.left_behind import left_behind
from hardentui.writers.run_script import run_commands, run_script

_PRIVATE = 0o600
"""Mode of files that hold a plain-text secret of the container."""
ALONE = Neighbours()


def new_files(
    facts: ContainerFacts,
    plan: Plan | None,
    target: Target,
    *,
    version: Version | None = None,
    verify: bool = True,
    neighbours: Neighbours = ALONE,
) -> Draft:
    """New files for a plan, or for the unchanged container; for a member of a pod, for the whole
    pod.

    Args:
        version: the Podman to write for; None = the container's own.
        verify: let a Quadlet generator check the units.

    Raises:
        CannotExpress: a value that the format cannot hold.
        UsageError: a Quadlet for a Podman that has none.
        GeneratorError: the Quadlet generator does not produce the intended command.
    """
    podman = version or facts.engine.version
    if verify and target is Target.QUADLET and podman < OLDEST_WITH_QUADLET:
        raise UsageError(
            f"Podman {podman} has no Quadlet: {OLDEST_WITH_QUADLET} and newer have.",
            (
                "Write a script",
                Flag("--to run"),
                "; a container that runs from a unit is changed in that unit",
                Flag("--to unit"),
                ".",
            ),
        )
    spec = plan.after if plan else facts.spec
    if facts.engine.only_read:  # a container of Docker moves to Podman
        spec = spec.without(*left_to_podman(spec))
    writer = _Writer(facts, target, podman, neighbours)
    moved = brought(facts, plan) if plan and target in (Target.QUADLET, Target.RUN) else ()
    started = (
        *_started_by(facts, target, neighbours),
        *_left_in_layers(
            facts,
            target,
            neighbours,
            moved,
        ),
    )
    about = unit_heading if target is Target.QUADLET else heading
    comments = (
        *about(facts, plan),
        *(f"Note: {warning}" for warning in started),
    )
    made = writer.files(spec, comments)
    masked_files, notes = made.files, made.notes
    secret = writer.holds_secrets(spec)
    if secret:
        masked = writer.masked().files(_masked(spec), comments)
        masked_files, notes = masked.files, masked.notes
    draft = Draft(
        target=target,
        files=tuple(
            _draft_files(
                made, masked_files, private=secret, of_root=facts.engine.rootless is not True
            )
        ),
        warnings=(*started, *notes),
        proof=prove(made, facts, version) if verify and target is Target.QUADLET else "",
        chowned=tuple(chowned_volumes(facts, spec)),
        brought=moved,
    )
    if plan is None:
        return draft
    today = writer.masked().files(_masked(plan.before), ()).files
    return replace(draft, diff=_diff(today, masked_files))


def shell_commands(
    facts: ContainerFacts,
    plan: Plan | None,
) -> ShellCommands:
    """What a person types to run a plan's container, or the container as it is; secrets are masked.

    Raises:
        CannotExpress: it only holds a pod together.
    """
    _refuse_infra(facts)
    spec = plan.after if plan else facts.spec
    masked = _masked(spec)
    context = writing_context(facts, masked, facts.engine.version)
    written, volumes = with_existing(masked, context.anonymous)
    notes = (*volumes, *left_behind(spec))
    return ShellCommands(
        run_commands(written, context),
        notes,
        masked=masked != spec,
    )


def _refuse_infra(facts: ContainerFacts) -> None:
    if facts.inspect.get("IsInfra"):
        raise CannotExpress(
            f"{visible(facts.name, 80)} is the infra container of a pod; its unit is that of the "
            "pod.",
            "Name another container of the pod: all of them are written with it.",
        )


def _draft_files(
    made: Bundle,
    masked: tuple[TextFile, ...],
    *,
    private: bool,
    of_root: bool,
) -> Iterator[DraftFile]:
    masked_texts = {file.name: file.text for file in masked}
    of_others = {command.unit for command in made.others}
    for file in made.files:
        yield DraftFile(
            file.name,
            file.text,
            _PRIVATE if private else file.mode,
            of_root,
            masked=masked_texts[file.name],
            of_pod=file.name in of_others or (bool(of_others) and file.name.endswith(".pod")),
        )


def _started_by(
    facts: ContainerFacts,
    target: Target,
    neighbours: Neighbours,
) -> Iterator[str]:
    """What starts it today, and would start it beside what is written here."""
    if unit := visible(own_unit_of(facts), 100):
        yield (
            f"it runs from {unit} today: remove that unit before you use this, or change the unit itself, "
            "which keeps its settings for systemd, such as After= and Restart="
        )
    project = visible(compose_project(facts.labels), 80)
    if not project or target not in (Target.QUADLET, Target.RUN):
        return
    directory, files = (visible(text, 200) for text in compose_files(facts.labels))
    where = f" ({files or 'its file'} in {directory})" if directory else ""
    yield (
        f"the compose project {project}{where} starts it today; an override file,"
        " compose.override.yaml, changes it there"
    )
    if target is Target.RUN:
        yield (
            "compose down removes the new container too, and compose up may make it again "
            "without the fixes"
        )
    else:
        count = plural(len(neighbours.members) + 1, "container")
        yield (
            f"these files take over {count}; run no compose there any more: it stops and removes "
            "by name"
        )


def _left_in_layers(
    facts: ContainerFacts,
    target: Target,
    neighbours: Neighbours,
    moved: Sequence[tuple[str, str]],
) -> Iterator[str]:
    """Data that no option carries over, because it is in no volume."""
    if target is Target.RUN:
        members = dependents_of(facts, neighbours.members)
    else:
        members = neighbours.members if target is Target.QUADLET else ()
    for container in (facts, *members):
        copied = moved if container is facts else ()
        if layer_of(container).data and (files := only_in_layer(container, copied)):
            name = command_word(container.name, container.id[:12])
            kept = "; applying it here carries them over in volumes"
            kept = "" if facts.engine.only_read else kept
            yield f"the new {name} starts without {files}, which only {name} has, in no volume{kept}"


def chowned_volumes(facts: ContainerFacts, after: Spec) -> Iterator[str]:
    """The volumes of today whose files get another owner when the new container starts."""
    had = {mount.destination for mount in facts.spec[MOUNTS] if "U" in mount.options}
    today = {
        mount.destination: mount.source for mount in facts.spec[MOUNTS] if mount.type == "volume"
    }
    today |= anonymous_volumes(facts.inspect, {})
    for mount in after[MOUNTS]:
        if mount.type == "volume" and "U" in mount.options and mount.destination not in had:
            name = mount.source or today.get(mount.destination, "")
            if name and name in today.values():
                yield name


def stand_in_script(facts: ContainerFacts, name: str) -> DraftFile:
    """The script that creates a container again as it is, under another name and with its anonymous
    volumes, before Podman removes it."""
    context = writing_context(facts, facts.spec, facts.engine.version)
    spec, _ = with_existing(
        facts.spec.with_(NAME, name).without(REMOVE),
        context.anonymous,
    )
    spec = spec.with_(REMOVE, True)
    comments = (f"It stands in for {visible(facts.name, 80)}, which Podman removes when it stops.",)
    text, masked = (run_script(each, context, comments) for each in (spec, _masked(spec)))
    private = text != masked
    of_root = facts.engine.rootless is not True
    mode = _PRIVATE if private else 0o755
    return DraftFile(
        f"{safe_file_name(name)}.sh",
        text,
        mode,
        of_root,
        masked=masked,
    )


class _Writer:
    """Writes specs of one container as files."""

    def __init__(
        self,
        facts: ContainerFacts,
        target: Target,
        version: Version,
        neighbours: Neighbours,
    ) -> None:
        self._facts = facts
        self._target = target
        self._version = version
        self._neighbours = neighbours

    def holds_secrets(self, spec: Spec) -> bool:
        specs = (
            spec,
            *(member.spec for member in self._neighbours.members),
        )
        return any(_masked(plain) != plain for plain in specs)

    def masked(self) -> _Writer:
        """A writer that masks the secrets of the pod's other members."""
        members = tuple(
            member.replace(spec=_masked(member.spec)) for member in self._neighbours.members
        )
        return _Writer(
            self._facts, self._target, self._version, replace(self._neighbours, members=members)
        )

    def files(
        self,
        spec: Spec,
        comments: tuple[str, ...],
    ) -> Bundle:
        facts = self._facts
        _refuse_infra(facts)
        if self._target is Target.QUADLET:
            spec = _for_systemd(facts.spec, spec)
        context = writing_context(facts, spec, self._version)
        whole, pod = self._target is Target.QUADLET, facts.spec[POD]
        members = tuple(
            Member(member.spec, UnitContext.of(member, self._version))
            for member in self._neighbours.members
            if whole or (pod and member.spec[POD] == pod)  # in other formats a pod is one object
        )
        context = replace(
            context,
            members=members,
            services=self._neighbours.services,
        )
        if self._target is Target.QUADLET:
            return bundle(spec, context, comments)
        spec, volumes = with_existing(spec, context.anonymous)
        comments = (*comments, *(f"Note: {note}" for note in volumes))
        if self._target is Target.RUN:
            text = run_script(spec, context, comments)
            files = [
                TextFile(
                    f"{safe_file_name(facts.name)}.sh",
                    text,
                    0o755,
                )
            ]
            files += [
                self._dependent(member) for member in dependents_of(facts, self._neighbours.members)
            ]
            others = tuple(UnitCommand(file.name, "", ()) for file in files[1:])
            return Bundle(
                tuple(files),
                (),
                "",
                (*volumes, *left_behind(spec)),
                others,
            )
        exported, notes = _export(
            self._target, spec, context, comments, image_user=declared_user(facts)
        )
        return Bundle(exported, (), "", (*volumes, *notes))

    def _dependent(self, facts: ContainerFacts) -> TextFile:
        """The script of a container that refers to the ID of this one, so it has to be made again
        too."""
        context = UnitContext.of(facts, self._version)
        spec, notes = with_existing(facts.spec, context.anonymous)
        about = f"It needs {visible(self._facts.name, 80)}: written as it is, nothing was hardened."
        text = run_script(
            spec,
            context,
            (about, *(f"Note: {note}" for note in notes)),
        )
        return TextFile(
            f"{safe_file_name(facts.name)}.sh",
            text,
            0o755,
        )


def _for_systemd(before: Spec, after: Spec) -> Spec:
    """In a unit, systemd restarts a container that a fix lets Podman restart when unhealthy: Podman
    would replace it without the unit's knowledge.
    """
    if after[HEALTH_ON_FAILURE] != "restart" or before[HEALTH_ON_FAILURE] == "restart":
        return after
    return after.with_(HEALTH_ON_FAILURE, "kill").with_(
        RESTART,
        after[RESTART] or "on-failure:5",
    )


def _masked(spec: Spec) -> Spec:
    """The spec with the values of variables, labels and command words that look like secrets
    masked."""
    pairs: tuple[Option[tuple[str, ...]], ...] = (ENV, LABELS, ANNOTATIONS)
    for option in pairs:
        spec = spec.with_(
            option,
            tuple(mask_argument(ENV.name, pair) for pair in spec[option]),
        )
    return spec.with_(COMMAND, tuple(mask_text(word) for word in spec[COMMAND]))


def _diff(
    today: tuple[TextFile, ...],
    hardened: tuple[TextFile, ...],
) -> str:
    before, after = (_bodies(files) for files in (today, hardened))
    lines: list[str] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, []), after.get(name, [])
        lines += difflib.unified_diff(
            old, new, f"today/{name}", f"hardened/{name}", lineterm="", n=30
        )
    return "\n".join(lines)


def _bodies(files: tuple[TextFile, ...]) -> Mapping[str, list[str]]:
    """Lines without the comments at the top, which explain the plan and are not part of the change."""
    bodies = {}
    for file in files:
        lines = file.text.splitlines()
        start = next(
            (at for at, line in enumerate(lines) if line and not line.startswith("#")), len(lines)
        )
        bodies[file.name] = lines[start:]
    return bodies


def _export(
    target: Target,
    spec: Spec,
    context: UnitContext,
    comments: Sequence[str],
    *,
    image_user: str,
) -> tuple[tuple[TextFile, ...], tuple[str, ...]]:
    """A Kubernetes pod or an Ansible playbook, and what is not carried over. Their writers cost 20
    ms."""
    if target is Target.KUBE:
        from hardentui.writers.kube import kube_file

        kube = kube_file(
            spec,
            context,
            comments,
            image_user=image_user,
        )
        return (TextFile(kube.name, kube.text),), kube.notes
    from hardentui.writers.ansible import REQUIREMENTS_FILE, ansible_files

    playbook = ansible_files(spec, context, comments)
    files = (
        TextFile(playbook.name, playbook.playbook),
        TextFile(REQUIREMENTS_FILE, playbook.requirements),
    )
    return files, playbook.notes
