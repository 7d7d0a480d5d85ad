"""Minimal edits of compose files."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.compose import InStack, OtherFiles, of_project
from hardentui.features.at_rest.compose_options import HEALTH, LISTS, SCALARS
from hardentui.features.at_rest.edits.files import FileTarget
from hardentui.features.at_rest.edits.yaml import (
    YamlEditor,
    last_character,
    line_end_of,
    quoted,
    with_inserted,
)
from hardentui.features.at_rest.services import Service, Set
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.features.at_rest.trees import Tree, read_trees
from hardentui.options.items import Item, item_word
from hardentui.quadlet.edit.item_changes import New, other_options

_KEYS = {flag: key for key, flag in SCALARS.items()}
_LIST_KEYS = {
    **{flag: key for key, flag in LISTS.items()},
    "--security-opt": "security_opt",
    "--publish": "ports",
    "--volume": "volumes",
}
_SWITCHES = frozenset({"read_only", "init", "privileged", "tty", "stdin_open", "oom_kill_disable"})
_NUMBERS = frozenset({"pids_limit", "cpus", "cpu_shares", "oom_score_adj"})
_HEALTH = {flag: key for key, flag in HEALTH.items()}


class ComposeTarget(FileTarget[str]):
    """One service of a stack.

    Args:
        others: what the files of the stack name, kept for its other services.
    """

    def __init__(
        self,
        sources: Sources,
        service: Service,
        texts: Mapping[str, str],
        others: OtherFiles | None = None,
    ) -> None:
        self._others: OtherFiles = {} if others is None else others
        super().__init__(sources, service, texts)

    def _read(
        self,
        sources: Sources,
        service: Service,
    ) -> Iterable[SourceFile]:
        """Those of the stack, and those that it includes or extends for this service."""
        made: InStack = service.source
        places = (service.header, *(each.span for each in service.sets))
        files = (*made.stack.files, *(place.file for place in places))
        return {file.path: file for file in files}.values()

    @property
    def _key(self) -> str:
        return self._first.name

    def _services(self, texts: Mapping[str, str]) -> dict[str, Service]:
        return {service.name: service for service in self._read_again(texts)}

    def _own(self, texts: Mapping[str, str]) -> Service:
        return self._read_again(texts, only=self._key)[0]

    def _read_again(
        self,
        texts: Mapping[str, str],
        only: str = "",
    ) -> list[Service]:
        known = self._sources.files
        files = ChainMap(
            {path: replace(known[path], text=text) for path, text in texts.items()},
            known,  # never written to
        )
        made: InStack = self._first.source
        return of_project(
            replace(self._sources, files=files),
            [files[file.path] for file in made.stack.files],
            self._others,
            only,
        )

    def _editor(self, service: Service) -> _ComposeEditor:
        return _ComposeEditor(service)


class _ComposeEditor(YamlEditor):
    def __init__(self, service: Service) -> None:
        made: InStack = service.source
        super().__init__(made.tree)
        alone = not {"network_mode", "networks"} & made.tree.entries.keys()
        self._default_network = made.stack.network("default") if alone else None
        self._stack = made.stack

    def add(self, item: Item) -> None:
        word = item_word(item)
        flag, _, argument = word.partition("=")
        if flag in _KEYS:
            self._add_scalar(_KEYS[flag], argument or "true")
        elif flag == "--volume" and (volume := self._undeclared_volume(argument)):
            self._add_volume(volume, argument.removeprefix(f"{self._stack.name}_"))
        elif flag in _LIST_KEYS:
            self._add_to_list(
                self._tree,
                _LIST_KEYS[flag],
                quoted(_as_in_compose(flag, argument)),
            )
        elif flag == "--network" and argument == self._default_network:
            pass  # compose puts it there by itself
        elif flag in _HEALTH and (health := self._tree.get("healthcheck")) is not None:
            self._add_line(health, f"{_HEALTH[flag]}: {quoted(argument)}")
        elif flag == "--health-cmd":
            command = quoted(argument.replace("$", "$$"))
            self._add_line(
                self._tree,
                "healthcheck:",
                f"  test: {command}",
            )
        else:
            raise CannotExpress(f"compose has no key for {flag}")

    def _undeclared_volume(self, argument: str) -> str:
        """The name in the file of a volume that its stack has to declare first; empty if there is
        none."""
        source, colon, _ = argument.partition(":")
        declared = self._stack.tree.get("volumes")
        names = declared.entries if declared is not None else ()
        known = {self._stack.volume(name) for name in names}
        if not colon or "/" in source or source in known:
            return ""
        name = source.removeprefix(f"{self._stack.name}_")
        if name == source or name in names:
            raise CannotExpress(f"it needs the volume {source}, which no file of the stack defines")
        return name

    def _add_volume(self, name: str, argument: str) -> None:
        """Declare a volume in the file of the service and mount it; what is further down is written
        first."""
        whole = read_trees(self.file)[0]
        declared = whole.entries.get("volumes")
        if whole.flow:
            raise CannotExpress(f"it needs the volume {name}, and the file is written in braces")
        above = declared is not None and declared.start < self._tree.start
        if not above:
            self.text = with_volumes(self.file, self.text, declared, (name,))
        self._add_to_list(
            self._tree,
            "volumes",
            quoted(argument),
        )
        if above:
            self.text = with_volumes(self.file, self.text, declared, (name,))

    def _add_scalar(self, key: str, value: str) -> None:
        there = self._tree.entries.get(key)
        if there is not None and there.text is not None and self._is_own(there):
            self._put(there, value)
            return
        plain = key in _SWITCHES or key in _NUMBERS or re.fullmatch(r"\d+[a-z]", value) is not None
        self._add_line(
            self._tree,
            f"{key}: {value if plain else quoted(value)}",
        )

    def _spelled(
        self,
        each: Set,
        new: New,
        old: str,
    ) -> str:
        """The new argument, with the source of a mount as it is written."""
        if new.kept is not None:
            respelled = other_options(old.strip("'\""), new.kept.flag, new)
            if respelled is not None:
                return respelled
        flag, _, argument = item_word(new.item).partition("=")
        if flag == each.item.flag or flag in _KEYS:
            return argument or "true"
        raise CannotExpress("it would be written with another key: change it by hand")


def with_volumes(
    file: SourceFile,
    text: str,
    declared: Tree | None,
    names: Iterable[str],
) -> str:
    """The text of a compose file with more volumes.

    Args:
        text: of the file; what changed in it since it was read stands behind its volumes.
        declared: the volumes that the file has.

    Raises:
        CannotExpress: they are written in another file, or not in lines.
    """
    if declared is None:
        lines = (text.rstrip(), "", "volumes:", *(f"  {name}:" for name in names), "")
        return line_end_of(text).join(lines)
    last = max(
        declared.entries.values(),
        key=lambda entry: entry.key_start,
        default=None,
    )
    if declared.flow or last is None or last.file is not file:
        raise CannotExpress(
            f"it needs the volume {', '.join(names)}, and `volumes:` of the file is not written in "
            "lines of its own"
        )
    indent = text[text.rfind("\n", 0, last.key_start) + 1 : last.key_start]
    return with_inserted(
        text,
        last_character(last, text),
        (f"{indent}{name}:" for name in names),
    )


def _as_in_compose(flag: str, argument: str) -> str:
    """An argument as people write it in a compose file."""
    if argument == "no-new-privileges":
        return "no-new-privileges:true"
    if flag in ("--cap-add", "--cap-drop"):
        return argument.upper().removeprefix("CAP_")
    return argument
