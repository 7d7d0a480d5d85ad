"""An image build that cannot be trusted or repeated.

What it checks:
Two habits that show in the image's history: adding a file straight from a URL (`ADD https://…`), and
refreshing the package index in a layer of its own.

Why it matters:
A file added from a URL is whatever the server returned that day, unverified: the next build may get
something else, and so may you if somebody takes over the server. A package index in its own layer is cached
by the builder, so the next build installs packages from an old list, without the fixes of the last months.

What may break:
Only the build: verify downloads with a checksum (`ADD --checksum=…`), and refresh and install in one line.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hardentui.checks.prelude import *
from hardentui.reading.images import image_of, steps_of

_ADDED = r"(?i)(?:^|\s)ADD\s+(?!.*--checksum=)(?:--\S+\s+)*(?:https?|ftp)://([^/\s]*)"
_REFRESH = r"(?i)(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:update|makecache|refresh)\b"
_INSTALL = (
    r"(?i)(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:install|add|in|upgrade|dist-upgrade)\b"
)


def evaluate(facts: ContainerFacts) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    return _built_by(steps_of(image.history))


@lru_cache(maxsize=256)
def _built_by(steps: tuple[str, ...]) -> Verdict:
    """The verdict on a build. Cached, because many containers may share an image."""
    if not any(steps):
        return unknown("the image's history has no build steps")
    evidence = [Evidence("file added from a URL", source) for step in steps for source in _added(step)]
    evidence += [
        Evidence("package index in its own layer", command) for step in steps for command in _index_only(step)
    ]
    if evidence:
        kinds = sorted({item.where for item in evidence})
        return failed(" and ".join(kinds), plural(len(steps), "step"), evidence=tuple(evidence[:12]))
    return passed(plural(len(steps), "step"))


def _added(step: str) -> list[str]:
    """The hosts that files are added from; the rest of the URL may contain a password."""
    return [f"ADD from {visible(host.rpartition('@')[2], 80)}" for host in re.findall(_ADDED, step)]


def _index_only(step: str) -> list[str]:
    """The command that refreshes the index, in a step that installs nothing."""
    refresh = re.search(_REFRESH, step)
    return [visible(refresh.group(), 80)] if refresh and not re.search(_INSTALL, step) else []


def _image(*steps: str) -> ImageFacts:
    return image(history=tuple({"created_by": step} for step in steps))


CHECK = Check(
    title="Unverified or unrepeatable image build",
    severity=Severity.LOW,  # hygiene of the build
    scope=Kind.IMAGE,
    summary="Verify what the build downloads, and refresh and install packages in one step",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        container(image=_image("/bin/sh -c apt-get update && apt-get install -y nginx", "COPY app /app")),
        container(image=_image("/bin/sh -c apk add --no-cache curl", "ADD rootfs.tar.xz /")),
    ),
    fails=lambda: (
        container(image=_image("/bin/sh -c apt-get update", "/bin/sh -c apt-get install -y nginx")),
        container(image=_image("ADD https://example.com/tool.tar.gz /opt/")),
    ),
    references=("CIS Docker 1.6 4.7", "CIS Docker 1.6 4.9", "Dockle CIS-DI-0007", "Dockle CIS-DI-0009"),
    catalogue="S1-10",
)
