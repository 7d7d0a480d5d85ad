"""One learner's session in a browser: training on the simulated host, in a directory that is deleted
afterwards.
"""

from __future__ import annotations

import os
import sys
import tempfile

from hardentui.account import ONLY_BELOW
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp, run

_LEFT_OUT = ("CONTAINER_HOST", "CONTAINER_CONNECTION", "DOCKER_HOST", "XDG_RUNTIME_DIR", "EDITOR", "VISUAL")


def main() -> int:
    """Run the app; returns its exit code. Nothing outside the session's directory can be written."""
    with tempfile.TemporaryDirectory(prefix="hardentui-session-") as directory:
        for name in _LEFT_OUT:
            os.environ.pop(name, None)
        os.environ.update(
            HOME=directory,
            XDG_STATE_HOME=f"{directory}/state",
            XDG_CONFIG_HOME=f"{directory}/config",
            XDG_CACHE_HOME=f"{directory}/cache",
        )
        os.environ[ONLY_BELOW] = directory
        os.chdir(directory)

        def first_look() -> FirstLook:
            return FirstLook.open(Selection(demo=True))

        return run(HardenApp(first_look, simulate=first_look, opening="training"))


if __name__ == "__main__":
    sys.exit(main())
