"""What the main process of a container has open past all mounts, as a mount: it is as good as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.model.mounts import MountedPath, MountOrigin
from hardentui.reading.containers import ask, ask_or, section
from hardentui.reading.mounts import normal


def hidden_open_files(facts: ContainerFacts) -> str:
    """Why it is not known which files were passed to it (`--preserve-fds`); empty if none were, or it is."""
    open_files = ask(facts, lambda kernel: kernel.left_open)
    if not isinstance(open_files, Unread):
        return ""
    words = [str(word) for word in section(facts.inspect, "Config").get("CreateCommand") or ()]
    passed = any(word.partition("=")[0] in ("--preserve-fds", "--preserve-fd") for word in words)
    return open_files.reason if passed else ""


def left_open(facts: ContainerFacts) -> Iterator[MountedPath]:
    """Open files lead past the mounts, and past their options: read-only or not, they can be opened again."""
    left: Mapping[str, str] = ask_or(facts, lambda kernel: kernel.left_open, {})
    for point, path in left.items():
        everything = path.endswith("/")  # `..` leads out of a directory, up to the host's root
        yield MountedPath(
            *(point, ("/" if everything else normal(path),), "other", normal(path), ("rw",)),
            origin=MountOrigin.STARTER,
            in_force=True,
        )
