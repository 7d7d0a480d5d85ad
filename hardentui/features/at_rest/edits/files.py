"""Edits of the files of a service: each is made in their text, which is then read again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.services import Service, Set
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.model.spec import Option, Spec
from hardentui.options.items import Item
from hardentui.quadlet.edit.item_changes import ItemChange, New, changes_between, decide
from hardentui.visible import visible

Key = TypeVar("Key", str, int)


def prove(
    before: Mapping[Key, Service],
    after: Mapping[Key, Service],
    changed: Key,
    changes: tuple[ItemChange, ...],
    shared: Collection[Option[Any]] = (),
) -> None:
    """Raises CannotExpress unless this service differs as planned, and no other one of its files
    does.
    `shared`: options that are one setting of all, so that the others may differ in the same way.
    """
    if before.keys() != after.keys():
        raise CannotExpress("another service would change with it")
    for key, service in before.items():
        old, new = Spec(service.spec.settings), Spec(after[key].spec.settings)
        same = all(change.option in shared for change in changes_between(old, new))
        if (
            key != changed
            and old != new
            and not (same and _told(changes_between(old, new)) == _told(changes))
        ):
            name = visible(service.name, 60)
            raise CannotExpress(f"{name} shares it, by an anchor or extends: change it by hand")
        if key == changed:
            _refuse_other_than(changes, changes_between(old, new))


def prove_all(
    before: Mapping[Key, Service],
    after: Mapping[Key, Service],
    planned: Mapping[Key, Spec],
    shared: Collection[Option[Any]] = (),
) -> None:
    """Raises CannotExpress unless each service is as planned, and those without a plan as before.
    `shared`: options that are one setting of all, proven when each of them was made."""
    if before.keys() != after.keys():
        raise CannotExpress("another service would change with it")
    for key, service in before.items():
        old, new = Spec(service.spec.settings), Spec(after[key].spec.settings)
        wanted = changes_between(old, planned.get(key, old))
        _refuse_other_than(
            [change for change in wanted if change.option not in shared],
            [change for change in changes_between(old, new) if change.option not in shared],
        )


def _refuse_other_than(planned: Iterable[ItemChange], made: Iterable[ItemChange]) -> None:
    """Raises CannotExpress, with the options that the edited file would set otherwise."""
    wanted, got = _told(planned), _told(made)
    options = [name for name in {**wanted, **got} if wanted.get(name) != got.get(name)]
    if options:
        flags = ", ".join(f"--{name}" for name in options)
        raise CannotExpress(f"the edit would not do what it is for ({flags}): change it by hand")


class Editor(Protocol):
    """Edits the text of one file, which describes a service."""

    file: SourceFile
    text: str

    def replace(
        self,
        each: Set,
        new: tuple[New, ...],
    ) -> None:
        """Write new arguments in place of one. Raises CannotExpress."""

    def add(self, item: Item) -> None:
        """Write an argument of an option that is not there yet. Raises CannotExpress."""


class FileTarget(Generic[Key]):
    """One of the services of some files: each change is made in their text, which is then read
    again.

    Args:
        texts: by path, the files with the changes of other services made already.
    """

    shared: Collection[Option[Any]] = ()
    """Options that are one setting of all services of the file."""

    def __init__(
        self,
        sources: Sources,
        service: Service,
        texts: Mapping[str, str],
    ) -> None:
        self._sources, self._first = sources, service
        self._texts = {
            file.path: texts.get(file.path, file.text) for file in self._read(sources, service)
        }
        self._now: dict[Key, Service] | None = None  # of these texts, once they were read
        self.files: dict[str, str] = {}
        self.proof = "read again: only the planned changes"

    def _read(
        self,
        sources: Sources,
        service: Service,
    ) -> Iterable[SourceFile]:
        """The files that say what the service is."""
        return (service.file,)

    def apply(self, before: Spec, after: Spec) -> None:
        changes = changes_between(before, after)
        if self._now is None:
            self._now = self._services(self._texts)
        now, texts, own = self._now, self._texts, self._key
        spec = Spec(now[own].spec.settings)
        if all(
            each.option in self.shared and spec[each.option] == after[each.option]
            for each in changes
        ):
            return  # made with another service
        for change in changes:
            texts = self._changed(texts, change)
        made = self._services(texts)
        prove(
            now,
            made,
            own,
            changes,
            self.shared,
        )
        self._now = made
        self.files |= {path: text for path, text in texts.items() if text != self._texts.get(path)}
        self._texts = texts

    def _changed(
        self,
        texts: dict[str, str],
        change: ItemChange,
    ) -> dict[str, str]:
        """The files with one change; they are read again after each edit, which moves what is
        behind it."""
        service = self._own(texts)
        decision = decide([(each.item,) for each in service.sets], change)
        editor = self._editor(service)
        for number in sorted(
            decision.replaced, key=lambda at: service.sets[at].span.start, reverse=True
        ):
            editor.replace(service.sets[number], decision.replaced[number])
        texts = {**texts, editor.file.path: editor.text}
        for item in decision.added:
            texts = self._added(texts, item)
        return texts

    def _added(
        self,
        texts: dict[str, str],
        item: Item,
    ) -> dict[str, str]:
        editor = self._editor(self._own(texts))
        editor.add(item)
        return {**texts, editor.file.path: editor.text}

    def _own(self, texts: Mapping[str, str]) -> Service:
        """The service in its files with these texts."""
        return self._services(texts)[self._key]

    @property
    def _key(self) -> Key:
        """Which of `_services` it is."""
        raise NotImplementedError

    def _services(self, texts: Mapping[str, str]) -> dict[Key, Service]:
        """The services of its files with these texts."""
        raise NotImplementedError

    def _editor(self, service: Service) -> Editor:
        raise NotImplementedError


class OneFileTarget(FileTarget[int]):
    """One whose services are all in one file, and are told apart by their order in it."""

    read: Callable[[Sources, SourceFile], Iterable[Service]]

    @property
    def _key(self) -> int:
        starts = [other.header.start for other in self.read(self._sources, self._first.file)]
        return starts.index(self._first.header.start)

    def _services(self, texts: Mapping[str, str]) -> dict[int, Service]:
        file = replace(self._first.file, text=texts[self._first.file.path])
        return dict(enumerate(self.read(self._sources, file)))


def _told(changes: Iterable[ItemChange]) -> dict[str, tuple[list[str], list[str]]]:
    """What is removed and added, by option; a scalar only by its new value."""
    return {
        change.option.name: (
            sorted(item.canonical for item in change.removed) if change.option.is_list else [],
            sorted(item.canonical for item in change.added),
        )
        for change in changes
    }
