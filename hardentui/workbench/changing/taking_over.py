"""The commands that put written files into effect: stop, keep the old one, install, start, check again."""

from __future__ import annotations

import os
import posixpath
import shlex
from collections.abc import Iterator, Sequence

from hardentui.engine.locate import user_name
from hardentui.host.files.reader import Files
from hardentui.model.draft import Draft, DraftFile, Target
from hardentui.model.facts import ContainerFacts
from hardentui.options import POD, REMOVE
from hardentui.reading.own_command import own_command
from hardentui.visible import command_word, visible
from hardentui.workbench.looking.unit_origin import UNIT_LABEL, manager_of
from hardentui.writers.file_name import safe_file_name

OLD = "-before"
"""The suffix of the replaced container until the new one has proven to work."""
_SYSTEM_UNITS, _USER_UNITS = "/etc/containers/systemd", "~/.config/containers/systemd"


class _Shell:
    """Command prefixes for the account that owns the engine."""

    def __init__(self, files: Files, facts: ContainerFacts) -> None:
        manager = manager_of(files, facts.engine)
        self.rootless = manager.rootless
        self._prefix = ""
        if facts.engine.local and not manager.rootless and os.geteuid() != 0:
            self._prefix = "sudo "
        elif facts.engine.local and manager.rootless and manager.uid != os.geteuid():
            name = shlex.quote(visible(user_name(manager.uid)))
            self._prefix = f"sudo -u {name} XDG_RUNTIME_DIR=/run/user/{manager.uid} "

    def __call__(self, command: str) -> str:
        return f"{self._prefix}{command}"

    def systemctl(self, words: str) -> str:
        return self(f"systemctl {'--user ' if self.rootless else ''}{words}")


def commands_after(files: Files, facts: ContainerFacts, draft: Draft, directory: str) -> tuple[str, ...]:
    """The commands to run once the files are written, in this order.

    Args:
        directory: where the files are; empty = where systemd reads them.
    """
    if not draft.files:
        return ()
    if draft.target in (Target.KUBE, Target.ANSIBLE):  # for other machines: the local container may stay
        return (f"# the command that uses it is at the top of {_path(directory, draft.files[0].name)}",)
    shell = _Shell(files, facts)
    steps = [] if facts.engine.local else ["# on the machine of the engine, with the files copied there:"]
    if draft.target.changes_unit:
        steps += _install_change(shell, draft.files, directory) if directory else ()
        steps += [shell(command) for command in draft.commands]
    elif draft.target is Target.RUN:
        steps += _set_aside(shell, facts)
        steps += [
            shell(f"sh {_path(directory, file.name)}") for file in draft.files if file.name.endswith(".sh")
        ]
    else:
        steps += _quadlet(shell, facts, draft.files, directory)
    found_with = facts.engine.found_with if facts.engine.local else ()  # on its machine it is found without
    steps.append(shell(own_command(found_with, "check", command_word(facts.name, facts.id[:12]))))
    if not draft.target.changes_unit:
        steps += _when_it_works(shell, facts)
    return tuple(steps)


def _quadlet(
    shell: _Shell, facts: ContainerFacts, files: Sequence[DraftFile], directory: str
) -> Iterator[str]:
    yield from _set_aside(shell, facts)
    scripts = [file.name for file in files if file.name.endswith(".sh")]
    units = [file.name for file in files if file.name not in scripts]
    yield from (shell(f"sh {_path(directory, name)}") for name in scripts)  # the data of anonymous volumes
    yield from _copied(shell, units, directory, _USER_UNITS if shell.rootless else _SYSTEM_UNITS)
    yield shell.systemctl("daemon-reload")
    pods = [name.removesuffix(".pod") + "-pod.service" for name in units if name.endswith(".pod")]
    own = f"{safe_file_name(facts.name)}.service"
    yield shell.systemctl(f"start {shlex.quote(pods[0] if pods else own)}")


def _install_change(shell: _Shell, files: Sequence[DraftFile], directory: str) -> Iterator[str]:
    for place in dict.fromkeys(file.directory for file in files):
        names = [file.name for file in files if file.directory == place]
        below = posixpath.basename(place) if place.endswith(".d") else ""
        yield from _copied(shell, names, posixpath.join(directory, below) if below else directory, place)


def _copied(shell: _Shell, names: Sequence[str], directory: str, place: str) -> Iterator[str]:
    if names:
        there = place if place.startswith("~") else shlex.quote(visible(place))
        yield shell(f"mkdir -p {there}")
        yield shell(f"cp {' '.join(_path(directory, name) for name in names)} {there}/")


def _set_aside(shell: _Shell, facts: ContainerFacts) -> Iterator[str]:
    """Stop what runs today and free its name, without losing it."""
    name = command_word(facts.name, facts.id[:12])
    pod = _pod_of(facts)
    unit = facts.labels.get(UNIT_LABEL, "")
    if unit:
        yield shell.systemctl(f"stop {shlex.quote(visible(unit))}")
    if pod:
        yield shell(f"podman pod stop {pod}")
        yield shell(f"podman pod rm {pod}") + "  # with its containers, which are recreated from the files"
    elif unit:  # most units remove their container when they stop
        yield shell(f"podman rm --ignore {name}")
    else:
        yield shell(f"podman stop {name}")
        if not facts.spec[REMOVE]:
            yield shell(f"podman rename {name} {name}{OLD}")


def _when_it_works(shell: _Shell, facts: ContainerFacts) -> Iterator[str]:
    """The last step, which cannot be undone."""
    if not (facts.labels.get(UNIT_LABEL) or facts.spec[REMOVE] or _pod_of(facts)):
        name = command_word(facts.name, facts.id[:12])
        yield shell(f"podman rm {name}{OLD}") + "  # when all is well"


def _pod_of(facts: ContainerFacts) -> str:
    return shlex.quote(visible(facts.spec[POD])) if facts.spec[POD] else ""


def _path(directory: str, name: str) -> str:
    return shlex.quote(visible(posixpath.join(directory, name)))
