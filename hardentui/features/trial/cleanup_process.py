"""Removes the twins of a trial whose process was killed.

Run by the guard of the trial with the URL of the engine and the number of the trial.
What Podman was still making when that process died appears later, so it looks until it has found
nothing for a while.
"""

from __future__ import annotations

import sys
from contextlib import closing, suppress
from time import monotonic, sleep

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.locate import Candidate
from hardentui.engine.probe import probe
from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.features.trial.leftovers import remove_leftovers
from hardentui.features.trial.twin_cgroup import TwinCgroup
from hardentui.host.files import LocalFiles

_QUIET = 5.0  # seconds without anything left
_LONGEST = 180.0
_PAUSE = 1.0


def main(url: str, number: str) -> int:
    engine = probe(Candidate("", url, "a trial that was killed"))
    if not isinstance(engine, Engine):
        return 1
    with closing(engine), closing(ChangingEngine(engine)) as changing:
        cgroup = TwinCgroup(changing, LocalFiles(), number)
        cgroup.find()
        end = monotonic() + _LONGEST
        quiet = monotonic() + _QUIET
        while monotonic() < min(end, quiet):
            cgroup.kill()
            with suppress(EngineError):
                if remove_leftovers(changing):
                    quiet = monotonic() + _QUIET
            sleep(_PAUSE)
        cgroup.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
