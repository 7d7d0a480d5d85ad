"""What most checks use, in one import: `from hardentui.checks.prelude import *`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from hardentui.checks.examples import accepting, container, engine, file, host, image, rootful, rootless
from hardentui.errors import CannotFix
from hardentui.model.check import Advice, Check, FixContext, Parameters
from hardentui.model.configuration import Danger, Missing
from hardentui.model.facts import (
    CapabilitySets,
    ContainerFacts,
    EngineFacts,
    IdRange,
    ImageFacts,
    Kernel,
    Limits,
    NetworkFacts,
    NotRunning,
)
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.host import HostFacts
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.reading.containers import (
    OF_PODMAN,
    ask,
    is_infra,
    is_planned,
    judge,
    listed,
    proc,
    section,
    sure,
)
from hardentui.visible import visible
from hardentui.words import plural

__all__ = (
    "OF_PODMAN",
    "Advice",
    "Any",
    "CannotFix",
    "CapabilitySets",
    "Check",
    "ContainerFacts",
    "Danger",
    "EngineFacts",
    "Evidence",
    "FixContext",
    "FixKind",
    "HostFacts",
    "IdRange",
    "ImageFacts",
    "Iterable",
    "Iterator",
    "Kernel",
    "Kind",
    "Limits",
    "Mapping",
    "Missing",
    "NetworkFacts",
    "NotRunning",
    "Parameters",
    "Risk",
    "Severity",
    "Spec",
    "Status",
    "Unread",
    "Verdict",
    "accepting",
    "ask",
    "container",
    "engine",
    "failed",
    "file",
    "host",
    "image",
    "is_infra",
    "is_planned",
    "judge",
    "known",
    "listed",
    "not_applicable",
    "passed",
    "plural",
    "proc",
    "replace",
    "rootful",
    "rootless",
    "section",
    "sure",
    "unknown",
    "visible",
)
