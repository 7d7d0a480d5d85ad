"""A service at rest: what a file starts as a container, with the place of each option."""

from __future__ import annotations

import calendar
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.checks import RETIRED
from hardentui.features.at_rest.sources import SourceFile
from hardentui.model.facts import NetworkFacts, VolumeFacts
from hardentui.model.known import Known, Unread
from hardentui.model.open_value import OpenKind, names_of
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Option, ProtectionRule, Source, Spec
from hardentui.model.waiver import Waiver
from hardentui.options import (
    ANNOTATIONS,
    CAP_ADD,
    DEVICES,
    ENV,
    LABELS,
    MOUNTS,
    NAME,
    PUBLISH,
    TABLE,
    TMPFS,
)
from hardentui.options.items import Item, spec_of
from hardentui.words import nearest

T = TypeVar("T")

NOT_SAID = Unread("the file does not say which account runs it")


class Format(StrEnum):
    QUADLET = "quadlet"
    COMPOSE = "compose"
    RUN = "run"
    KUBE = "kube"
    SERVICE = "service"


class Span(Struct, frozen=True, gc=False):
    """A piece of a file's text."""

    file: SourceFile
    start: int
    end: int


class Set(Struct, frozen=True, gc=False):
    """One argument of one option, and where it is written."""

    item: Item
    span: Span


class Refusal(Struct, frozen=True):
    """Why the generator makes no service of a unit, and where the unit says it."""

    sentence: str  # the generator's own
    span: Span


def with_more(spec: Spec) -> frozenset[Option[Any]]:
    """The options that are open where a variable may hold further ones."""
    return spec.unknowable | {
        option for option in TABLE if option.is_list or option not in spec.settings
    }


class SpecAtRest(Spec, frozen=True):
    """A spec that knows what its file leaves open: asking for such an option raises Unread.

    Attributes:
        more: variables that may hold further options, as they are written.
    """

    more: tuple[str, ...] = ()

    def __getitem__(self, option: Option[T]) -> T:
        if option in self.unknowable:
            raise Unread(self._why(option))
        return super().__getitem__(option)

    def _why(self, option: Option[Any]) -> str:
        words = [word for each in self.open if each.option is option for word in each.words]
        parts = [part for text in words for part in text.open]
        if files := {part.written: None for part in parts if part.kind is OpenKind.FILE}:
            return f"the environment file {', '.join(files)} is not here"
        if names := names_of(words):
            return f"its files do not set {', '.join(names)} ({option.flag.lower()})"
        if self.more:
            return f"{', '.join(self.more)} may hold {option.flag.lower()}"
        return f"the value of {option.flag.lower()} cannot be read"

    @property
    def literal(self) -> SpecAtRest:
        """Its lists without their open arguments: what they hold whatever the host puts in."""
        opened = {each.option for each in self.open if each.option.is_list}
        return SpecAtRest(
            self.settings,
            self.unknowable - opened - EXPOSING,
            self.remarks,
            self.unsaved,
            self.open,
            self.more,
        )

    def with_(
        self,
        option: Option[T],
        value: T,
        source: Source = Source.CHOSEN,
    ) -> Spec:
        return self._same(super().with_(option, value, source))

    def without(self, *options: Option[Any]) -> Spec:
        return self._same(super().without(*options))

    def _same(self, spec: Spec) -> Spec:
        return SpecAtRest(
            spec.settings,
            spec.unknowable,
            spec.remarks,
            spec.unsaved,
            spec.open,
            self.more,
        )


NAMED_VALUES = (ENV, LABELS, ANNOTATIONS)
EXPOSING = frozenset(
    {
        *(option for option in TABLE if option.protection.rule is ProtectionRule.ADDED),
        *(CAP_ADD, DEVICES, ENV, MOUNTS, PUBLISH, TMPFS),
    }
)
"""Lists of which each further entry only exposes more: what is written stays true."""


class Service(Struct, frozen=True):
    """What a file starts as a container.

    Attributes:
        rootless: whether a rootless engine runs it, as far as the file or its folder says.
        networks, volumes: those that files beside it define, by name.
        broken_waivers: comments that look like a waiver and are none: (place, why).
    """

    name: str  # as its file names it: `web` of web.container, of a compose service or of `--name`
    format: Format
    header: Span  # where it begins: `[Container]`, the key of a compose service, the word `podman`
    spec: SpecAtRest
    sets: tuple[Set, ...]  # every argument that the file sets, in the order in which they count
    group: str  # services of one group run beside each other on one host
    version: Version = NEWEST_KNOWN
    rootless: Known[bool] = NOT_SAID
    pod: Mapping[str, Any] | None = None  # its pod like an inspect document; None if it has none
    infra: bool = False  # it is a pod itself, judged as the container that holds its network
    networks: Mapping[str, NetworkFacts] = field(default_factory=dict)
    volumes: Mapping[str, VolumeFacts] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()  # accepted findings, from its comments
    source: Any = None  # what made it, for fixes: of its own format
    # what other files give it, unless it sets that itself: its pod, environment files
    given: tuple[Set, ...] = ()
    extended_by: str = ""  # the file of another project that is made of it, as a user would type it
    built: bool = False  # its image is built from these files
    refusal: Refusal | None = None  # why the generator makes no service of its unit

    @property
    def file(self) -> SourceFile:
        return self.header.file

    def on_host(self, path: str) -> str:
        """Where on its host a relative path of a command leads, if it is typed beside its script."""
        if not path.startswith(".") or not self.file.path:
            return path
        return os.path.normpath(os.path.join(self.file.directory, path))

    @property
    def place(self) -> tuple[str, int]:
        """The path of its file and where it begins there: two of a file may have one name."""
        return self.file.path, self.header.start

    @property
    def id(self) -> str:
        """It among those of all files, as a person names it."""
        return f"{self.file.shown}:{self.name}"

    @property
    def key(self) -> str:
        """The key of its row, which stands for a container of an engine named like its format."""
        return f"{self.format}/{self.id}"

    def with_given(self, more: tuple[Set, ...]) -> Service:
        return replace(self, given=(*self.given, *more))

    @property
    def whole(self) -> SpecAtRest:
        """What it asks for together with what other files give it."""
        if not self.given:
            return self.spec
        names = {each.item.raw.partition("=")[0] for each in self.given}
        own = (
            each for each in self.sets if each.item.option is not ENV or each.item.raw not in names
        )
        spec = spec_of(each.item for each in (*self.given, *own))
        settings = {**spec.settings}
        if NAME in self.spec.settings:
            settings[NAME] = self.spec.settings[NAME]
        return SpecAtRest(
            settings,
            self.spec.unknowable | spec.unknowable,
            open=spec.open,
            more=self.spec.more,
        )

    def where(self, option: Option[Any]) -> tuple[Set, ...]:
        """The arguments of one option."""
        return tuple(each for each in self.sets if each.item.option is option)


def is_for_docker(service: Service) -> bool:
    """Whether Docker reads the file as its own: a compose file, unless it is named after Podman,
    and a `docker` command."""
    if service.format is Format.COMPOSE:
        return not service.file.name.startswith(("podman-compose", "container-compose"))
    header = service.file.text[service.header.start : service.header.end]
    return service.format is Format.RUN and "docker" in header


Maker: TypeAlias = "tuple[SourceFile, Callable[[], Iterable[Service]]]"
"""A file that holds services, and what makes them of it; that raises HardenError where it cannot be
used."""


_SYSTEM = re.compile(
    r"/(?:etc|run|usr/share)/containers/systemd(?:/|$)|/(?:etc|run|lib)/systemd/system(?:/|$)"
)
_USERS = re.compile(
    r"/containers/systemd/users(?:/|$)|/\.config/containers/systemd(?:/|$)|/run/user/"
    r"|/systemd/user(?:/|$)"
)
_HINT = re.compile(
    r"^[ \t]*[#;]+[ \t]*hardentui:[ \t]*(rootless|rootful)[ \t]*$",
    re.MULTILINE,
)


def rootless_by(file: SourceFile, asked: bool | None) -> Known[bool]:
    """Whether a rootless engine runs what a file holds: by its comment `# hardentui: rootless`, as
    asked, or by the search paths of Quadlet."""
    if hint := _HINT.search(file.text):
        return hint[1] == "rootless"
    if asked is not None:
        return asked
    if _USERS.search(file.path):
        return True
    return False if _SYSTEM.search(file.path) else NOT_SAID


_OURS = re.compile(
    r"^[ \t]*(?:[^#;\n]*[ \t])?[#;]+[ \t]*hardentui:[ \t]*(?P<text>[^\n]*)$", re.MULTILINE
)
_ACCEPT = re.compile(
    r"accept (?P<checks>[\w*,? -]+?) until (?P<until>\d{4}-\d{2}(?:-\d{2})?)"
    r"(?: by (?P<owner>\S+))? because (?P<reason>.{1,500})"
)
_OTHER = re.compile(r"podman \d[\d.]*|rootless|rootful")
_FORM = "# hardentui: accept CHECK until 2027-03 because REASON"


def waivers_in(
    file: SourceFile,
    subject: str,
    start: int = 0,
    end: int | None = None,
) -> tuple[Waiver, ...]:
    """The findings that comments of a file, or of a part of it, accept for a service."""
    return tuple(
        Waiver(
            check,
            subject,
            match["reason"].strip(),
            match["owner"] or "a comment",
            until,
            source=source,
        )
        for source, match, until in _accepted(file, start, end)
        for check in _checks(match)
    )


def faults_in(
    file: SourceFile,
    checks: Collection[str],
) -> Iterator[str]:
    """Comments that look like an acceptance and are none, one sentence each. `checks`: all IDs."""
    for comment in _OURS.finditer(file.text):
        place = f"{file.shown}:{file.line_of(comment.start('text'))}"
        match = _ACCEPT.fullmatch(comment["text"].strip())
        if _OTHER.fullmatch(comment["text"].strip()):
            continue
        if match is None:
            yield f"{place}: this comment accepts nothing: write {_FORM}"
        elif _last_day(match["until"]) is None:
            yield f"{place}: {match['until']} is not a date"
        else:
            for check in _checks(match):
                if not any(fnmatchcase(known, check) for known in (*checks, *RETIRED)):
                    yield f"{place}: there is no check {check!r}{nearest(check, checks)}"


def _accepted(
    file: SourceFile,
    start: int,
    end: int | None,
) -> Iterator[tuple[str, re.Match[str], date]]:
    if not file.speaks_to_us:
        return
    for comment in _OURS.finditer(
        file.text,
        start,
        len(file.text) if end is None else end,
    ):
        match = _ACCEPT.fullmatch(comment["text"].strip())
        until = _last_day(match["until"]) if match is not None else None
        if match is not None and until is not None:
            yield f"{file.shown}:{file.line_of(comment.start('text'))}", match, until


def _checks(match: re.Match[str]) -> list[str]:
    return re.split(r"[,\s]+", match["checks"].strip())


def _last_day(text: str) -> date | None:
    """A day, or the last one of a month."""
    year, month, *day = map(int, text.split("-"))
    try:
        return date(
            year,
            month,
            day[0] if day else calendar.monthrange(year, month)[1],
        )
    except (ValueError, calendar.IllegalMonthError):
        return None
