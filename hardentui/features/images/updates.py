"""Checking registries for newer images. Nothing is pulled."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from hardentui.account import home
from hardentui.errors import ToolMissing, WriteError
from hardentui.features.looking.judging import Parts
from hardentui.host.asker import asker
from hardentui.host.asking import Ask, not_installed
from hardentui.host.files import LocalFiles
from hardentui.host.podman.trust import auth_paths
from hardentui.host.release import release_of
from hardentui.model.facts import ImageFacts
from hardentui.model.image import RegistryDigest
from hardentui.model.known import Known, Unread
from hardentui.model.trust import full_reference
from hardentui.reading.host_words import to_install
from hardentui.reading.images import reference

COOL_DOWN = 3
"""Days that a new image must have been available: a bad or hijacked release is often noticed by
then."""
_ASK_SECONDS = 60.0
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Update(Struct, frozen=True):
    """What a registry offers for one name of an image."""

    name: str
    image: ImageFacts
    answer: Known[RegistryDigest]
    here: bool = False

    def ripe(self, now: datetime) -> bool:
        """A newer image that has been available long enough."""
        answer = self.answer
        if isinstance(answer, Unread) or self.here:
            return False
        return now - answer.first_seen >= timedelta(days=COOL_DOWN)


class UpdateEntry(Struct, frozen=True, kw_only=True):
    """What a registry offers for a name of an image."""

    name: str  # the name that was asked for, with its registry
    image: str  # ID of the image that is here
    digest: str | None  # what the registry has; null where it did not answer
    first_seen: str | None  # when this digest was first seen, ISO 8601
    state: Literal["current", "newer", "unknown"]
    ripe: bool  # newer, and long enough in the registry
    reason: str  # why it is unknown; else empty


class UpdatesDocument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="hardentui/updates/1"
):
    """What registries offer for images."""

    images: tuple[UpdateEntry, ...]


def updates_document(updates: Iterable[Update]) -> UpdatesDocument:
    return UpdatesDocument(images=tuple(map(_entry, updates)))


def _entry(update: Update) -> UpdateEntry:
    answer = update.answer
    if isinstance(answer, Unread):
        return UpdateEntry(
            name=update.name,
            image=update.image.id,
            digest=None,
            first_seen=None,
            state="unknown",
            ripe=False,
            reason=answer.reason,
        )
    return UpdateEntry(
        name=update.name,
        image=update.image.id,
        digest=answer.digest,
        first_seen=answer.first_seen.isoformat(),
        state="current" if update.here else "newer",
        ripe=update.ripe(update.image.now),
        reason="",
    )


def ask_registries(
    parts: Parts,
    images: Iterable[ImageFacts],
    on_name: Callable[[str], None],
    stop: threading.Event,
) -> tuple[Update, ...]:
    """Query each name of each image; a registry that does not answer does not stop the others.

    Raises:
        ToolMissing: skopeo is not installed.
    """
    ask, updates = asker(stop), list[Update]()
    for image in images:
        for name in names_to_ask(image):
            if stop.is_set():
                return tuple(updates)
            on_name(name)
            updates.append(_update(parts, image, name, ask))
    return tuple(updates)


def _update(
    parts: Parts,
    image: ImageFacts,
    name: str,
    ask: Ask,
) -> Update:
    if parts.registry is None:
        return Update(
            name,
            image,
            Unread("the image belongs to a simulated host"),
        )
    digest = digest_of(name, ask, logins())
    if isinstance(digest, Unread):
        refuse_without_skopeo(digest)
        return Update(name, image, digest)
    try:
        answer = parts.registry.keep(name, digest, parts.opened.clock())
    except WriteError as error:
        return Update(name, image, Unread(error.title))
    return Update(
        name,
        image,
        answer,
        digest in digests_of(image),
    )


def refuse_without_skopeo(answer: Unread) -> None:
    """Raises ToolMissing if an answer says so."""
    if answer == not_installed("skopeo"):
        raise ToolMissing(
            "Querying registries needs skopeo, which is not installed.",
            to_install(release_of(LocalFiles()), "skopeo"),
        )


def logins() -> Mapping[str, str]:
    """Points skopeo to this account's logins, as Podman keeps them."""
    if os.environ.get("REGISTRY_AUTH_FILE"):
        return {}
    logins_file = next(filter(os.path.exists, auth_paths(home(), os.geteuid())), "")
    return {"REGISTRY_AUTH_FILE": logins_file} if logins_file else {}


def names_to_ask(image: ImageFacts) -> tuple[str, ...]:
    """Full names under which a registry may have a newer image: not local ones, and none with a
    digest."""
    names = []
    for name in image.names:
        about = reference(name)
        if about.digest or about.local or not about.host:
            continue
        names.append(full_reference(name))
    return tuple(dict.fromkeys(names))


def digests_of(image: ImageFacts) -> frozenset[str]:
    """Every digest of this image in a registry: its manifest list's, and its own."""
    listed = (str(digest).partition("@")[2] for digest in image.inspect.get("RepoDigests") or ())
    return frozenset({*listed, str(image.inspect.get("Digest") or "")} - {""})


def digest_of(
    reference: str,
    ask: Ask,
    environment: Mapping[str, str] | None = None,
) -> Known[str]:
    """The registry's current digest for a full name: of the manifest list if there is one.

    Args:
        reference: including the registry and a tag or digest.
        environment: points to the logins and settings of the engine's user.
    """
    command = (
        "skopeo",
        "inspect",
        "--no-tags",
        "--format",
        "{{.Digest}}",
        f"docker://{reference}",
    )
    answer = ask(command, _ASK_SECONDS, environment or {})
    if isinstance(answer, Unread):
        return answer
    digest = answer.strip()
    return digest if _DIGEST.fullmatch(digest) else Unread("the registry's answer is not a digest")
