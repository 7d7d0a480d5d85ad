"""The parts of a pod that one container contributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from hardentui.model.spec import Option, Spec


class PodPart(Struct, kw_only=True):
    """The collected fields of a container and of its pod.

    Attributes:
        name: of the container in the pod.
        spec: what is written.
        container, security: the container and its securityContext.
        pod, pod_security, metadata: the pod's spec, securityContext and metadata.
        labels, annotations: of the metadata.
        volumes: of the pod.
        flags: words of `podman kube play` for options without a field in a pod.
        first: it runs to its end before the others start (`--init-ctr`).
        notes: what is not carried over or changes its meaning, one sentence each.
    """

    name: str
    spec: Spec
    container: dict[str, Any] = field(default_factory=dict)
    security: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    pod_security: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    first: bool = False
    notes: list[str] = field(default_factory=list)

    def lose(self, option: Option[Any], value: Any, why: str = "Kubernetes has no field for it") -> None:
        """Note that a value of an option is not carried over."""
        for word in option.to_words(value):
            self.notes.append(f"{word} is not carried over: {why}")


Handler: TypeAlias = Callable[[PodPart, Any], None]
Handlers: TypeAlias = Mapping[Option[Any], Handler]
