"""What most checks use, in one import: `from hardentui.checks.prelude import *`."""

from __future__ import annotations

from hardentui.checks.examples import accepting, container, engine, file, host, image, rootful, rootless
from hardentui.errors import CannotFix
from hardentui.model.check import Advice, Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, Kernel
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
from hardentui.model.known import Unread
from hardentui.model.spec import Spec
from hardentui.reading.containers import OF_PODMAN, ask, is_infra, judge, listed, proc, section
from hardentui.visible import visible
from hardentui.words import plural

__all__ = (
    "OF_PODMAN",
    "Advice",
    "CannotFix",
    "Check",
    "ContainerFacts",
    "EngineFacts",
    "Evidence",
    "FixContext",
    "FixKind",
    "HostFacts",
    "ImageFacts",
    "Kernel",
    "Kind",
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
    "judge",
    "listed",
    "not_applicable",
    "passed",
    "plural",
    "proc",
    "rootful",
    "rootless",
    "section",
    "unknown",
    "visible",
)
