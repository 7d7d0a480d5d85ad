"""The entries of known applications: ours, and those of the site in the user's own folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from typing import Any

from msgspec import Struct, ValidationError, convert

from hardentui.errors import ChecklistError
from hardentui.features.applications.form_faults import form_fault
from hardentui.features.applications.rules import faults_of
from hardentui.features.checklists.loading import directory_of_ours
from hardentui.model.application import Application, Family, Variant
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.spec import Spec
from hardentui.named_files import read_named
from hardentui.options import COMMAND, ENTRYPOINT, IMAGE
from hardentui.reading.applications import (
    AskedImage,
    application_of,
    named_before_open_tag,
    repository_names,
)
from hardentui.reading.containers import image_config, section
from hardentui.state import config_directory, read_own
from hardentui.toml_document import TomlFault, read_toml
from hardentui.toml_lines import TomlPath, line_of, toml_lines
from hardentui.visible import visible

SCHEMA = "hardentui/application/1"
_ENDING = ".toml"
_OF_TRIAL = ".application"  # a trial writes NAME.application.toml
_LARGEST = 256 << 10  # bytes
_OF_VARIANT = ("tags", "first", "until")


class EntryFile(Struct, frozen=True):
    """An entry as it stands in its file."""

    path: str
    text: str
    site: bool


class Library:
    """The entries that hold for this account; each is parsed when an image asks for it.

    Attributes:
        faults: what is wrong with entries of the site, which are then not used.
    """

    def __init__(self, files: Iterable[EntryFile] | None = None) -> None:
        self._given = files
        self._near: dict[str, tuple[EntryFile, ...]] = {}
        self.faults: list[str] = []

    @cached_property
    def files(self) -> tuple[EntryFile, ...]:
        """Those of the site first: they are used instead of ours."""
        if self._given is not None:
            return tuple(self._given)
        return (*self._of_site(), *our_files())

    def of(self, facts: ContainerFacts) -> Application | None:
        """The entry for a container's image; None if no entry is about it."""
        return self.find(asked_image(facts))

    def find(self, image: AskedImage) -> Application | None:
        """The entry for an image; None if no entry is about it."""
        return application_of(image, self._families(self._naming(image.name)))

    def _naming(self, image: str) -> tuple[EntryFile, ...]:
        """The entries in whose text an image's last name stands: the same for all its containers."""
        near = self._near.get(image)
        if near is None:
            names = {name.rpartition("/")[2] for name in repository_names(image)}
            near = tuple(file for file in self.files if any(name in file.text for name in names))
            self._near[image] = near
        return near

    def all(self) -> tuple[Family, ...]:
        """Every entry, by name."""
        return tuple(sorted(self._families(self.files), key=lambda family: family.name))

    def named(self, name: str) -> Family | None:
        return next((family for family in self.all() if family.name == name), None)

    def _families(self, files: Iterable[EntryFile]) -> Iterator[Family]:
        for file in files:
            try:
                yield _parsed(file)
            except ChecklistError as error:
                fault = f"{visible(file.path, 200)}:{error.faults[0]}"
                if fault not in self.faults:
                    self.faults.append(fault)

    def _of_site(self) -> tuple[EntryFile, ...]:
        """The user's own."""
        directory = site_directory()
        if not os.path.isdir(directory):
            return ()
        files = []
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            if not name.endswith(_ENDING):
                continue
            try:
                text = read_own(path).decode()
            except (OSError, UnicodeDecodeError) as error:
                self.faults.append(f"{visible(path, 200)}: {error}")
                continue
            files.append(EntryFile(path, text, site=True))
        return tuple(files)


@cache
def _parsed(file: EntryFile) -> Family:
    """A file of the same text says the same: parsed once. Raises ChecklistError."""
    return parse(file.text, file.path, site=file.site)


def site_directory() -> str:
    """Where entries of the site stand; it may not exist."""
    return os.path.join(config_directory(), "applications")


@cache
def our_files() -> tuple[EntryFile, ...]:
    """The entries that come with HardenTUI."""
    directory = os.path.join(directory_of_ours(), "applications")
    files = []
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else ():
        if name.endswith(_ENDING):
            path = os.path.join(directory, name)
            with open(path, encoding="utf-8") as file:
                files.append(EntryFile(path, file.read(), site=False))
    return tuple(files)


def asked_image(facts: ContainerFacts) -> AskedImage:
    """What a container runs, as far as it can be read."""
    config = image_config(facts)
    spec = facts.spec
    open_tag = named_before_open_tag(spec)
    return AskedImage(
        name=open_tag or known(lambda: spec[IMAGE], else_="") or facts.image_name,
        any_tag=bool(open_tag),
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        labels={str(name): str(value) for name, value in section(config, "Labels").items()},
        own_entrypoint=known(lambda: spec[ENTRYPOINT] is not None, else_=False),
        own_command=known(_command_of, spec, else_=()),
    )


def _command_of(spec: Spec) -> tuple[str, ...]:
    words = spec[COMMAND]
    return tuple(words)


def _words(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()


def lint(path: str) -> Family:
    """The entry in a file that somebody named.

    Raises:
        InputError: it cannot be read.
        ChecklistError: it has faults; all that are known, each with its line.
    """
    return parse(
        read_named(path, largest=_LARGEST),
        path,
        site=True,
    )


def parse(
    text: str,
    where: str,
    *,
    site: bool = False,
) -> Family:
    """The entry in a TOML text; raises ChecklistError with its faults. `where` names it in them."""
    try:
        document = read_toml(text)
    except TomlFault as error:
        line, what = error.place_in(text)
        raise _rejected(where, [f"{line}: invalid TOML: {visible(what)}"]) from error
    lines = toml_lines(text)
    if document.get("schema") != SCHEMA:
        raise _rejected(where, [f"1: schema must be {SCHEMA!r}"])
    name = os.path.basename(where).removesuffix(_ENDING).removesuffix(_OF_TRIAL)
    general = {key: value for key, value in document.items() if key not in ("schema", "variant")}
    faults: list[str] = []
    application = _application(
        general,
        (),
        lines,
        faults,
        site=site,
    )
    if application is not None and application.name != name:
        faults.append(f"{line_of(lines, ('name',))}: name must be that of the file, {name!r}")
    if application is None or faults:  # each variant would repeat them
        raise _rejected(where, faults)
    last = Variant(
        tags=(),
        first="",
        until="",
        application=application,
    )
    variants = []
    for index, table in enumerate(document.get("variant", ())):
        path: TomlPath = ("variant", index)
        faults += [
            f"{line_of(lines, (*path, key))}: {key} must be {form}"
            for key, form in _wrong_keys(table)
        ]
        merged = _merged(general, table)
        application = _application(
            merged,
            path,
            lines,
            faults,
            site=site,
        )
        if application is not None:
            variants.append(_variant(table, application))
    if faults:
        raise _rejected(where, faults)
    return Family(
        name=name,
        variants=(*variants, last),
    )


def _merged(
    general: Mapping[str, Any],
    variant: Mapping[str, Any],
) -> dict[str, Any]:
    """The general entry with the keys that a variant gives; of a table, key by key."""
    merged = dict(general)
    for key, value in variant.items():
        if key in _OF_VARIANT:
            continue
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = {**before, **value}
        merged[key] = value
    return merged


def _wrong_keys(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of a variant that say which tags it is about, if they are of another form."""
    tags = table.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        yield "tags", 'a list of patterns such as ["*alpine*"]'
    for key in ("first", "until"):
        if not isinstance(table.get(key, ""), str):
            yield key, 'a version in quotes, such as "18"'


def _variant(
    table: Mapping[str, Any],
    application: Application,
) -> Variant:
    return Variant(
        tags=tuple(map(str, table.get("tags", ()))),
        first=str(table.get("first", "")),
        until=str(table.get("until", "")),
        application=application,
    )


def _application(
    table: Mapping[str, Any],
    path: TomlPath,
    lines: Mapping[TomlPath, int],
    faults: list[str],
    *,
    site: bool,
) -> Application | None:
    try:
        application = convert({**table, "site": site}, Application)
    except ValidationError as error:
        inner, message = form_fault(str(error))
        faults.append(f"{line_of(lines, (*path, *inner))}: {visible(message, 200)}")
        return None
    faults += [
        f"{line_of(lines, (*path, *inner))}: {message}" for inner, message in faults_of(application)
    ]
    return application


def _rejected(where: str, faults: Iterable[str]) -> ChecklistError:
    lines = tuple(dict.fromkeys(faults))
    count = "a fault" if len(lines) == 1 else f"{len(lines)} faults"
    return ChecklistError(
        f"The application {visible(where)} has {count}.",
        lines,
        where,
    )
