"""What the main process of a container has open past all mounts, as a mount: it is as good as one."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.model.facts import ContainerFacts, Kernel, NotRunning
from hardentui.model.known import Known, Unreadable
from hardentui.model.mounts import MountedPath, MountOrigin
from hardentui.reading.containers import section
from hardentui.reading.mounts import normal


def hidden_open_files(facts: ContainerFacts) -> str:
    """Why it is not known which files were passed to it (`--preserve-fds`); empty if none were, or it is."""
    open_files = facts.kernel.left_open if isinstance(facts.kernel, Kernel) else ()
    if not isinstance(open_files, Unreadable):
        return ""
    words = [str(word) for word in section(facts.inspect, "Config").get("CreateCommand") or ()]
    passed = any(word.partition("=")[0] in ("--preserve-fds", "--preserve-fd") for word in words)
    return open_files.reason if passed else ""


def left_open(kernel: Known[Kernel | NotRunning]) -> Iterator[MountedPath]:
    """Open files lead past the mounts, and past their options: read-only or not, they can be opened again."""
    if isinstance(kernel, Kernel) and not isinstance(kernel.left_open, Unreadable):
        for point, path in kernel.left_open.items():
            everything = path.endswith("/")  # `..` leads out of a directory, up to the host's root
            yield MountedPath(
                *(point, ("/" if everything else normal(path),), "other", normal(path), ("rw",)),
                origin=MountOrigin.STARTER,
                in_force=True,
            )
