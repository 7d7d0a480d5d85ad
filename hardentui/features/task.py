"""A task: one use case, told once. The command line and the screens show its progress and its result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from hardentui.do import Sentence
from hardentui.features.sections import PageSection
from hardentui.model.draft import TextFile


class Then(Struct, frozen=True):
    """What a result can be followed by: a change of this machine."""

    # question, detail: asked before it is done
    question: str
    detail: str
    # does it; returns what was done, in a sentence. May raise HardenError.
    carry_out: Callable[[], Sentence]


class TaskResult(Struct, frozen=True):
    """How a task ended, or what there is so far."""

    sections: tuple[PageSection, ...]  # the page
    files: tuple[TextFile, ...] = ()  # offered for writing to a directory
    diff: str = ""
    notes: tuple[PageSection, ...] = ()  # below the difference
    then: Then | None = None  # offered to be done
    document: Struct | Mapping[str, Any] | None = None  # the same as JSON, if the task has a schema
    code: int = 0  # exit code of the command


Tell: TypeAlias = Callable[[str | TaskResult], None]
"""Shows what is being done, or what there is so far."""


Task: TypeAlias = Callable[[threading.Event, Tell], TaskResult]
"""(what stops it, what shows its progress) -> its result. Raises KeyboardInterrupt when it was
stopped."""
