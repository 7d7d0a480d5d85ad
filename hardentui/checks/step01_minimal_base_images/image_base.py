"""The base of an image, and credentials that it carries."""

from __future__ import annotations

import re
from functools import lru_cache

from hardentui.checks.prelude import *
from hardentui.reading.images import (
    DATED,
    comments_of,
    end_of,
    file_evidence,
    gap,
    image_of,
    inventory_of,
    listed_files,
    names,
    rolling,
    steps_of,
)
from hardentui.reading.secrets import secret_value, secrets_in_pairs, secrets_in_words
from hardentui.visible import MASK as MASKED


def end_of_life_image(facts: ContainerFacts) -> Verdict:
    """End-of-life distribution in image.

    What it checks:
    Which distribution release the image is based on, and whether its support has ended, according to a table
    that ships with HardenTUI. For a release that the table does not list, the answer is unknown.

    Why it matters:
    After end of life, a release gets no fixes, no matter how serious the vulnerability, and many scanners
    then report nothing for it: the image looks clean only because nobody writes advisories for it any more.

    What may break:
    A new release brings new versions of libraries and language runtimes, so the service must be rebuilt and
    tested. Databases may need a manual migration of their data. Plan the move before the date, not after it.
    """
    inventory = inventory_of(facts)
    if isinstance(inventory, Verdict):
        return inventory
    release = inventory.release
    if not release.get("ID"):
        return gap(inventory) or not_applicable("the image contains no distribution (no os-release file)")
    name = visible(release.get("PRETTY_NAME") or f"{release['ID']} {release.get('VERSION_ID', '')}", 80)
    evidence = (Evidence("/etc/os-release in the image", name),)
    if rolling(release):
        return passed(name, evidence=evidence, reason="a rolling release")
    end = end_of(release)
    if end is None:
        return unknown(f"this release is not in the table of {DATED:%Y-%m-%d}", name, evidence)
    if facts.now.date() > end:
        return failed(f"support ended on {end:%Y-%m-%d}", name, evidence=evidence)
    return passed(f"{name}, supported until {end:%Y-%m-%d}", evidence=evidence)


def _based(identity: str, version: str) -> ImageFacts:
    return image(inventory=ImageInventory(release={"ID": identity, "VERSION_ID": version}))


END_OF_LIFE_IMAGE = Check(
    severity=Severity.HIGH,  # known holes stay open: the next exploit is ordinary
    scope=Kind.IMAGE,
    summary="Rebuild the image on a supported release",
    fix=FixKind.IMAGE_REBUILD,
    evaluate=end_of_life_image,
    passes=lambda: (container(image=_based("debian", "13")), container(image=_based("wolfi", "20230201"))),
    fails=lambda: (container(image=_based("debian", "9")), container(image=_based("alpine", "3.16.2"))),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1"),
)

_ADDED = r"(?i)(?:^|\s)ADD\s+(?!.*--checksum=)(?:--\S+\s+)*(?:https?|ftp)://([^/\s]*)"
_REFRESH = r"(?i)(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:update|makecache|refresh)\b"
_INSTALL = (
    r"(?i)(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:install|add|in|upgrade|dist-upgrade)\b"
)


def unclean_image_build(facts: ContainerFacts) -> Verdict:
    """Image build not verified or not reproducible.

    What it checks:
    Two habits that show in the image's history: adding a file straight from a URL (`ADD https://…`), and
    refreshing the package index in a layer of its own.

    Why it matters:
    A file added from a URL is whatever the server returned that day, unverified: the next build may get
    something else, and so may you if someone takes over the server. A package index in its own layer is
    cached by the builder, so the next build installs packages from an old list, without the fixes of the last
    months.

    What may break:
    Only the build: verify downloads with a checksum (`ADD --checksum=…`), and refresh and install in one
    line.
    """
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


def _built(*steps: str) -> ImageFacts:
    return image(history=tuple({"created_by": step} for step in steps))


UNCLEAN_IMAGE_BUILD = Check(
    severity=Severity.LOW,  # hygiene of the build
    scope=Kind.IMAGE,
    summary="Verify what the build downloads, and refresh and install packages in one step",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.SAFE,
    evaluate=unclean_image_build,
    passes=lambda: (
        container(image=_built("/bin/sh -c apt-get update && apt-get install -y nginx", "COPY app /app")),
        container(image=_built("/bin/sh -c apk add --no-cache curl", "ADD rootfs.tar.xz /")),
    ),
    fails=lambda: (
        container(image=_built("/bin/sh -c apt-get update", "/bin/sh -c apt-get install -y nginx")),
        container(image=_built("ADD https://example.com/tool.tar.gz /opt/")),
    ),
    references=("CIS Docker 1.6 4.7", "CIS Docker 1.6 4.9", "Dockle CIS-DI-0007", "Dockle CIS-DI-0009"),
)


# Credentials in the image: its configuration, history and layers.


def credentials_in_image_config(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """Credentials in image config or history.

    What it checks:
    Whether the image's environment, labels or build history contain a value that is named like a credential
    or looks like one: a password, a token, a key, a URL with a password. Build arguments and build commands
    are included. Values are never shown.

    Why it matters:
    This text is part of the image, unencrypted, for everyone who can pull it: `podman history` is enough to
    read it. It is copied into every container, into crash reports and into build logs. Build arguments seem
    to disappear after the build, but they are recorded in the image's history.

    What may break:
    The program needs the value from somewhere else: an engine secret at run time (`--secret`), or `podman
    build --secret` at build time. Revoke the old credential first; assume that it is known.
    """
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    allowed = set(parameters.texts("allowed"))
    labels = image.config.get("Labels") or {}
    configured = [
        *_pairs("image, Env", tuple(str(pair) for pair in image.config.get("Env") or ()), allowed),
        *_pairs("image, Labels", tuple(f"{name}={value}" for name, value in labels.items()), allowed),
    ]
    history = known(lambda: image.history, else_=()) if configured else image.history
    evidence = (*configured, *_in_steps((*steps_of(history), *comments_of(history))))
    if evidence:
        places = ", ".join(sorted({_PLACES.get(item.where, "history") for item in evidence}))
        return failed(
            f"credentials in the image's {places}", plural(len(evidence), "value"), evidence=evidence[:12]
        )
    return passed("none found")


_PLACES = {"image, Env": "environment", "image, Labels": "labels"}


def _pairs(where: str, pairs: tuple[str, ...], allowed: set[str]) -> list[Evidence]:
    return [
        Evidence(where, f"{visible(name, 60)}: {kind}")
        for name, kind in secrets_in_pairs(pairs)
        if name not in allowed
    ]


@lru_cache(maxsize=256)
def _in_steps(steps: tuple[str, ...]) -> tuple[Evidence, ...]:
    """Credentials in the build commands, masked. Cached, because many containers may share an image."""
    credentials = []
    for command in steps:
        masked = secrets_in_words(word.strip("\"'") for word in command.split())
        kind = "" if masked else secret_value(command)
        credentials += [*masked, *([f"{kind} ({MASKED})"] if kind else [])]
    return tuple(Evidence("image, history", masked) for masked in credentials)


def _config(env: str, step: str = "") -> ImageFacts:
    return image(inspect={"Config": {"Env": [env]}}, history=({"created_by": step},))


CREDENTIALS_IN_IMAGE_CONFIG = Check(
    severity=Severity.HIGH,  # whoever pulls the image has the credential; what it opens is one step further
    scope=Kind.IMAGE,
    summary="Revoke the credential, rebuild the image without it and pass it as a secret",
    fix=FixKind.IMAGE_REBUILD,
    evaluate=credentials_in_image_config,
    parameters={"allowed": ()},
    passes=lambda: (
        container(image=_config("PATH=/usr/bin")),
        container(image=_config("DB_PASSWORD_FILE=/run/secrets/db", "COPY app /app")),
    ),
    fails=lambda: (
        container(image=_config("DB_PASSWORD=correct-horse")),
        container(image=_config("PATH=/usr/bin", "|1 NPM_TOKEN=abcdef0123456789 /bin/sh -c npm ci")),
        container(image=_config("PATH=/usr/bin", "RUN /bin/sh -c curl -u ci:correct-horse https://repo")),
        container(image=_config("PATH=/usr/bin", "RUN echo root:correct-horse | chpasswd")),
        container(
            image=_config("PATH=/usr/bin", "RUN set -e; curl -u ci:correct-horse https://repo; exit 0")
        ),
    ),
    references=("CIS Docker 1.6 4.10", "NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)


def credentials_in_layers(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """Credential file in an image layer.

    What it checks:
    Whether a layer of the image contains a private key (under any name) or a file in which tools keep
    credentials (cloud, git, npm, Python packages, registries). Files deleted by a later layer count too: they
    are hidden, not gone. Values are never shown.

    Why it matters:
    Anyone who can pull the image can read every layer of it without running anything. Deleting a file in the
    next line of the Containerfile only hides it. Attackers scan public registries for exactly this, around
    the clock; a cloud key found in an image is used within minutes.

    What may break:
    The program needs its credential from somewhere else: an engine secret at run time (`--secret`), or
    `podman build --secret` at build time. Revoke the old credential first; assume that it is known.
    """
    files = listed_files(facts, lambda image: image.credentials, parameters.texts("allowed"))
    if isinstance(files, Verdict):
        return files
    deleted = sum(file.deleted for file in files)
    reason = f"{plural(len(files), 'file')}: {names(files)}"
    if deleted:
        reason += f"; {deleted} deleted in a later layer, which only hides them"
    return failed(reason, plural(len(files), "file"), evidence=file_evidence(files))


def _layered(*files: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(credentials=files))


CREDENTIALS_IN_LAYERS = Check(
    severity=Severity.HIGH,  # whoever pulls the image has the credential; what it opens is one step further
    scope=Kind.IMAGE,
    summary="Revoke the credential, rebuild the image without it and pass it as a secret",
    fix=FixKind.IMAGE_REBUILD,
    evaluate=credentials_in_layers,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_layered()),),
    fails=lambda: (
        container(image=_layered(ImageFile("/root/.aws/credentials", "cloud credentials", 4))),
        container(image=_layered(ImageFile("/root/.ssh/id_ed25519", "private key", 2, deleted=True))),
    ),
    references=("CIS Docker 1.6 4.10", "NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
