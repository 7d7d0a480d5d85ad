"""Minimal edits of Kubernetes YAML: of one container, in its own mapping."""

from __future__ import annotations

import re
from itertools import count

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.edits.files import OneFileTarget
from hardentui.features.at_rest.edits.yaml import YamlEditor, quoted
from hardentui.features.at_rest.kube import SECURITY, WRITABLE, InPod, listed, services_of
from hardentui.features.at_rest.services import Service, Set
from hardentui.features.at_rest.trees import Tree
from hardentui.model.spec import Spec
from hardentui.options import IPC, PID, READ_ONLY, TMPFS
from hardentui.options.items import Item, item_word
from hardentui.quadlet.edit.item_changes import New
from hardentui.writers.kube.names import dns_label

_UNITS = {"b": "", "k": "Ki", "m": "Mi", "g": "Gi"}


class KubeTarget(OneFileTarget):
    """One container of a pod."""

    shared = (PID, IPC)
    read = staticmethod(services_of)

    def apply(self, before: Spec, after: Spec) -> None:
        super().apply(in_cluster(before), in_cluster(after))

    def _editor(self, service: Service) -> _KubeEditor:
        return _KubeEditor(service)

    def _added(
        self,
        texts: dict[str, str],
        item: Item,
    ) -> dict[str, str]:
        """A tmpfs is a mount and a volume. A read-only root also needs the directories that Podman
        keeps writable."""
        flag, _, argument = item_word(item).partition("=")
        if flag == "--tmpfs":
            return self._in_memory(texts, argument)
        texts = super()._added(texts, item)
        for path in WRITABLE if flag == "--read-only" else ():
            texts = self._in_memory(texts, path)
        return texts

    def _in_memory(
        self,
        texts: dict[str, str],
        path: str,
    ) -> dict[str, str]:
        """The files with a directory in memory, which a cluster makes writable for everybody."""
        editor = self._editor(self._services(texts)[self._key])
        if name := editor.mount(path):
            editor = self._editor(
                self._services({**texts, editor.file.path: editor.text})[self._key]
            )
            editor.add_volume(name)
        return {**texts, editor.file.path: editor.text}


class _KubeEditor(YamlEditor):
    def __init__(self, service: Service) -> None:
        made: InPod = service.source
        super().__init__(made.container)
        self._pod = made.pod

    def replace(
        self,
        each: Set,
        new: tuple[New, ...],
    ) -> None:
        of_pod = self._pod.get(SECURITY)
        if of_pod is None or not of_pod.start <= each.span.start < of_pod.end:
            super().replace(each, new)
        elif each.item.raw == "seccomp=unconfined" and not new:
            self._set((SECURITY, "seccompProfile"), {"type": "RuntimeDefault"})
        elif len(new) == 1:
            self.add(new[0].item)  # the container's own word counts
        else:
            raise CannotExpress("it is set for the whole pod: change it there")

    def _own(self, each: Set) -> Tree:
        for key in ("hostPID", "hostIPC"):
            place = self._pod.get(key)
            if place is not None and place.key_start == each.span.start:
                return place
        return super()._own(each)

    def mount(self, path: str) -> str:
        """Mount a directory from a volume that is still to be made; returns its name, or nothing
        where the path is mounted already."""
        if any(mount.word("mountPath") == path for mount in listed(self._tree, "volumeMounts")):
            return ""
        taken = {volume.word("name") for volume in listed(self._pod, "volumes")}
        base = f"{self._tree.word('name') or 'container'}-{path}"
        names = (dns_label(base, f"-{number}" if number else "") for number in count())
        name = next(name for name in names if name not in taken)
        self._add_to_list(
            self._tree,
            "volumeMounts",
            f"{{name: {name}, mountPath: {path}}}",
        )
        return name

    def add_volume(self, name: str) -> None:
        """A directory in memory, for the whole pod."""
        own, self._tree = self._tree, self._pod
        self._add_to_list(
            self._pod,
            "volumes",
            f"{{name: {name}, emptyDir: {{medium: Memory}}}}",
        )
        self._tree = own

    def add(self, item: Item) -> None:
        flag, _, argument = item_word(item).partition("=")
        if flag == "--security-opt" and argument == "no-new-privileges":
            self._set((SECURITY,), {"allowPrivilegeEscalation": "false"})
        elif flag in ("--cap-drop", "--cap-add"):
            key, argument = flag.removeprefix("--cap-"), argument.upper().removeprefix("CAP_")
            there = self._tree.get(SECURITY, "capabilities")
            if there is None:
                self._set((SECURITY, "capabilities"), {key: f"[{argument}]"})
            else:
                self._add_to_list(there, key, quoted(argument))
        elif flag in ("--memory", "--cpus"):
            value = _as_quantity(argument) if flag == "--memory" else f'"{argument}"'
            self._set(("resources", "limits"), {flag[2:].removesuffix("s"): value})
        elif flag == "--user" and re.fullmatch(r"\d+(:\d+)?", argument):
            user, _, group = argument.partition(":")
            self._set(
                (SECURITY,),
                {
                    "runAsUser": user,
                    **({"runAsGroup": group} if group else {}),
                },
            )
        elif flag == "--read-only":
            self._set((SECURITY,), {"readOnlyRootFilesystem": "true"})
        else:
            raise CannotExpress(f"{flag} is not written into Kubernetes YAML: change it by hand")

    def _set(
        self,
        path: tuple[str, ...],
        values: dict[str, str],
    ) -> None:
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
                    self._add_line(
                        place,
                        *(f"{name}: {text}" for name, text in values.items()),
                    )
                    return
            return
        if missing[0] in place.entries:
            raise CannotExpress(f"{missing[0]} is empty: change it by hand")
        heads = [f"{'  ' * depth}{name}:" for depth, name in enumerate(missing)]
        inside = "  " * len(missing)
        self._add_line(
            place, *heads, *(f"{inside}{name}: {value}" for name, value in values.items())
        )

    def _spelled(
        self,
        each: Set,
        new: New,
        old: str,
    ) -> str:
        flag, _, argument = item_word(new.item).partition("=")
        if flag != each.item.flag:
            raise CannotExpress("it would be written with another key: change it by hand")
        if flag == "--security-opt" and argument == "no-new-privileges":
            return "false"  # of allowPrivilegeEscalation
        return _as_quantity(argument) if flag == "--memory" else argument or "true"


def in_cluster(spec: Spec) -> Spec:
    """The spec with each tmpfs as a cluster has it: without options, and without those that come
    with a read-only root here."""
    paths = (mount.partition(":")[0] for mount in spec[TMPFS])
    own = tuple(path for path in paths if not spec[READ_ONLY] or path not in WRITABLE)
    return spec.with_(TMPFS, own) if spec[TMPFS] else spec


def _as_quantity(size: str) -> str:
    """A size of Podman as a Kubernetes quantity: `512m` is 512Mi."""
    number = re.fullmatch(r"(\d+)([bkmg]?)", size)
    if number is None:
        raise CannotExpress(f"{size} is not written into Kubernetes YAML: change it by hand")
    return number[1] + _UNITS[number[2] or "b"]
