"""Anonymous volumes: a Quadlet deletes them at each stop, so they get names and a script that copies."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from hardentui.model.spec import Spec
from hardentui.options import IMAGE_VOLUME, MOUNTS, REMOVE, TMPFS, VOLUMES_FROM
from hardentui.options.values import Mount
from hardentui.systemd.unit_file import comment_lines
from hardentui.writers.file_name import safe_file_name
from hardentui.writers.supporting import volume_create_arguments

_LONGEST = 150


class KeptVolume(NamedTuple):
    """An anonymous volume that gets a name.

    Attributes:
        destination: where it is mounted in the container.
        old: the name that Podman made up; empty = not known, so there is nothing to copy.
        new: the name that it gets.
    """

    destination: str
    old: str
    new: str


def kept_volumes(
    spec: Spec, anonymous: Mapping[str, str], stem: str, taken: Iterable[str]
) -> tuple[KeptVolume, ...]:
    """The anonymous volumes of a container with the names that they get: NAME-DESTINATION-data.

    A container with --rm loses its anonymous volumes anyway; it keeps them as they are.

    Args:
        anonymous: destination -> name of those that exist; those of the image are told only by it.
        stem: file name of the unit, without suffix.
        taken: names of other volumes.
    """
    if spec[REMOVE]:
        return ()
    used = set(taken)
    kept = []
    for destination in sorted(_destinations(spec, anonymous)):
        base = safe_file_name(f"{stem}-{destination.strip('/')}"[:_LONGEST]) + "-data"
        new = next(
            name for name in (base, *(f"{base}-{n}" for n in range(2, len(used) + 3))) if name not in used
        )
        used.add(new)
        kept.append(KeptVolume(destination, anonymous.get(destination, ""), new))
    return tuple(kept)


def _destinations(spec: Spec, anonymous: Mapping[str, str]) -> set[str]:
    """Where anonymous volumes are mounted, also those that the image asks for."""
    asked = {mount.destination for mount in spec[MOUNTS] if mount.type == "volume" and not mount.source}
    if spec[VOLUMES_FROM] or spec[IMAGE_VOLUME] in ("ignore", "tmpfs"):
        return asked  # the others belong to another container, or there are none
    covered = {mount.destination for mount in spec[MOUNTS]}
    covered |= {text.partition(":")[0] for text in spec[TMPFS]}
    return asked | (set(anonymous) - covered)


def with_names(spec: Spec, kept: Sequence[KeptVolume]) -> Spec:
    """The spec with named volumes in place of anonymous ones."""
    names = {volume.destination: volume.new for volume in kept}
    mounts = [
        Mount("volume", names.pop(mount.destination), mount.destination, mount.options, mount.subpath)
        if mount.destination in names
        else mount
        for mount in spec[MOUNTS]
    ]
    mounts += [Mount("volume", new, destination) for destination, new in names.items()]
    return spec.with_(MOUNTS, tuple(sorted(mounts, key=lambda mount: mount.destination)))


def with_existing(spec: Spec, anonymous: Mapping[str, str]) -> tuple[Spec, tuple[str, ...]]:
    """The spec with its anonymous volumes mounted by the names that Podman gave them, and notes.

    Podman keeps an anonymous volume when its container is removed (but for --rm), so a container that is made
    again finds its data there.
    """
    kept = [kept_volume for kept_volume in kept_volumes(spec, anonymous, "", ()) if kept_volume.old]
    if not kept:
        return spec, ()
    named = with_names(spec, [KeptVolume(volume.destination, volume.old, volume.old) for volume in kept])
    again = "is mounted again by its name, with its data"
    notes = tuple(f"the anonymous volume at {kept_volume.destination} {again}" for kept_volume in kept)
    return saved(named, kept), notes


def saved(spec: Spec, kept: Sequence[KeptVolume]) -> Spec:
    """The spec without the volumes whose data is carried over after all."""
    carried = {volume.destination for volume in kept if volume.old}
    return replace(spec, unsaved=tuple(v for v in spec.unsaved if v.destination not in carried))


_COPY = """\
state=$(mktemp)
trap 'rm -f "$state"' EXIT

copy() { # OLD NEW CREATE...: what is in OLD goes to NEW, which is made with the command CREATE
    old=$1
    new=$2
    shift 2
    if podman volume exists "$new"; then
        echo "$new exists: left as it is" >&2
        return
    fi
    if [ -n "$(podman ps --quiet --filter "volume=$old")" ]; then
        echo "$old is in use: stop its container first" >&2
        exit 1
    fi
    "$@" >/dev/null
    if { podman volume export "$old" || echo failed >"$state"; } | podman volume import "$new" - &&
        [ ! -s "$state" ]; then
        echo "copied $old to $new" >&2
    else
        podman volume rm "$new" >/dev/null
        echo "$old could not be copied; $new is removed again" >&2
        exit 1
    fi
}
"""


def copy_script(container: str, kept: Sequence[KeptVolume], volumes: Mapping[str, Mapping[str, Any]]) -> str:
    """A POSIX shell script that copies the data of anonymous volumes into their named ones.

    It refuses while a volume is in use, leaves a volume alone that exists already, and removes a copy that
    did not come to its end. The anonymous volumes stay.

    Args:
        volumes: name -> inspect document, for the options of the new volume.
    """
    about = [
        f"Copies the anonymous volumes of the container {container} into named ones: a Quadlet deletes"
        " anonymous volumes at each stop.",
        "Stop the container, run this once, and only then start the service. The old volumes are kept.",
    ]
    lines = ["#!/bin/sh", *comment_lines(about), "set -eu", "", _COPY]
    for volume in kept:
        create = ("podman", *volume_create_arguments(volume.new, volumes.get(volume.old) or {}))
        lines.append("copy " + " ".join(shlex.quote(word) for word in (volume.old, volume.new, *create)))
    return "\n".join(lines) + "\n"
