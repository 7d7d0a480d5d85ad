"""Kubernetes YAML at rest: its containers as services, and edits of their fields."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from hardentui.errors import HardenError, InputError
from hardentui.features.at_rest.compose import end_of
from hardentui.features.at_rest.compose_options import Argument
from hardentui.features.at_rest.quadlets import pod_like
from hardentui.features.at_rest.services import (
    Format,
    Maker,
    Service,
    Set,
    Span,
    SpecAtRest,
    rootless_by,
    waivers_in,
)
from hardentui.features.at_rest.sources import SourceFile, Sources, is_compose_name
from hardentui.features.at_rest.trees import Tree, read_trees
from hardentui.model.spec import Port, Source
from hardentui.options import COMMAND, IMAGE, NAME
from hardentui.options.items import Item, image_item, parse_argument, spec_of

_YAML = (".yaml", ".yml")
_TEMPLATES = ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet", "Job")
_TRUE = ("true", "yes", "on")
SECURITY = "securityContext"
WRITABLE = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - mounted in a container, not used here
"""What Podman keeps writable, in memory, below a read-only root; a cluster needs volumes for it."""


class InPod(Struct, frozen=True):
    """The container that a service was made from, its pod's spec, and the place of both."""

    container: Tree
    pod: Tree


def is_kube(file: SourceFile) -> bool:
    """Whether a YAML file may hold something that Podman plays."""
    return file.name.endswith(_YAML) and not is_compose_name(file.name) and "kind:" in file.text


def kube_makers(
    sources: Sources,
    of_units: Collection[str] = (),
) -> Iterator[Maker]:
    """The Kubernetes files. `of_units`: the paths of those that units play, which read them."""
    for file in sources.files.values():
        if is_kube(file) and file.path not in of_units:
            yield file, partial(_services_or_why_not, sources, file)


def _services_or_why_not(
    sources: Sources,
    file: SourceFile,
) -> list[Service]:
    """Raises InputError: it is no YAML that can be read."""
    try:
        return services_of(sources, file)
    except HardenError as error:
        if "{{" in file.text:
            raise InputError(
                "it is a template of another tool, such as Helm: check what that makes of it"
            ) from error
        raise


def services_of(sources: Sources, file: SourceFile) -> list[Service]:
    """The containers of a file. Raises InputError: it is no YAML that can be read."""
    return [each for tree in read_trees(file) for each in _services(sources, file, tree)]


def _services(
    sources: Sources,
    file: SourceFile,
    tree: Tree,
) -> Iterator[Service]:
    kind = tree.word("kind")
    pod = tree.get("spec") if kind == "Pod" else tree.get("spec", "template", "spec")
    if kind not in ("Pod", *_TEMPLATES) or pod is None:
        return
    name = tree.word("metadata", "name") or "pod"
    name = name if kind == "Pod" else f"{name}-pod"
    ports = [
        Port(
            int(port.word("containerPort")),
            port.word("hostPort"),
            port.word("hostIP"),
        )
        for container in listed(pod, "containers")
        for port in listed(container, "ports")
        if port.word("hostPort") and port.word("containerPort").isdecimal()
    ]
    network = ["host"] if pod.word("hostNetwork").lower() in _TRUE else []
    document = pod_like(name, ports, network, {})
    for key in ("containers", "initContainers"):
        for container in listed(pod, key):
            yield _service(
                sources,
                file,
                pod,
                container,
                name,
                document,
            )


def _service(
    sources: Sources,
    file: SourceFile,
    pod: Tree,
    container: Tree,
    pod_name: str,
    document: Mapping[str, Any],
) -> Service:
    name = container.word("name") or "container"
    sets = [
        Set(
            item,
            Span(
                file,
                min(place.key_start, place.start),
                end_of(place),
            ),
        )
        for flag, argument, place in (
            ("--pod", pod_name, pod),
            *_arguments(file, pod, container),
        )
        for item in parse_argument(flag, argument)
    ]
    image = container.get("image")
    if image is not None:
        sets.append(
            Set(
                image_item(IMAGE, image.text or ""),
                Span(file, image.key_start, end_of(image)),
            )
        )
    arguments = container.get("args")
    if arguments is not None:
        words = tuple(text for text, _ in arguments.words())
        place = Span(file, arguments.key_start, end_of(arguments))
        sets.append(Set(Item(COMMAND, words, "", COMMAND.flag), place))
    spec = spec_of(each.item for each in sets)
    spec = spec.with_(NAME, f"{pod_name}-{name}", Source.UNIT)
    first_line = file.text[container.start :].partition("\n")[0]
    return Service(
        name=name,
        format=Format.KUBE,
        header=Span(
            file,
            container.start,
            container.start + len(first_line),
        ),
        spec=SpecAtRest(
            spec.settings,
            spec.unknowable,
            open=spec.open,
        ),
        sets=tuple(sets),
        group=f"{file.path}:{pod_name}",
        version=sources.version,
        rootless=rootless_by(file, sources.rootless),
        pod=document,
        waivers=waivers_in(file, name),
        source=InPod(container, pod),
    )


def listed(tree: Tree, name: str) -> list[Tree]:
    value = tree.get(name)
    return value.items if value is not None else []


def _is_on(tree: Tree, *path: str) -> bool:
    return tree.word(*path).lower() in _TRUE


def _arguments(
    file: SourceFile,
    pod: Tree,
    container: Tree,
) -> Iterator[Argument]:
    yield from _of_pod(pod)
    yield from _security(pod, container)
    limits = container.get("resources", "limits")
    for key, flag in (("memory", "--memory"), ("cpu", "--cpus")):
        place = limits.get(key) if limits is not None else None
        if place is not None:
            yield flag, _quantity(place.text or ""), place
    for variable in listed(container, "env"):
        if variable.get("value") is not None:
            yield "--env", f"{variable.word('name')}={variable.word('value')}", variable
    command = container.get("command")
    if command is not None:
        yield "--entrypoint", shlex.join(text for text, _ in command.words()), command
    for key, flag in (
        ("workingDir", "--workdir"),
        ("tty", "--tty"),
        ("stdin", "--interactive"),
    ):
        value = container.get(key)
        if value is not None:
            yield flag, value.text or "", value
    probe = container.get("livenessProbe")
    if probe is not None:
        words = [text for text, _ in (probe.get("exec", "command") or probe).words()]
        yield "--health-cmd", shlex.join(words) or "kubernetes probe", probe
    yield from _mounts(file, pod, container)


def _of_pod(pod: Tree) -> Iterator[Argument]:
    for key, flag in (("hostPID", "--pid"), ("hostIPC", "--ipc")):
        if _is_on(pod, key):
            yield flag, "host", pod.entries[key]
    restart = pod.get("restartPolicy")
    if restart is not None:
        policies = {"Always": "always", "OnFailure": "on-failure", "Never": "no"}
        yield "--restart", policies.get(restart.text or "", "always"), restart
    if pod.word("hostUsers") == "false":
        yield "--userns", "auto", pod.entries["hostUsers"]


def _security(pod: Tree, container: Tree) -> Iterator[Argument]:
    own, of_pod = container.get(SECURITY), pod.get(SECURITY)
    user, group = (_either(own, of_pod, key) for key in ("runAsUser", "runAsGroup"))
    if user is not None:
        yield (
            "--user",
            ":".join(part.text or "" for part in (user, group) if part is not None),
            user,
        )
    profile = _either(own, of_pod, "seccompProfile")
    if profile is not None and profile.word("type") == "Unconfined":
        yield "--security-opt", "seccomp=unconfined", profile
    options = _either(own, of_pod, "seLinuxOptions")
    for key in ("type", "level") if options is not None else ():
        if options is not None and options.word(key):
            yield "--security-opt", f"label={key}:{options.word(key)}", options
    if own is None:
        return
    for key, flag in (
        ("privileged", "--privileged"),
        ("readOnlyRootFilesystem", "--read-only"),
    ):
        if own.get(key) is not None:  # what is off by default is a decision too where it is written
            yield flag, str(_is_on(own, key)).lower(), own.entries[key]
    raises = own.get("allowPrivilegeEscalation")
    if raises is not None:
        off = str(not _is_on(own, "allowPrivilegeEscalation")).lower()
        yield "--security-opt", f"no-new-privileges={off}", raises
    if own.word("procMount") == "Unmasked":
        yield "--security-opt", "unmask=ALL", own.entries["procMount"]
    for key, flag in (("drop", "--cap-drop"), ("add", "--cap-add")):
        names = own.get("capabilities", key)
        for text, place in names.words() if names is not None else ():
            yield flag, text, place


def _either(
    own: Tree | None,
    of_pod: Tree | None,
    key: str,
) -> Tree | None:
    value = own.get(key) if own is not None else None
    return value if value is not None or of_pod is None else of_pod.get(key)


def _mounts(
    file: SourceFile,
    pod: Tree,
    container: Tree,
) -> Iterator[Argument]:
    volumes = {volume.word("name"): volume for volume in listed(pod, "volumes")}
    for mount in listed(container, "volumeMounts"):
        volume, target = volumes.get(mount.word("name")), mount.word("mountPath")
        options = ["ro"] if _is_on(mount, "readOnly") else []
        if volume is None or not target:
            continue
        source = volume.word("hostPath", "path") or volume.word(
            "persistentVolumeClaim", "claimName"
        )
        if not source and volume.get("emptyDir", "medium") is not None:
            if target not in WRITABLE or not _is_on(container, SECURITY, "readOnlyRootFilesystem"):
                yield "--tmpfs", target, mount
            continue
        source = source or f"{mount.word('name')}"
        if volume.get("hostPath") is not None and not source.startswith("/"):
            source = os.path.normpath(os.path.join(file.directory or "/src", source))
        yield (
            "--volume",
            ":".join(part for part in (source, target, ",".join(options)) if part),
            mount,
        )


def _quantity(text: str) -> str:
    """A Kubernetes quantity as Podman writes it: `500m` of a processor, `128Mi`."""
    if text.endswith("m") and text[:-1].isdecimal():
        return str(int(text[:-1]) / 1000)
    return text.removesuffix("i").removesuffix("B")
