"""Checking registries for newer images. Nothing is pulled."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from hardentui.account import home
from hardentui.errors import ToolMissing, WriteError
from hardentui.features.looking.judging import Parts
from hardentui.host.asker import asker
from hardentui.host.commands import Ask, not_installed
from hardentui.host.podman.trust import auth_paths
from hardentui.model.facts import ImageFacts
from hardentui.model.image import RegistryDigest
from hardentui.model.known import Known, Unread
from hardentui.model.trust import full_reference
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
            "Querying registries needs skopeo, which is not installed.", "apt-get install skopeo"
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
