"""What to do once files are written: let them take over, look, and either give back or finish."""

from __future__ import annotations

import os
import posixpath
import shlex
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hardentui.engine.locate import user_name
from hardentui.errors import InputError
from hardentui.features.change.container_state import restart_policy
from hardentui.features.fix.apply_ways import UPDATES_RESTART, downtime_of_all
from hardentui.features.fix.drafts import (
    stand_in_script,
)
from hardentui.features.fix.layers import only_in_layer
from hardentui.features.looking.containers import Neighbours
from hardentui.features.looking.stack import dependents_of, in_start_order
from hardentui.features.looking.unit_origin import (
    manager_of,
    origin_of,
)
from hardentui.host.files import Files
from hardentui.model.draft import Draft, DraftFile, NextSteps, Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import profile_name, safe_file_name
from hardentui.model.podman_version import Version
from hardentui.model.written_file import WriteState, WrittenFile
from hardentui.options import INIT_CTR, POD, REMOVE
from hardentui.options.inspect.mounts import anonymous_volumes
from hardentui.quadlet.write.bundle import COPY_SCRIPT
from hardentui.reading.containers import listed, own_unit_of
from hardentui.visible import command_word, visible
from hardentui.words import own_command
from hardentui.writers.kept_volumes import copy_layer_script
from hardentui.writers.supporting import can_be_a_unit, network_name, pod_networks
from hardentui.writers.take_over import OldContainer, OldPod, TakeOver, take_over_script

OLD = "-before"
"""What the name of a replaced container ends with until the new one has proven itself."""


_QUADLET_INSTALL = Version(5, 6)


_SYSTEM_UNITS = "/etc/containers/systemd"


_USER_UNITS = '"${XDG_CONFIG_HOME:-$HOME/.config}"/containers/systemd'


class _Shell:
    """Command prefixes for the account that owns the engine."""

    def __init__(
        self,
        files: Files,
        facts: ContainerFacts,
    ) -> None:
        manager = manager_of(files, facts.engine)
        self.rootless = manager.rootless
        self._prefix = ""
        if facts.engine.local and not manager.rootless and os.geteuid() != 0:
            self._prefix = "sudo "
        elif facts.engine.local and manager.rootless and manager.uid != os.geteuid():
            name = shlex.quote(visible(user_name(manager.uid)))
            self._prefix = f"sudo -H -u {name} XDG_RUNTIME_DIR=/run/user/{manager.uid} "

    def __call__(self, command: str) -> str:
        return f"{self._prefix}{command}"


def next_steps(
    files: Files,
    facts: ContainerFacts,
    stack: Neighbours,
    draft: Draft,
    directory: str,
) -> NextSteps:
    """What to do once the files of a draft are written.

    Args:
        stack: what is taken over with it.
        directory: where the files are; empty = where systemd reads them.
    """
    if not draft.files:
        return NextSteps()
    if draft.target is Target.COMPOSE:
        path = _path(directory, draft.files[0].name)
        return NextSteps(
            commands=(
                f"# put {path} beside the compose file of its project, and run compose up -d",
            )
        )
    if draft.target in (
        Target.KUBE,
        Target.ANSIBLE,
    ):  # for other machines: the local container may stay
        path = _path(directory, draft.files[0].name)
        return NextSteps(commands=(f"# the command that uses it is at the top of {path}",))
    if facts.engine.only_read:
        return _first_steps(facts, draft, directory)
    shell = _Shell(files, facts)
    found_with = (
        facts.engine.found_with if facts.engine.local else ()
    )  # on its machine it is found without
    look = shell(own_command(found_with, "check", _word(facts)))
    there = (
        ()
        if facts.engine.local
        else ("# on the machine of the engine, with the files copied there:",)
    )
    if draft.target.changes_unit:
        install, back = _install_change(shell, draft.files, directory) if directory else ((), ())
        saved = tuple(shell(command) for command in _volumes_saved(facts, directory))
        restart = tuple(shell(command) for command in draft.commands)
        return NextSteps(
            commands=(*there, *install, *saved, *restart, look),
            about=f"{downtime_of_all((facts,), files, False)}{_owners_lost(draft)}".strip(),
            back=(*back, *restart) if back else (),
        )
    name = f"{safe_file_name(facts.name)}-take-over.sh"
    script, stand_ins = _take_over(
        files,
        facts,
        stack,
        draft,
        shell,
    )
    run = shell(f"sh {_path(directory, name)}")
    text = take_over_script(name, script)
    of_root = facts.engine.rootless is not True  # root will run it
    down = downtime_of_all(
        _group(facts, stack, draft),
        files,
        bool(script.copies),
    )
    return NextSteps(
        files=(
            DraftFile(
                name,
                text,
                0o755,
                of_root,
                masked=text,
            ),
            *stand_ins,
        ),
        commands=(*there, run, look),
        about=f"{name} stops {listed([old.name for old in script.old])} and keeps what it stopped; nothing is"
        f" removed before finish. {down}{_elsewhere(facts, draft)}".rstrip(),
        back=(f"{run} back",),
        finish=(f"{run} finish",),
    )


def _first_steps(
    facts: ContainerFacts,
    draft: Draft,
    directory: str,
) -> NextSteps:
    """Of a container that Podman does not have yet: another engine stops it, which the notes tell."""
    paths = [_path(directory, file.name) for file in draft.files if file.is_unit]
    start = f"systemctl start {shlex.quote(safe_file_name(facts.name))}.service"
    commands = [
        f"cp {' '.join(paths)} {_SYSTEM_UNITS}/",
        "systemctl daemon-reload",
        start,
    ]
    if not paths:
        commands = [f"sh {_path(directory, draft.files[0].name)}"]
    return NextSteps(
        commands=tuple(commands),
        about="First do what the notes say, in their order.",
    )


def _owners_lost(draft: Draft) -> str:
    if not draft.chowned:
        return ""
    volumes = listed([visible(volume, 80) for volume in draft.chowned])
    return (
        f" The files in {volumes} get another owner, which going back does not undo; an undo of "
        "apply does."
    )


def _elsewhere(facts: ContainerFacts, draft: Draft) -> str:
    """Podman's own way to bring Quadlets to their place, which takes nothing over, and lets
    everybody read them (mode 0644).
    """
    units = [shlex.quote(file.name) for file in draft.files if file.is_unit]
    private = any(file.mode & 0o077 == 0 for file in draft.files)
    known = draft.target is Target.QUADLET and facts.engine.version >= _QUADLET_INSTALL
    if not known or not units or private:
        return ""
    return f" On a host without {visible(facts.name, 80)}: podman quadlet install {' '.join(units)}"


def steps_in_place(
    files: Files,
    facts: ContainerFacts,
    draft: Draft,
    saved: Sequence[WrittenFile],
) -> NextSteps:
    """What to do once a unit was changed where systemd reads it, and how to undo it.

    Args:
        saved: the files that were written, with their backups.
    """
    shell = _Shell(files, facts)
    back = [
        f"mv {_word_of(file.backup)} {_word_of(file.path)}"
        if file.backup
        else f"rm {_word_of(file.path)}"
        for file in saved
        if file.state is not WriteState.UNCHANGED
    ]
    commands = (*back, *draft.commands) if back else ()
    steps = next_steps(
        files,
        facts,
        Neighbours(),
        draft,
        "",
    )
    return replace(steps, back=tuple(shell(command) for command in commands))


def _install_change(
    shell: _Shell,
    files: Sequence[DraftFile],
    directory: str,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The commands that copy files to where systemd reads them, and those that bring back what was
    there."""
    install: list[str] = []
    back: list[str] = []
    for place in dict.fromkeys(file.directory for file in files):
        of_place = [file for file in files if file.directory == place]
        below = posixpath.basename(place) if place.endswith(".d") else ""
        source = posixpath.join(directory, below) if below else directory
        install.append(f"mkdir -p {_word_of(place)}")
        for file in of_place:
            there, kept = _word_of(file.path), _word_of(f"{file.path}.before")
            install += [f"cp -p {there} {kept}"] if file.before else []
            back.append(f"mv {kept} {there}" if file.before else f"rm {there}")
        install.append(
            f"cp {' '.join(_path(source, file.name) for file in of_place)} {_word_of(place)}/"
        )
    return tuple(map(shell, install)), tuple(map(shell, back))


def _volumes_saved(
    facts: ContainerFacts,
    directory: str,
) -> Iterator[str]:
    """Podman deletes the anonymous volumes of such a container whenever it stops, so a restart
    does."""
    if not facts.spec[REMOVE]:
        return
    for destination, volume in anonymous_volumes(facts.inspect, {}).items():
        name = safe_file_name(f"{facts.name}-{destination.strip('/')}")
        copy = _path(directory or ".", f"{name}.tar")
        yield f"podman volume export {shlex.quote(volume)} --output {copy}"


def _take_over(
    files: Files,
    facts: ContainerFacts,
    stack: Neighbours,
    draft: Draft,
    shell: _Shell,
) -> tuple[TakeOver, tuple[DraftFile, ...]]:
    """What takes over from what, and the scripts that it runs."""
    quadlet = draft.target is Target.QUADLET
    group = _group(facts, stack, draft)
    names = [file.name for file in draft.files]
    pods = tuple(_pods(group, names)) if quadlet else ()
    stand_ins: list[DraftFile] = []
    old = []
    for container in group:
        kept_as = _free_name(container, stack.names)
        stand_in = ""
        if _needs_stand_in(container):
            stand_ins.append(stand_in_script(container, kept_as))
            stand_in = stand_ins[-1].name
        copied = draft.brought if container is facts else ()
        old.append(
            _old(
                container,
                kept_as,
                stand_in,
                pods,
                copied,
            )
        )
    scripts = stand_ins
    copies = tuple(name for name in names if name.endswith(COPY_SCRIPT))
    if draft.brought:
        name = f"{safe_file_name(facts.name)}-copy-data.sh"
        text = copy_layer_script(_word(facts), facts.id, draft.brought)
        scripts = [
            *stand_ins,
            DraftFile(
                name,
                text,
                0o755,
                facts.engine.rootless is not True,
                masked=text,
            ),
        ]
        copies = (*copies, name)
    units = tuple(file.name for file in draft.files if file.is_unit) if quadlet else ()
    takeover = TakeOver(
        old=tuple(old),
        pods=pods,
        units=units,
        place=_USER_UNITS if shell.rootless else _SYSTEM_UNITS,
        profile=next((name for name in names if name == profile_name(facts.name)), "")
        if quadlet
        else "",
        services=tuple(_services(group, pods)) if quadlet else (),
        moved=tuple(path for container in group for path in _unit_files(files, container)),
        copies=copies,
        runs=() if quadlet else tuple(_runs(group)),
        chowned=draft.chowned,
        rootless=shell.rootless,
    )
    return takeover, tuple(scripts)


def _group(
    facts: ContainerFacts,
    stack: Neighbours,
    draft: Draft,
) -> tuple[ContainerFacts, ...]:
    """What is stopped and taken over together, in the order in which it starts."""
    quadlet = draft.target is Target.QUADLET
    return in_start_order(
        (
            facts,
            *(stack.members if quadlet else dependents_of(facts, stack.members)),
        )
    )


def _old(
    container: ContainerFacts,
    kept_as: str,
    stand_in: str,
    pods: Sequence[OldPod],
    copied: Sequence[tuple[str, str]],
) -> OldContainer:
    policy = restart_policy(container.inspect)
    pod = container.spec[POD]
    return OldContainer(
        name=_word(container),
        id=container.id,
        kept_as=kept_as,
        running=container.running,
        restart="" if policy == "no" or container.engine.version < UPDATES_RESTART else policy,
        stand_in=stand_in,
        unit=own_unit_of(container),
        layer=only_in_layer(container, copied),
        init=bool(container.spec[INIT_CTR]),
        pod=pod if any(pod == stopped.name and stopped.unit for stopped in pods) else "",
    )


def _needs_stand_in(container: ContainerFacts) -> bool:
    """Podman removes it when it stops, with its anonymous volumes; a unit makes it anew, but not
    those."""
    if not (container.spec[REMOVE] and container.running):
        return False
    return not own_unit_of(container) or bool(anonymous_volumes(container.inspect, {}))


def _pods(
    group: Sequence[ContainerFacts],
    names: Sequence[str],
) -> Iterator[OldPod]:
    """The pods that get a successor, and those that only were a name for a group."""
    for facts in {
        facts.spec[POD]: facts for facts in group if facts.spec[POD] and facts.pod
    }.values():
        name, pod = facts.spec[POD], facts.pod or {}
        unit = f"{safe_file_name(name)}.pod"
        if unit in names:
            networks = pod_networks(pod, facts.engine.default_network)
            yield OldPod(
                name,
                unit,
                any(network_name(network) for network in networks),
            )
        elif not can_be_a_unit(pod):
            yield OldPod(name)


def _services(
    group: Sequence[ContainerFacts],
    pods: Sequence[OldPod],
) -> Iterator[str]:
    """Those of what runs today; a pod starts its members."""
    stopped = {pod.name: pod for pod in pods if pod.unit}
    running = {facts.spec[POD] for facts in group if facts.running}
    yield from (
        f"{pod.unit.removesuffix('.pod')}-pod.service"
        for pod in stopped.values()
        if pod.name in running
    )
    for facts in group:
        if facts.running and facts.spec[POD] not in stopped:
            yield f"{safe_file_name(facts.name)}.service"


def _runs(group: Sequence[ContainerFacts]) -> Iterator[str]:
    for facts in group:
        verb = "" if facts.running else " create"
        yield f"sh {shlex.quote(f'{safe_file_name(facts.name)}.sh')}{verb} >/dev/null"


def _unit_files(files: Files, facts: ContainerFacts) -> Iterator[str]:
    """The files of the unit that runs it today, which would start it again, or hide a new one of
    its name."""
    if not own_unit_of(facts):
        return
    try:
        origin = origin_of(files, facts)
    except InputError:
        return
    if origin is not None and not origin.path.startswith("/usr/"):
        yield origin.path
        yield f"{origin.path}.d"


def _free_name(facts: ContainerFacts, taken: frozenset[str]) -> str:
    name = f"{_word(facts)}{OLD}"
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return next(candidate for candidate in (name, *numbered) if candidate not in taken)


def _word(facts: ContainerFacts) -> str:
    return command_word(facts.name, facts.id[:12])


def _path(directory: str, name: str) -> str:
    return _word_of(posixpath.join(directory, name))


def _word_of(path: str) -> str:
    return shlex.quote(visible(path))
