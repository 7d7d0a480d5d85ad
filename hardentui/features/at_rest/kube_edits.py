"""Minimal edits of Kubernetes YAML: of one container, in its own mapping."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.compose_edits import YamlEditor
from hardentui.features.at_rest.kube import InPod, services_of
from hardentui.features.at_rest.services import FileTarget, Service, Set
from hardentui.features.at_rest.sources import SourceFile
from hardentui.options.argv import Item, item_word
from hardentui.quadlet.edit.changes import ItemChange, New, decide

_SECURITY = "securityContext"
_UNITS = {"b": "", "k": "Ki", "m": "Mi", "g": "Gi"}


class KubeTarget(FileTarget):
    """One container of a pod."""

    def _services(self, file: SourceFile) -> Iterable[Service]:
        return services_of(file, self._version, None)

    def _with_change(self, file: SourceFile, change: ItemChange) -> str:
        service = self._read(file)[self._number]
        decision = decide([(each.item,) for each in service.sets], change)
        editor = _KubeEditor(service)
        for number in sorted(decision.replaced, key=lambda at: service.sets[at].span.start, reverse=True):
            editor.replace(service.sets[number], decision.replaced[number])
        for item in decision.added:
            moved = SourceFile(file.path, file.shown, editor.text)
            editor = _KubeEditor(self._read(moved)[self._number])
            editor.add(item)
        return editor.text


class _KubeEditor(YamlEditor):
    def __init__(self, service: Service) -> None:
        made: InPod = service.source
        super().__init__(made.container)

    def add(self, item: Item) -> None:
        flag, _, argument = item_word(item).partition("=")
        if flag == "--security-opt" and argument == "no-new-privileges":
            self._set((_SECURITY,), {"allowPrivilegeEscalation": "false"})
        elif flag in ("--cap-drop", "--cap-add"):
            key, argument = flag.removeprefix("--cap-"), argument.upper().removeprefix("CAP_")
            there = self._tree.get(_SECURITY, "capabilities")
            if there is None:
                self._set((_SECURITY, "capabilities"), {key: f"[{argument}]"})
            else:
                self._add_to_list(there, key, argument)
        elif flag in ("--memory", "--cpus"):
            value = _quantity(argument) if flag == "--memory" else f'"{argument}"'
            self._set(("resources", "limits"), {flag[2:].removesuffix("s"): value})
        elif flag == "--user" and re.fullmatch(r"\d+(:\d+)?", argument):
            user, _, group = argument.partition(":")
            self._set((_SECURITY,), {"runAsUser": user, **({"runAsGroup": group} if group else {})})
        elif flag == "--read-only":
            raise CannotExpress("a read-only root needs an emptyDir at /tmp too: write both by hand")
        else:
            raise CannotExpress(f"{flag} is not written into Kubernetes YAML: change it by hand")

    def _set(self, path: tuple[str, ...], values: dict[str, str]) -> None:
        """Set keys of a mapping, which is made where there is none."""
        place, missing = self._tree, list(path)
        while missing and (below := place.get(missing[0])) is not None:
            place = below
            missing.pop(0)
        if not missing:
            for key, value in values.items():
                there = place.get(key)
                if there is not None:
                    self._put(there, value.strip('"'))
                elif len(values) > 1 and key != next(iter(values)):
                    raise CannotExpress(f"{key} is missing beside it: change it by hand")
                else:
                    self._add_line(place, *(f"{name}: {text}" for name, text in values.items()))
                    return
            return
        if missing[0] in place.entries:
            raise CannotExpress(f"{missing[0]} is empty: change it by hand")
        heads = [f"{'  ' * depth}{name}:" for depth, name in enumerate(missing)]
        inside = "  " * len(missing)
        self._add_line(place, *heads, *(f"{inside}{name}: {value}" for name, value in values.items()))

    def _spelled(self, each: Set, new: New, old: str) -> str:
        flag, _, argument = item_word(new.item).partition("=")
        if flag != each.item.flag:
            raise CannotExpress("it would be written with another key: change it by hand")
        return _quantity(argument) if flag == "--memory" else argument or "true"


def _quantity(size: str) -> str:
    """A size of Podman as a Kubernetes quantity: `512m` is 512Mi."""
    number = re.fullmatch(r"(\d+)([bkmg]?)", size)
    if number is None:
        raise CannotExpress(f"{size} is not written into Kubernetes YAML: change it by hand")
    return number[1] + _UNITS[number[2] or "b"]
