"""For which Podman the keys of a Quadlet are written."""

from __future__ import annotations

from msgspec import Struct

from hardentui.features.at_rest.checking import hinted
from hardentui.features.at_rest.sources import Sources
from hardentui.host.podman.generator import find_generator, version_of
from hardentui.model.podman_version import OLDEST_WITH_QUADLET, Version


class TargetPodman(Struct, frozen=True):
    """The Podman that will read the files, and who says so, as the end of a sentence."""

    version: Version
    by: str
    known: bool = True

    @property
    def note(self) -> str:
        if self.known:
            return f"keys are written for Podman {self.version}: {self.by}"
        return (
            f"no Podman is known for these files, so keys are written for {self.version}, the "
            "oldest with Quadlet, or what the file itself needs: --podman-version X.Y, or a comment "
            "# hardentui: podman X.Y, gives newer ones"
        )


def target_podman(
    asked: Version | None,
    sources: Sources,
) -> TargetPodman:
    """As asked, else as a comment of the files says (they may run elsewhere), else that of this
    host."""
    if asked is not None:
        return TargetPodman(asked, "--podman-version")
    hint = hinted(sources)
    if hint is not None:
        return TargetPodman(hint, "a comment of the files says so")
    generator = find_generator()
    own = version_of(generator) if generator is not None else None
    if own is not None:
        return TargetPodman(own, "the generator of this host")
    return TargetPodman(OLDEST_WITH_QUADLET, "", known=False)
