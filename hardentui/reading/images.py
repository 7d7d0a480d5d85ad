"""What checks ask about a container's image: name, contents, health check and age."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, Verdict, not_applicable, passed, unknown
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.model.known import Known, Unread, known
from hardentui.model.spec import Spec
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL, IMAGE, LABELS, ROOTFS
from hardentui.visible import visible

AUTO_UPDATE = "io.containers.autoupdate"

_SHOWN = 12
_LONGEST_STEP = 20_000


class Reference(Struct, frozen=True):
    """An image name, taken apart. `digest` is the part after @."""

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
        """Built or named on this machine, so no registry knows it."""
        return self.host == "localhost"


@lru_cache(maxsize=1024)
def reference(text: str) -> Reference:
    """Take `host:5000/name:tag@digest` apart."""
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return Reference(f"{head}{slash}{last}", tag, digest)


def is_image_id(text: str) -> bool:
    """A bare ID or `sha256:…`, which no tag can change."""
    digits = text.removeprefix("sha256:")
    return len(digits) == 64 and set(digits) <= set("0123456789abcdef")


def image_name(facts: ContainerFacts) -> str:
    """The image name as it was requested, otherwise as Podman recorded it."""
    return facts.spec[IMAGE] or facts.image_name


def without_image(facts: ContainerFacts) -> str:
    """Why there is no image to judge; empty if there is one."""
    if facts.spec[ROOTFS]:
        return "the container runs from a host directory (--rootfs), not from an image"
    if facts.inspect.get("IsInfra") and not facts.inspect.get("Image"):
        return "a pod's infra container has no image since Podman 5.8"
    return ""


def image_of(facts: ContainerFacts) -> ImageFacts | Verdict:
    """The facts of the image, or the verdict that there are none."""
    if why := without_image(facts):
        return not_applicable(why)
    if facts.inspect.get("IsInfra"):
        return not_applicable("a pod's infra container runs Podman's own image")
    image = known(lambda: facts.image)
    return (
        unknown(f"the image could not be inspected: {image.reason}") if isinstance(image, Unread) else image
    )


def steps_of(history: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The commands that built the layers; engines spell the field differently."""
    return tuple(
        [str(entry.get("created_by") or entry.get("CreatedBy") or "")[:_LONGEST_STEP] for entry in history]
    )


def comments_of(history: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The comments of the layers (`podman commit -m`); build tools put their names there."""
    comments = (str(entry.get("comment") or entry.get("Comment") or "") for entry in history)
    return tuple(comment[:_LONGEST_STEP] for comment in comments if comment)


def inventory_of(facts: ContainerFacts) -> ImageInventory | Verdict:
    """The contents of the image, or the verdict that they are not known, with how to read them."""
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    inventory = known(lambda: image.inventory)
    return unknown(inventory.reason, do=inventory.do) if isinstance(inventory, Unread) else inventory


def gap(inventory: ImageInventory, *words: str) -> Verdict | None:
    """Unknown, if a part of the image that matters here could not be read. `words` name such parts."""
    gaps = [part for part in inventory.gaps if not words or any(word in part for word in words)]
    return unknown(f"parts of the image could not be read: {'; '.join(gaps)}") if gaps else None


def listed_files(
    facts: ContainerFacts,
    of: Callable[[ImageInventory], Iterable[ImageFile]],
    allowed: Collection[str],
    *,
    deleted: bool = True,
) -> tuple[ImageFile, ...] | Verdict:
    """Files of the image that one list of its contents names, or the verdict that there are none.

    Args:
        allowed: paths that are left out.
        deleted: with files that a later layer deletes.
    """
    inventory = inventory_of(facts)
    if isinstance(inventory, Verdict):
        return inventory
    files = (file for file in of(inventory) if file.path not in allowed)
    listed = tuple(file for file in files if deleted or not file.deleted)
    return listed or gap(inventory) or passed("none found")


def file_evidence(files: Iterable[ImageFile]) -> tuple[Evidence, ...]:
    """The first few files as evidence, and how many more there are."""
    files = tuple(files)
    evidence = [Evidence(file.path, _about(file)) for file in files[:_SHOWN]]
    if len(files) > _SHOWN:
        evidence.append(Evidence("image", f"and {len(files) - _SHOWN} more"))
    return tuple(evidence)


def _about(file: ImageFile) -> str:
    layer = f", layer {file.layer}" if file.layer else ""
    return f"{file.what}{layer}{', deleted in a later layer but still there' if file.deleted else ''}"


def names(files: Iterable[ImageFile]) -> str:
    """Kinds of files in a few words: `apt, gcc and 3 more`."""
    kinds = tuple(dict.fromkeys(visible(file.what, 40) for file in files))
    text = ", ".join(kinds[:4])
    return f"{text} and {len(kinds) - 4} more" if len(kinds) > 4 else text


def created(image: ImageFacts) -> datetime | None:
    """When the image was built; None if the date is missing or fixed for a reproducible build."""
    return _built(str(image.inspect.get("Created") or ""))


@lru_cache(maxsize=1024)
def _built(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(_six_digits(text))
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time if time.year > 2000 else None


def parse_time(text: object) -> datetime | None:
    """A timestamp from Podman; None if it is missing or Go's zero time."""
    try:
        time = datetime.fromisoformat(_six_digits(str(text or "")))
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time if time.year > 1970 else None


def _six_digits(text: str) -> str:
    """Go writes nanoseconds; Python reads at most microseconds."""
    head, dot, rest = text.partition(".")
    if not dot:
        return text
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[:digits][:6]}{rest[digits:]}"


def health_check(facts: ContainerFacts) -> str | Unread:
    """The effective health command: the container's, otherwise its image's; empty if there is none."""
    if facts.spec[HEALTH_INTERVAL] == "disable" or facts.spec[HEALTH_CMD] == "none":
        return ""
    if facts.spec[HEALTH_CMD]:
        return facts.spec[HEALTH_CMD]
    image = known(lambda: facts.image)
    if not isinstance(image, Unread):
        config: Mapping[str, Any] = image.config
        return _words(
            config.get("Healthcheck") or config.get("HealthCheck") or image.inspect.get("HealthCheck")
        )
    if facts.inspect:  # Podman has merged the image's check into the container
        return _words((facts.inspect.get("Config") or {}).get("Healthcheck"))
    return Unread("neither the container nor its image could be inspected")


def health_status(facts: ContainerFacts) -> str:
    """The last result of the health check: `healthy`, `starting`, `unhealthy`; empty if there is none."""
    state = facts.inspect.get("State") or {}
    return str((state.get("Health") or state.get("Healthcheck") or {}).get("Status") or "")


def _words(check: object) -> str:
    test = check.get("Test") if isinstance(check, Mapping) else None
    if not isinstance(test, list) or not test or test[0] == "NONE":
        return ""
    return " ".join(str(word) for word in test if word not in ("CMD", "CMD-SHELL"))


def updates_itself(spec: Spec) -> bool:
    """A label asks Podman to update the container when its image name refers to a new image."""
    policies = [label.partition("=")[2] for label in spec[LABELS] if label.startswith(f"{AUTO_UPDATE}=")]
    return bool(policies) and policies[-1] in ("registry", "image")


def refuse_where_updated(spec: Spec) -> None:
    """Raises CannotFix if a digest would end automatic updates, which the user has to decide."""
    if updates_itself(spec):
        raise CannotFix(
            "podman auto-update updates the container by its tag, and a digest would end that",
            "Choose one: keep the updates (with a version tag), or remove the label and pin the digest.",
        )


# Whether a health check can fail at all. What cannot be parsed may fail.

_SHELLS = frozenset("sh bash ash dash".split())
_WRAPPERS = frozenset("exec command nice nohup CMD CMD-SHELL busybox".split())
_SUCCEED = frozenset("true : echo printf sleep pwd date id whoami hostname uname env ps uptime df".split())
_PASS_ON = frozenset("cat tee head tail sort uniq wc tr cut sed".split())
"""Programs that, at the end of a pipe, succeed regardless of their input."""
_LONGEST, _DEEPEST = 4096, 5
"""Characters of a health check, and shells in shells, beyond which it is taken as one that can fail."""
_READERS = frozenset("cat head tail ls stat wc".split())
_ALWAYS_THERE = frozenset(
    "/ /bin /dev /etc /proc /sys /usr /bin/sh /dev/null /etc/group /etc/hostname /etc/hosts /etc/os-release "
    "/etc/passwd /etc/resolv.conf".split()
)


def always_passes(command: str) -> bool:
    """Whether a health check passes regardless of the service.

    Args:
        command: as Podman shows it: a shell command line, or the words of a command.
    """
    if len(command) > _LONGEST or command.count("-c") > _DEEPEST:
        return False
    lexer = shlex.shlex(command.strip(), posix=True, punctuation_chars=";&|\n()<>")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return False
    if any(sign in command for sign in "$`(") or {"if", "case", "for", "!"}.intersection(words):
        return False
    return _list_passes(words)


def _list_passes(words: list[str]) -> bool:
    """The status of a list is that of its last command that runs."""
    while True:
        at = next((at for at in range(len(words) - 1, -1, -1) if set(words[at]) <= set(";&|\n")), -1)
        operator, last = words[at] if at >= 0 else "", words[at + 1 :]
        passes = _succeeds(last)
        if operator == "|":
            return passes or (bool(last) and last[0].rpartition("/")[2] in _PASS_ON)
        if operator == "&" and not last:
            return True
        undecided = {"&&": passes, "||": not passes, "": False}.get(operator, not last)
        if not undecided:
            return passes
        words = words[:at]


def _succeeds(words: list[str]) -> bool:
    words = [word for word in words if not (set(word) <= set("<>&"))]
    while words and (
        words[0] in _WRAPPERS or (words[0].partition("=")[0].isidentifier() and "=" in words[0])
    ):
        words = words[1:]
    program = words[0].rpartition("/")[2] if words else ""
    if program in _SHELLS and words[1:2] == ["-c"]:
        return always_passes(" ".join(words[2:]))
    if program == "exit":
        return words[1:] == ["0"]
    if program in ("test", "["):
        match [word for word in words[1:] if word != "]"]:
            case ["-d" | "-e" | "-f" | "-r" | "-s" | "-x", path]:
                return _is_always_there(path)
            case [before, "=" | "==" | "-eq", after]:
                return before == after
        return False
    if program in _READERS:
        paths = [word for word in words[1:] if not word.startswith("-") and not word.isdecimal()]
        return bool(paths) and all(map(_is_always_there, paths))
    return program in _SUCCEED


def _is_always_there(path: str) -> bool:
    return path in _ALWAYS_THERE or f"{path}/".startswith(("/proc/1/", "/proc/self/"))


def bases_of(image: ImageFacts, others: Mapping[str, Known[ImageFacts]]) -> Known[tuple[str, ...]]:
    """Names of images whose layers are the lowest ones of `image`, nearest first.

    Args:
        others: ID -> facts of every image of the engine.

    Returns:
        Unread if there is none and one of the others could not be inspected.
    """
    own = _layers(image.inspect)
    bases: list[tuple[int, str]] = []
    hidden = 0
    for identity, other in others.items():
        if identity == image.id:
            continue
        if isinstance(other, Unread):
            hidden += 1
            continue
        layers = _layers(other.inspect)
        if layers and len(layers) < len(own) and own[: len(layers)] == layers:
            bases.append((-len(layers), other.names[0] if other.names else other.id[:12]))
    if hidden and not bases:
        return Unread(f"{hidden} other {'image' if hidden == 1 else 'images'} could not be inspected")
    return tuple(name for _, name in sorted(bases))


def _layers(inspect: Mapping[str, Any]) -> tuple[str, ...]:
    root = inspect.get("RootFS")
    layers = root.get("Layers") if isinstance(root, Mapping) else None
    return tuple(map(str, layers)) if isinstance(layers, list) else ()
