"""A spec as a shell script that creates or runs the container again."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from hardentui.model.spec import Spec
from hardentui.model.version import Version
from hardentui.options import MOUNTS, NAME, NETWORK, POD, SECCOMP_PROFILE
from hardentui.systemd.unit_file import comment_lines
from hardentui.writers.arguments import run_arguments
from hardentui.writers.context import UnitContext
from hardentui.writers.file_name import profile_name
from hardentui.writers.knowledge import left_behind
from hardentui.writers.pod import pod_create_arguments, pod_networks
from hardentui.writers.supporting import network_create_arguments, network_name, volume_create_arguments

__all__ = ["run_arguments", "run_commands", "run_script"]


def _quoted(words: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _command(words: Sequence[str]) -> str:
    """One word per line, so that a change is one line in a diff."""
    return " \\\n    ".join(shlex.quote(word) for word in words)


def run_script(spec: Spec, context: UnitContext | None = None, comments: Sequence[str] = ()) -> str:
    """A POSIX shell script: `sh NAME.sh` runs the container, `sh NAME.sh create` only creates it.

    Missing networks, volumes and pods whose inspect documents are in the context are created first.

    Args:
        comments: what was changed, waived or left out; written at the top, with what is not carried over.
    """
    context = context or UnitContext()
    known = set(comments)
    notes = [f"Note: {note}" for note in left_behind(spec) if note not in known]
    about = f"Container {spec[NAME]}: run it with sh, or only create it with the argument create."
    lines = ["#!/bin/sh", *comment_lines([about, *comments, *notes]), "set -eu", ""]
    lines += [*_profile(spec), *_prerequisites(spec, context)]
    lines += ['case "${1:-run}" in', "create)"]
    lines += _branch("create", spec, context.version)
    lines += ["run)"]
    lines += _branch("run", spec, context.version)
    lines += ["*)", '    echo "usage: $0 [run|create]" >&2', "    exit 2", "    ;;", "esac", ""]
    return "\n".join(lines)


def run_commands(spec: Spec, context: UnitContext | None = None) -> str:
    """Shell commands, one per line: creating missing dependencies of the container, then `podman run`.

    A container with an option of `podman create` only is created and not started.
    """
    context = context or UnitContext()
    verb = "create" if _unknown_to("run", spec) else "run"
    words = list(run_arguments(spec, verb, context.version))
    if verb == "run":
        words.insert(words.index("run") + 1, "--detach")
    needed = filter(None, _prerequisites(spec, context))
    return "\n".join([*needed, f"podman {_quoted(words)}"])


def _unknown_to(verb: str, spec: Spec) -> list[str]:
    return sorted(option.flag for option in spec if option.only_verb not in ("", verb))


def _branch(verb: str, spec: Spec, version: Version) -> list[str]:
    if impossible := _unknown_to(verb, spec):
        return [f'    echo "podman {verb} does not know {" ".join(impossible)}" >&2', "    exit 2", "    ;;"]
    words = list(run_arguments(spec, verb, version))
    if verb == "run":
        words.insert(words.index("run") + 1, "--detach")
    return ["    exec podman " + _command(words), "    ;;"]


def _prerequisites(spec: Spec, context: UnitContext) -> list[str]:
    lines = list(networks_and_volumes(spec, context))
    pod = context.pod if spec[POD] else None
    if pod:
        create = pod_create_arguments(pod, context.default_network)
        lines.append(f"podman pod exists {shlex.quote(spec[POD])} || podman {_quoted(create)}")
    return [*lines, ""] if lines else []


def _profile(spec: Spec) -> list[str]:
    """A learned profile that lies beside the script goes where the container looks for it."""
    path, name = spec[SECCOMP_PROFILE], profile_name(spec[NAME])
    if posixpath.basename(path) != name:
        return []
    beside, there = f'"$(dirname "$0")"/{shlex.quote(name)}', shlex.quote(path)
    install = f"install -D -m 644 {beside} {there}"
    return [f"[ ! -e {beside} ] || cmp -s {beside} {there} || {install}", ""]


def networks_and_volumes(spec: Spec, context: UnitContext) -> tuple[str, ...]:
    """Shell commands that create missing networks and volumes of the context."""
    pod = context.pod if spec[POD] else None
    networks = pod_networks(pod, context.default_network) if pod else ()
    lines = []
    for argument in (*spec[NETWORK], *networks):
        name = network_name(argument)
        if name in context.networks and name != context.default_network:
            create = network_create_arguments(name, context.networks[name])
            lines.append(f"podman network exists {shlex.quote(name)} || podman {_quoted(create)}")
    for mount in spec[MOUNTS]:
        if mount.type == "volume" and mount.source in context.volumes:
            create = volume_create_arguments(mount.source, context.volumes[mount.source])
            lines.append(f"podman volume exists {shlex.quote(mount.source)} || podman {_quoted(create)}")
    return tuple(dict.fromkeys(lines))
