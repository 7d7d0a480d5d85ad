"""What SELinux denied a twin that it confines and that the original was not confined by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hardentui.errors import EngineError
from hardentui.features.trial.failure_signs import FailureSign
from hardentui.features.trial.twins import Twin
from hardentui.host.commands import Run
from hardentui.host.files import Files
from hardentui.host.process.denials import categories_of, read_refusals
from hardentui.model.known import known
from hardentui.model.spec import Option, Spec
from hardentui.options import IPC, LABEL_DISABLE, LABEL_TYPE, PID, PRIVILEGED
from hardentui.reading.confinement import selinux_switched_off
from hardentui.visible import visible

_SWITCHES: tuple[Option[Any], ...] = (LABEL_DISABLE, LABEL_TYPE, PRIVILEGED, PID, IPC)
_LONGEST = 200


def of_selinux(
    twin: Twin,
    before: Spec,
    after: Spec,
    files: Files,
    run: Run,
) -> Iterator[FailureSign]:
    """The evidence in the kernel's log, each kind of denial once; only root can read it.

    A denial blames the change that switched SELinux on. Of a container that SELinux confined
    before, denials say nothing of a change: many are there in ordinary use.
    """
    if not selinux_switched_off(before) or selinux_switched_off(after):
        return
    try:
        label = str(twin.document().get("ProcessLabel") or "")
    except EngineError:
        return
    own = categories_of(label)
    if not own:
        return
    now = datetime.now(UTC)
    refusals = known(lambda: read_refusals(files, run, now, root=os.geteuid() == 0), else_=())
    blamed = next(option.name for option in _SWITCHES if before[option] != after[option])
    denied = (
        refusal.what
        for refusal in refusals
        if refusal.by == "selinux" and categories_of(refusal.label) == own
    )
    for what in dict.fromkeys(denied):
        yield FailureSign(f"SELinux denied it {visible(what, _LONGEST)}", blames=blamed)
