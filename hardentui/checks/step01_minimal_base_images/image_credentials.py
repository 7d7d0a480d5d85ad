"""Credentials in the image: its configuration, history and layers."""

from __future__ import annotations

from functools import lru_cache

from hardentui.checks.prelude import *
from hardentui.reading.images import (
    comments_of,
    file_evidence,
    image_of,
    listed_files,
    names,
    steps_of,
)
from hardentui.reading.secret_words import secrets_in_words
from hardentui.reading.secrets import secret_value, secrets_in_pairs
from hardentui.visible import MASK as MASKED


@Check(
    # whoever pulls the image has the credential; what it opens is one step further
    gives=Gain.SECRETS.after(0, Origin.IMAGE),
    scope=Kind.IMAGE,
    summary="Revoke the credential, rebuild the image without it and pass it as a secret",
    fix=FixKind.IMAGE_REBUILD,
    parameters={"allowed": ()},
    passes=lambda: (
        container(image=_config("PATH=/usr/bin")),
        container(image=_config("DB_PASSWORD_FILE=/run/secrets/db", "COPY app /app")),
    ),
    fails=lambda: (
        container(image=_config("DB_PASSWORD=correct-horse")),
        container(
            image=_config(
                "PATH=/usr/bin",
                "|1 NPM_TOKEN=abcdef0123456789 /bin/sh -c npm ci",
            )
        ),
        container(
            image=_config(
                "PATH=/usr/bin",
                "RUN /bin/sh -c curl -u ci:correct-horse https://repo",
            )
        ),
        container(image=_config("PATH=/usr/bin", "RUN echo root:correct-horse | chpasswd")),
        container(
            image=_config(
                "PATH=/usr/bin", "RUN set -e; curl -u ci:correct-horse https://repo; exit 0"
            )
        ),
    ),
    references=("CIS Docker 1.6 4.10", "NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
def credentials_in_image_config(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Credentials in image config or history.

    What it checks:
    Whether the image's environment, labels or build history contain a value that is named like a
    credential or looks like one: a password, a token, a key, a URL with a password. Build arguments
    and build commands are included. Values are never shown.

    Why it matters:
    This text is part of the image, unencrypted, for everyone who can pull it: `podman history` is
    enough to read it. It is copied into every container, into crash reports and into build logs.
    Build arguments seem to disappear after the build, but they are recorded in the image's history.

    What may break:
    The program needs the value from somewhere else: an engine secret at run time (`--secret`), or
    `podman build --secret` at build time. Revoke the old credential first; assume that it is known.
    """
    image = image_of(facts)
    allowed = set(parameters.texts("allowed"))
    labels = image.config.get("Labels") or {}
    configured = [
        *_pairs(
            "image, Env",
            tuple(str(pair) for pair in image.config.get("Env") or ()),
            allowed,
        ),
        *_pairs(
            "image, Labels", tuple(f"{name}={value}" for name, value in labels.items()), allowed
        ),
    ]
    history = known(lambda: image.history, else_=()) if configured else image.history
    evidence = (
        *configured,
        *_in_steps((*steps_of(history), *comments_of(history))),
    )
    if evidence:
        places = ", ".join(sorted({_PLACES.get(item.where, "history") for item in evidence}))
        return failed(
            f"credentials in the image's {places}",
            plural(len(evidence), "value"),
            evidence=evidence[:12],
        )
    return passed("none found")


_PLACES = {"image, Env": "environment", "image, Labels": "labels"}


def _pairs(
    where: str,
    pairs: tuple[str, ...],
    allowed: set[str],
) -> list[Evidence]:
    return [
        Evidence(where, f"{visible(name, 60)}: {kind}")
        for name, kind in secrets_in_pairs(pairs)
        if name not in allowed
    ]


@lru_cache(maxsize=256)
def _in_steps(steps: tuple[str, ...]) -> tuple[Evidence, ...]:
    """Credentials in the build commands, masked. Cached, because many containers may share an
    image."""
    credentials = []
    for command in steps:
        masked = secrets_in_words(word.strip("\"'") for word in command.split())
        kind = "" if masked else secret_value(command)
        credentials += [*masked, *([f"{kind} ({MASKED})"] if kind else [])]
    return tuple(Evidence("image, history", masked) for masked in credentials)


def _config(env: str, step: str = "") -> ImageFacts:
    return image(
        inspect={"Config": {"Env": [env]}},
        history=({"created_by": step},),
    )


@Check(
    # whoever pulls the image has the credential; what it opens is one step further
    gives=Gain.SECRETS.after(0, Origin.IMAGE),
    scope=Kind.IMAGE,
    summary="Revoke the credential, rebuild the image without it and pass it as a secret",
    fix=FixKind.IMAGE_REBUILD,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_layered()),),
    fails=lambda: (
        container(
            image=_layered(
                ImageFile(
                    "/root/.aws/credentials",
                    "cloud credentials",
                    4,
                )
            )
        ),
        container(
            image=_layered(
                ImageFile(
                    "/root/.ssh/id_ed25519",
                    "private key",
                    2,
                    deleted=True,
                )
            )
        ),
    ),
    references=("CIS Docker 1.6 4.10", "NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
def credentials_in_layers(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Credential file in an image layer.

    What it checks:
    Whether a layer of the image contains a private key (under any name) or a file in which tools
    keep credentials (cloud, git, npm, Python packages, registries). Files deleted by a later layer
    count too: they are hidden, not gone. Values are never shown.

    Why it matters:
    Anyone who can pull the image can read every layer of it without running anything. Deleting a
    file in the next line of the Containerfile only hides it. Attackers scan public registries for
    exactly this, around the clock; a cloud key found in an image is used within minutes.

    What may break:
    The program needs its credential from somewhere else: an engine secret at run time (`--secret`),
    or `podman build --secret` at build time. Revoke the old credential first; assume that it is
    known.
    """
    files = listed_files(
        facts,
        lambda image: image.credentials,
        parameters.texts("allowed"),
    )
    deleted = sum(file.deleted for file in files)
    reason = f"{plural(len(files), 'file')}: {names(files)}"
    if deleted:
        reason += f"; {deleted} deleted in a later layer, which only hides them"
    return failed(
        reason,
        plural(len(files), "file"),
        evidence=file_evidence(files),
    )


def _layered(*files: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(credentials=files))
