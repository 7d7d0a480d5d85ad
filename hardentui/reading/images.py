"""What checks ask about a container's image: its name, its contents, its health check, its age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, Verdict, not_applicable, unknown
from hardentui.model.image import FoundFile, ImageInventory
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL, IMAGE, LABELS, ROOTFS
from hardentui.visible import visible

AUTO_UPDATE = "io.containers.autoupdate"

_SHOWN = 12
_LONGEST_STEP = 20_000


class Reference(Struct, frozen=True):
    """A name of an image, taken apart. `digest` holds the part after @."""

    name: str
    tag: str
    digest: str

    @property
    def host(self) -> str:
        """The registry; empty for a short name."""
        first, slash, _ = self.name.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else ""

    @property
    def local(self) -> bool:
        """It was built or named on this machine, so no registry knows it."""
        return self.host == "localhost"


@lru_cache(maxsize=1024)
def reference(text: str) -> Reference:
    """Take `host:5000/name:tag@digest` apart."""
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return Reference(f"{head}{slash}{last}", tag, digest)


def is_image_id(text: str) -> bool:
    """A bare ID or `sha256:…`, which no tag can move."""
    digits = text.removeprefix("sha256:")
    return len(digits) == 64 and set(digits) <= set("0123456789abcdef")


def image_name(facts: ContainerFacts) -> str:
    """The image as it was asked for, else as Podman recorded it."""
    return facts.spec[IMAGE] or facts.image_name


def image_of(facts: ContainerFacts) -> ImageFacts | Verdict:
    """The facts of its image, or the answer that there are none."""
    if facts.spec[ROOTFS]:
        return not_applicable("it runs from a folder of the host (--rootfs), not from an image")
    if facts.inspect.get("IsInfra"):
        return not_applicable(
            "it is the infra container of a pod: Podman's own image without a program of yours"
        )
    if isinstance(facts.image, Unreadable):
        return unknown(f"the image could not be looked at: {facts.image.reason}")
    return facts.image


def steps_of(history: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The commands that made the layers of an image; the engines spell the field differently."""
    return tuple(
        [str(entry.get("created_by") or entry.get("CreatedBy") or "")[:_LONGEST_STEP] for entry in history]
    )


def inventory_of(facts: ContainerFacts) -> tuple[ImageFacts, ImageInventory] | Verdict:
    """The contents of its image, or why they are not known and how to get them."""
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    if isinstance(image.inventory, Unreadable):
        return unknown(f"{image.inventory.reason}; `hardentui images` reads them without running the image")
    return image, image.inventory


def gap(inventory: ImageInventory, *words: str) -> Verdict | None:
    """Unknown when a part of the image that matters here could not be read. `words` name such parts."""
    gaps = [one for one in inventory.gaps if not words or any(word in one for word in words)]
    return unknown(f"parts of the image could not be read: {'; '.join(gaps)}") if gaps else None


def file_evidence(files: Iterable[FoundFile]) -> tuple[Evidence, ...]:
    """The first few files as evidence; the rest as a number."""
    files = tuple(files)
    found = [Evidence(file.path, _about(file)) for file in files[:_SHOWN]]
    if len(files) > _SHOWN:
        found.append(Evidence("image", f"and {len(files) - _SHOWN} more"))
    return tuple(found)


def _about(file: FoundFile) -> str:
    layer = f", layer {file.layer}" if file.layer else ""
    return f"{file.what}{layer}{', deleted above but still in its layer' if file.deleted else ''}"


def names(files: Iterable[FoundFile]) -> str:
    """Kinds of files as a short text: `apt, gcc and 3 more`."""
    kinds = tuple(dict.fromkeys(visible(file.what, 40) for file in files))
    text = ", ".join(kinds[:4])
    return f"{text} and {len(kinds) - 4} more" if len(kinds) > 4 else text


def created(image: ImageFacts) -> datetime | None:
    """When it was built; None when the date is missing or was set to a fixed one for reproducible builds."""
    return _built(str(image.inspect.get("Created") or ""))


@lru_cache(maxsize=1024)
def _built(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(_six_digits(text))
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if found.year > 2000 else None


def parse_time(text: object) -> datetime | None:
    """A timestamp of Podman; None for none and for Go's zero time."""
    try:
        found = datetime.fromisoformat(_six_digits(str(text or "")))
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if found.year > 1970 else None


def _six_digits(text: str) -> str:
    """Go writes nine digits of a second; keep six, which Python can read."""
    head, dot, rest = text.partition(".")
    if not dot:
        return text
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[:digits][:6]}{rest[digits:]}"


def health_check(facts: ContainerFacts) -> str | Unreadable:
    """The health command that runs by itself: of the container, else of its image; empty when none does."""
    if facts.spec[HEALTH_INTERVAL] == "disable" or facts.spec[HEALTH_CMD] == "none":
        return ""
    if facts.spec[HEALTH_CMD]:
        return facts.spec[HEALTH_CMD]
    if not isinstance(facts.image, Unreadable):
        config: Mapping[str, Any] = facts.image.config
        check = (
            config.get("Healthcheck") or config.get("HealthCheck") or facts.image.inspect.get("HealthCheck")
        )
        return _words(check)
    if facts.inspect:  # Podman has merged the image's check into the container
        return _words((facts.inspect.get("Config") or {}).get("Healthcheck"))
    return Unreadable("neither the container nor its image could be looked at")


def health_status(facts: ContainerFacts) -> str:
    """What its health check said last: `healthy`, `starting`, `unhealthy`; empty when it said nothing."""
    state = facts.inspect.get("State") or {}
    return str((state.get("Health") or state.get("Healthcheck") or {}).get("Status") or "")


def _words(check: object) -> str:
    test = check.get("Test") if isinstance(check, Mapping) else None
    if not isinstance(test, list) or not test or test[0] == "NONE":
        return ""
    return " ".join(str(word) for word in test if word not in ("CMD", "CMD-SHELL"))


def updates_itself(spec: Spec) -> bool:
    """A label asks Podman to replace it when the registry has a new image under its name."""
    policies = [label.partition("=")[2] for label in spec[LABELS] if label.startswith(f"{AUTO_UPDATE}=")]
    return bool(policies) and policies[-1] in ("registry", "image")


def refuse_where_updated(spec: Spec) -> None:
    """Raises CannotFix where a digest would end the updates: one decision, not two."""
    if updates_itself(spec):
        raise CannotFix(
            "it is updated under its tag by podman auto-update, and a digest would end that",
            "Decide for one: keep the updates (a version tag is enough then), or drop the label and pin it.",
        )
