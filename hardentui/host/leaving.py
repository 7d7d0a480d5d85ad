"""From a toolbox to its host: the command that does there what is refused here.

A change needs the host's own paths, its systemd, and timers that outlive this container; so it is
not made from here, and the same command line is told as the host understands it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence

from hardentui.account import find_program
from hardentui.host.files import there
from hardentui.host.place import Place, find_place, view_of_host
from hardentui.host.release import release_of
from hardentui.model.facts import HOST_ROOTS
from hardentui.reading.host_words import to_install_hardentui
from hardentui.visible import visible

_ON_HOST = ("/usr/bin/hardentui", "/usr/local/bin/hardentui")
_OUT = (("distrobox-host-exec", ()), ("flatpak-spawn", ("--host",)))
"""The programs that distrobox and Fedora's toolbox bring to run something on the host."""


def said_to_host(arguments: Sequence[str], place: Place | None = None) -> str:
    """One sentence: what to run, and what to install first where the host lacks it.

    Args:
        arguments: of HardenTUI, as it was called here.
        place: where we run, if it is known.
    """
    place = find_place() if place is None else place
    command = command_on_host(arguments, place, find_program)
    place, files, _ = view_of_host(place)
    if place.blind or any(there(files, path) for path in _ON_HOST):
        return f"Run on the host: {command}"
    first = to_install_hardentui(release_of(files)) or "docs/install.md"
    return f"Install it on the host ({first}), then run: {command}"


def command_on_host(
    arguments: Sequence[str],
    place: Place,
    which: Callable[[str], str | None],
) -> str:
    """The same command line, run in the host's namespaces where a way leads there."""
    words = ("hardentui", *map(_as_the_host_names_it, arguments))
    way: tuple[str, ...] = ()
    if os.geteuid() == 0 and place.door:
        way = ("nsenter", "--target", str(place.door), "--all", "--root", "--")
    else:
        way = next(((name, *more) for name, more in _OUT if which(name)), ())
    return shlex.join(visible(word, 400) for word in (*way, *words))


def _as_the_host_names_it(argument: str) -> str:
    """A path without the place where the container has the host's root directory."""
    for root in HOST_ROOTS:
        for prefix in ("unix://", "--url=unix://", ""):
            if argument.startswith(f"{prefix}{root}/"):
                return prefix + argument[len(prefix) + len(root) :]
    return argument
