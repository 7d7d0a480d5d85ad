"""What the image is built on, and how."""

from __future__ import annotations

import re
from functools import lru_cache

from hardentui.checks.prelude import *
from hardentui.reading.images import gap, image_of, steps_of
from hardentui.reading.support import DATED, end_of, rolling


@Check(
    gives=Gain.ENTRY.after(1),  # known holes stay open: the next exploit is ordinary
    scope=Kind.IMAGE,
    summary="Rebuild the image on a supported release",
    fix=FixKind.IMAGE_REBUILD,
    passes=lambda: (
        container(image=_based("debian", "13")),
        container(image=_based("wolfi", "20230201")),
    ),
    fails=lambda: (
        container(image=_based("debian", "9")),
        container(image=_based("alpine", "3.16.2")),
    ),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1"),
)
def end_of_life_image(facts: ContainerFacts) -> Verdict:
    """End-of-life distribution in image.

    What it checks:
    Which distribution release the image is based on, and whether its support has ended, according
    to a table that ships with HardenTUI. For a release that the table does not list, the answer is
    unknown.

    Why it matters:
    After end of life, a release gets no fixes, no matter how serious the vulnerability, and many
    scanners then report nothing for it: the image looks clean only because nobody writes advisories
    for it any more.

    What may break:
    A new release brings new versions of libraries and language runtimes, so the service must be
    rebuilt and tested. Databases may need a manual migration of their data. Plan the move before
    the date, not after it.
    """
    inventory = image_of(facts).inventory
    release = inventory.release
    if not release.get("ID"):
        return gap(inventory) or not_applicable(
            "the image contains no distribution (no os-release file)"
        )
    name = visible(
        release.get("PRETTY_NAME") or f"{release['ID']} {release.get('VERSION_ID', '')}", 80
    )
    evidence = (Evidence("/etc/os-release in the image", name),)
    if rolling(release):
        return passed(
            name,
            evidence=evidence,
            reason="a rolling release",
        )
    end = end_of(release)
    if end is None:
        return unknown(
            f"this release is not in the table of {DATED:%Y-%m-%d}",
            name,
            evidence,
        )
    if facts.now.date() > end:
        return failed(
            f"support ended on {end:%Y-%m-%d}",
            name,
            evidence=evidence,
        )
    return passed(f"{name}, supported until {end:%Y-%m-%d}", evidence=evidence)


def _based(identity: str, version: str) -> ImageFacts:
    return image(inventory=ImageInventory(release={"ID": identity, "VERSION_ID": version}))


_ADDED = r"(?i)(?:^|\s)ADD\s+(?!.*--checksum=)(?:--\S+\s+)*(?:https?|ftp)://([^/\s]*)"
_REFRESH = (
    r"(?i)(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:update|makecache|refresh)\b"
)
_INSTALL = (
    r"(?i)(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*"
    r"(?:install|add|in|upgrade|dist-upgrade)\b"
)
_FETCH = r"(?:^|[\s;&|(`\"'])(curl|wget)\s((?:(?!&&|\|\||;)[^\n]|\\\n){0,500}?)"
_SHELL = r"(?:\S{0,80}/)?(?:ba|da|z|k|a)?sh(?=$|[\s;&|)\"'])"
_ASSIGNED = r"(?:env\s+)?(?:\w{1,40}=\S{0,200}\s+){0,5}"
_PIPED = rf"{_FETCH}\|\s*(?:sudo\s+(?:-\S+\s+)*)?{_ASSIGNED}{_SHELL}"
_SUBSTITUTED = (
    r"(?:^|[\s;&|(/])(?:ba|da|z|k|a)?sh\s+(?:-\w+\s+)*[\"']?(?:<|\$)\("
    r"(curl|wget)\s([^)\n]{0,500})\)"
)


@Check(
    gives=Gain.ITSELF.after(1),  # hygiene of the build
    scope=Kind.IMAGE,
    summary="Verify what the build downloads, and refresh and install packages in one step",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.SAFE,
    passes=lambda: (
        container(
            image=_built(
                "/bin/sh -c apt-get update && apt-get install -y nginx",
                "COPY app /app",
            )
        ),
        container(image=_built("/bin/sh -c apk add --no-cache curl", "ADD rootfs.tar.xz /")),
    ),
    fails=lambda: (
        container(
            image=_built(
                "/bin/sh -c apt-get update",
                "/bin/sh -c apt-get install -y nginx",
            )
        ),
        container(image=_built("ADD https://example.com/tool.tar.gz /opt/")),
        container(image=_built("/bin/sh -c curl -fsSL https://example.com/install | bash -")),
    ),
    references=(
        "CIS Docker 1.6 4.7",
        "CIS Docker 1.6 4.9",
        "Dockle CIS-DI-0007",
        "Dockle CIS-DI-0009",
    ),
)
def unclean_image_build(facts: ContainerFacts) -> Verdict:
    """Image build not verified or not reproducible.

    What it checks:
    Three habits that show in the image's history: adding a file straight from a URL (`ADD
    https://…`), running what was just downloaded (`curl … | bash`, `wget … | sh`, `bash <(curl …)`),
    and refreshing the package index in a layer of its own.

    Why it matters:
    A file added from a URL is whatever the server returned that day, unverified: the next build may
    get something else, and so may you if someone takes over the server. A script that goes straight
    into a shell runs as root in the build, also if the connection broke halfway. A package index in its own
    layer is cached by the builder, so the next build installs packages from an old list, without
    the fixes of the last months.

    What may break:
    Only the build: verify downloads with a checksum (`ADD --checksum=…`, `sha256sum -c` before a
    script is run), and refresh and install in one line.
    """
    image = image_of(facts)
    return _built_by(steps_of(image.history))


@lru_cache(maxsize=256)
def _built_by(steps: tuple[str, ...]) -> Verdict:
    """The verdict on a build. Cached, because many containers may share an image."""
    if not any(steps):
        return unknown("the image's history has no build steps")
    evidence = [
        Evidence("file added from a URL", source) for step in steps for source in _added(step)
    ]
    evidence += [
        Evidence("download run unverified", command)
        for step in steps
        for command in _run_at_once(step)
    ]
    evidence += [
        Evidence("package index in its own layer", command)
        for step in steps
        for command in _index_only(step)
    ]
    if evidence:
        kinds = sorted({item.where for item in evidence})
        return failed(
            " and ".join(kinds), plural(len(steps), "step"), evidence=tuple(evidence[:12])
        )
    return passed(plural(len(steps), "step"))


def _added(step: str) -> list[str]:
    """The hosts that files are added from; the rest of the URL may contain a password."""
    return [f"ADD from {visible(host.rpartition('@')[2], 80)}" for host in re.findall(_ADDED, step)]


def _run_at_once(step: str) -> list[str]:
    """The downloads that go straight into a shell, by host; the URL may contain a password."""
    return [
        f"{program} from {_host_in(arguments)} into a shell"
        for pattern in (_PIPED, _SUBSTITUTED)
        for program, arguments in re.findall(pattern, step)
    ]


def _host_in(arguments: str) -> str:
    url = re.search(r"(?i)(?:https?|ftp)://([^/\s\"'?#]*)", arguments)
    return visible(url.group(1).rpartition("@")[2], 80) if url else "an address of a variable"


def _index_only(step: str) -> list[str]:
    """The command that refreshes the index, in a step that installs nothing."""
    refresh = re.search(_REFRESH, step)
    return [visible(refresh.group(), 80)] if refresh and not re.search(_INSTALL, step) else []


def _built(*steps: str) -> ImageFacts:
    return image(history=tuple({"created_by": step} for step in steps))
