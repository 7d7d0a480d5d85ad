"""The parts of a pod that one container contributes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from hardentui.model.spec import Option, Spec


class PodPart(Struct, kw_only=True):
    """The collected fields of a container and of its pod.

    Attributes:
        container, security: the container and its securityContext.
        pod, pod_security, metadata: the pod's spec, securityContext and metadata.
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


# --- Names in Kubernetes: which ones are valid, and how Podman's names are converted ----------------


_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[-._A-Za-z][-._A-Za-z0-9]*")
_LONGEST = 63


def dns_label(text: str, suffix: str = "") -> str:
    """A name of a pod, container or service from any text: lower-case letters, digits, dashes."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: _LONGEST - len(suffix)].strip("-")
    if not name or not name[0].isalpha():  # the name of a service must begin with a letter
        name = f"c-{name}"[: _LONGEST - len(suffix)].strip("-")
    return name + suffix


def is_dns_label(text: str) -> bool:
    return len(text) <= _LONGEST and _LABEL.fullmatch(text) is not None


def is_claim_name(text: str) -> bool:
    return len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether this is a valid key of labels and annotations: `name` or `domain/name`."""
    prefix, slash, name = text.rpartition("/")
    named = len(name) <= _LONGEST and _KEY_NAME.fullmatch(name) is not None
    return named and (not slash or is_claim_name(prefix))


def is_label_value(text: str) -> bool:
    return text == "" or (len(text) <= _LONGEST and _KEY_NAME.fullmatch(text) is not None)


def is_variable(text: str) -> bool:
    return _VARIABLE.fullmatch(text) is not None
