"""A learner's desk in the sandbox: reads requests from standard input, one JSON document a line, and
answers with pages. It is started by the server, and ends with its input."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

import msgspec
from msgspec import Struct

from hardentui.features.training.desk import Desk, DeskRequest
from hardentui.features.training.lab import Lab
from hardentui.features.training.progress import TrainingProgress, keep_progress
from hardentui.features.training.training import Workplace, open_training
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench


class Opening(Struct, frozen=True):
    """The first line: what the desk is about."""

    labs: tuple[Lab, ...]
    progress: TrainingProgress
    directory: str  # of the learner, in the sandbox
    url: str  # of the learner's own Podman


def main() -> int:
    opening = msgspec.json.decode(sys.stdin.buffer.readline(), type=Opening)
    path = os.path.join(opening.directory, "training.json")
    keep_progress(path, opening.progress)
    place = Workplace(
        opening.labs,
        progress=path,
        folder=os.path.join(opening.directory, "labs"),
    )
    decode = msgspec.json.Decoder(DeskRequest).decode
    with ExitStack() as opened:
        bench = Workbench.open(Selection(url=opening.url))
        opened.callback(bench.close)
        desk = Desk(opened.enter_context(open_training(bench, place)))
        for line in sys.stdin.buffer:
            page = msgspec.json.encode(desk.answer(decode(line)))
            sys.stdout.buffer.write(page + b"\n")
            sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
