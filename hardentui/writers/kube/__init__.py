"""A spec as a Kubernetes pod, for `podman kube play` and for a cluster. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotExpress
from hardentui.model.file_names import safe_file_name
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options.items import Item, parse_argument, spec_of
from hardentui.writers.context import UnitContext
from hardentui.writers.kube.cluster_rules import broken_rules, refused_by_clusters
from hardentui.writers.kube.container import (
    OF_CONTAINER,
    WRITTEN_AFTERWARDS,
    Handlers,
    PodPart,
    finish,
    write_mounts,
)
from hardentui.writers.kube.names import dns_label
from hardentui.writers.kube.pod_options import OF_POD
from hardentui.writers.left_behind import left_behind
from hardentui.writers.run_script import networks_and_volumes
from hardentui.writers.supporting import part_word, pod_notes, pod_parts
from hardentui.writers.yaml_text import yaml_text

_OWN_LABEL = "app.kubernetes.io/name"
_WITHOUT_RIGHTS = {"automountServiceAccountToken": False, "enableServiceLinks": False}
"""Containers of Podman have no service account of a cluster and no service variables."""
_ORDER = (
    *(
        "name",
        "image",
        "imagePullPolicy",
        "command",
        "args",
        "workingDir",
        "tty",
        "stdin",
        "env",
        "ports",
    ),
    *(
        "resources",
        "startupProbe",
        "livenessProbe",
        "readinessProbe",
        "volumeMounts",
        "securityContext",
    ),
)


class KubeFile(Struct, frozen=True):
    """The file, and what is not carried over, one sentence each."""

    name: str
    text: str
    notes: tuple[str, ...]


def kube_file(
    spec: Spec,
    context: UnitContext,
    comments: Sequence[str] = (),
    *,
    image_user: str = "",
) -> KubeFile:
    """The container, or its whole pod, as a pod, with a service for published ports.

    Args:
        comments: what was changed or waived; written at the top, with everything that a pod cannot
            express.
        image_user: the user of the image, which applies if the spec has none.

    Raises:
        CannotExpress: it has a root directory instead of an image, or a value that YAML cannot
            represent.
    """
    stem = context.unit_name or safe_file_name(spec[POD] or spec[NAME])
    name = dns_label(spec[POD] or spec[NAME] or stem)
    members = [(context.created, _part(spec, image_user))]
    members += [(member.context.created, _part(member.spec, "")) for member in context.members]
    members.sort(
        key=lambda member: (
            not member[1].first,
            member[0] if member[1].first else "",
        )
    )
    parts = [_of_pod(spec, context), *(part for _, part in members)]
    pod = _pod(
        name if spec[POD] else dns_label(name, "-pod"),
        name,
        parts,
    )
    published = {(port.container, port.protocol) for part in parts for port in part.spec[PUBLISH]}
    documents = [pod, *_service(name, pod, published)]
    file_name = f"{stem}.kube.yaml"
    notes = [note for part in parts for note in part.notes]
    notes += [
        *left_behind(spec),
        *(note for m in context.members for note in left_behind(m.spec)),
    ]
    notes += pod_notes(context.pod) if spec[POD] and context.pod else ()
    notes = list(dict.fromkeys(notes))
    broken, refused = broken_rules(pod), refused_by_clusters(pod)
    notes += [f"a cluster refuses it: {sentence}" for sentence in refused]
    flags = list(dict.fromkeys(flag for part in parts for flag in part.flags))
    about = [
        *comments,
        *(f"Note: {note}" for note in notes if note not in comments),
        *(f'Not admitted by Pod Security "restricted": {rule}' for rule in broken),
    ]
    if not broken:
        about.append('Admitted by Pod Security "restricted".')
    about.append("Run it with:")
    specs = (spec, *(member.spec for member in context.members))
    commands = [line for each in specs for line in networks_and_volumes(each, context)]
    commands = [
        *dict.fromkeys(commands),
        shlex.join(("podman", "kube", "play", *flags, file_name)),
    ]
    return KubeFile(
        file_name,
        yaml_text(documents, about, commands),
        tuple(notes),
    )


def _part(spec: Spec, image_user: str) -> PodPart:
    """One container; its settings for the pod are collected separately."""
    if spec[ROOTFS] or not spec[IMAGE]:
        raise CannotExpress("A pod needs an image, but this container runs from a root directory.")
    part = PodPart(
        name=dns_label(spec[NAME]),
        spec=spec,
    )
    _write(part, {**OF_CONTAINER, **OF_POD})
    finish(part, image_user)
    if part.first:
        _as_init_container(part)
        return part
    part.pod.setdefault("restartPolicy", "Never")
    part.pod.setdefault(
        "terminationGracePeriodSeconds",
        max(0, spec[STOP_TIMEOUT]),
    )
    return part


def _as_init_container(part: PodPart) -> None:
    """What an init container cannot have: it ends before the others start."""
    part.pod.pop("restartPolicy", None)
    part.pod.pop("terminationGracePeriodSeconds", None)
    if probes := part.container.keys() & {"startupProbe", "livenessProbe", "readinessProbe"}:
        for probe in probes:
            del part.container[probe]
        part.notes.append(
            f"the health check of {part.name} is not carried over: an init container has none"
        )


def _of_pod(spec: Spec, context: UnitContext) -> PodPart:
    """Settings of the container's Podman pod; nothing if there is none."""
    items: list[Item] = []
    notes = []
    for option in (
        pod_parts(context.pod, context.default_network) if spec[POD] and context.pod else ()
    ):
        arguments = parse_argument(option.flag, option.value or "true")
        items += arguments
        if not arguments:
            notes.append(
                f"{part_word(option)} of the pod is not carried over: Kubernetes has no such option"
            )
    part = PodPart(
        name="",
        spec=spec_of(items),
        notes=notes,
    )
    _write(part, {**OF_POD, MOUNTS: write_mounts})
    return part


def _write(part: PodPart, handlers: Handlers) -> None:
    for option in TABLE:
        if option not in part.spec or option in WRITTEN_AFTERWARDS:
            continue
        if option in handlers:
            handlers[option](part, part.spec[option])
        else:
            part.lose(option, part.spec[option])


def _pod(
    name: str,
    label: str,
    parts: Sequence[PodPart],
) -> dict[str, Any]:
    """The document. If containers differ in a setting that a pod has once, the first one counts."""
    first, *others = parts
    metadata: dict[str, Any] = {
        "name": name,
        "labels": {_OWN_LABEL: label},
        "annotations": {},
    }
    fields: dict[str, Any] = {}
    security: dict[str, Any] = {}
    for part in others:
        _say_what_is_shared(part, others)
    for part in parts:
        for own, merged in (
            (part.labels, metadata["labels"]),
            (part.annotations, metadata["annotations"]),
            (part.pod, fields),
            (part.pod_security, security),
        ):
            _merge(part, own, merged)
    init = [_container(part, first) for part in others if part.first]
    containers = [_container(part, first) for part in others if not part.first]
    if ports := first.container.get("ports"):
        holder = (containers or init)[0]
        holder["ports"] = [*holder.get("ports", ()), *ports]
    metadata = {key: value for key, value in metadata.items() if value}
    spec: dict[str, Any] = {
        "restartPolicy": fields.pop("restartPolicy", "Never"),
        **fields,
        **_WITHOUT_RIGHTS,
        **({"securityContext": security} if security else {}),
        **({"initContainers": [_in_order(container) for container in init]} if init else {}),
        "containers": [_in_order(container) for container in containers],
    }
    if volumes := [volume for part in parts for volume in part.volumes]:
        spec["volumes"] = volumes
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _container(part: PodPart, of_pod: PodPart) -> dict[str, Any]:
    """One container, with the volumes that the pod mounts into each."""
    mounts = part.container.get("volumeMounts", [])
    taken = {mount["mountPath"] for mount in mounts}
    mounts = mounts + [
        m for m in of_pod.container.get("volumeMounts", ()) if m["mountPath"] not in taken
    ]
    return {
        "name": part.name,
        **part.container,
        "volumeMounts": mounts,
        "securityContext": part.security,
    }


def _say_what_is_shared(
    part: PodPart,
    others: Sequence[PodPart],
) -> None:
    """Settings of one container that a pod has only for all of its containers."""
    shared = {key for key in part.annotations if not key.endswith(f"/{part.name}")}
    same_kind = [other for other in others if other.first is part.first]
    lacking = [key for key in shared if any(key not in other.annotations for other in same_kind)]
    lacking += [
        key for key in part.pod_security if any(key not in other.pod_security for other in others)
    ]
    for key in sorted(lacking):
        part.notes.append(f"{key} of {part.name} applies to every container of the pod")


def _merge(
    part: PodPart,
    own: dict[str, Any],
    merged: dict[str, Any],
) -> None:
    for key, value in own.items():
        if merged.setdefault(key, value) != value and key != _OWN_LABEL:
            part.notes.append(
                f"{key} of {part.name} differs from the value of the pod and is not carried over"
            )


def _in_order(container: dict[str, Any]) -> dict[str, Any]:
    keys = sorted(
        container,
        key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER),
    )
    return {key: container[key] for key in keys if container[key]}


def _service(
    name: str,
    pod: dict[str, Any],
    published: set[tuple[int, str]],
) -> list[dict[str, Any]]:
    """A Kubernetes service for the published ports; podman kube play ignores it."""
    if not published:
        return []
    ports = [
        {
            "name": f"{protocol}-{port}",
            "port": port,
            "targetPort": port,
            "protocol": protocol.upper(),
        }
        for port, protocol in sorted(published)
    ]
    selector = {_OWN_LABEL: pod["metadata"]["labels"][_OWN_LABEL]}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": selector, "ports": ports},
        }
    ]
