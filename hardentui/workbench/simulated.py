"""The simulated host: saved facts of a made-up host, for `--demo` and where there is no Podman."""

from __future__ import annotations

import json
from importlib.resources import files

from hardentui.record import replace
from hardentui.workbench.opening import Opened
from hardentui.workbench.saved_facts import replay
from hardentui.workbench.views import Attempt


def open_simulated(attempts: tuple[Attempt, ...] = ()) -> Opened:
    """The simulated host; `attempts` say where a real one was looked for in vain."""
    source = files("hardentui.workbench") / "demo" / "host.json"
    document = json.loads(source.read_text("utf-8"))
    return replace(replay(document, "the simulated host", attempts), simulated=True)
