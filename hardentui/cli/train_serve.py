"""hardentui train --serve: a class in browsers."""

from __future__ import annotations

import threading
from argparse import Namespace

from hardentui.checks import CHECKS
from hardentui.cli.terminal import Terminal
from hardentui.errors import InputError, UsageError
from hardentui.features.training import classroom
from hardentui.features.training.classroom_desks import ClassroomDesks
from hardentui.features.training.seat import Seats
from hardentui.serving import Served, TrainingServer, token_hash
from hardentui.visible import visible

_LOOK_FOR_IDLE = 60.0  # seconds
_NO_PODMAN = (
    "There is no Podman for you here: the labs are simulated. Your options are judged as they would "
    "be on a real one, but nothing is attacked, and no service answers."
)


def serve(options: Namespace, terminal: Terminal) -> int:
    """Serve the class until Ctrl-C; without a class, one for a single guest."""
    if options.address and not options.address.startswith(("https://", "http://")):
        raise UsageError("--address is a URL.", "--address https://class.example.org")
    made = classroom.read_class()
    if made is None or made.ended:
        classroom.open_class(
            ["guest"],
            where=options.labs,
            checks=CHECKS,
        )
        made = classroom.start_class()
        terminal.note("A class of one guest was made: hardentui train class end closes it.")
    seats = None if options.demo else _seats(len(made.learners), terminal)
    desks = ClassroomDesks(seats)
    served = Served(
        {token_hash(learner.token): learner.name for learner in made.learners},
        desks.answer,
        desks.result,
        "" if seats else _NO_PODMAN,
    )
    try:
        server = TrainingServer(
            served,
            port=options.serve,
            address=options.address,
        )
    except OSError as error:
        raise InputError(f"Port {options.serve} cannot be used: {error.strerror}.") from error
    for learner in made.learners:
        terminal.write(f"{visible(learner.name)}: {server.link(learner.token)}\n")
    if not made.started:
        terminal.note("Nobody can begin yet. Open it: hardentui train class start")
    terminal.note("A link is a learner's key. Ctrl-C ends the session; progress is kept.")
    stop = threading.Event()
    looking = threading.Thread(
        target=_stop_idle,
        args=(desks, stop),
        daemon=True,
    )
    looking.start()
    try:
        server.serve_forever()
    finally:
        stop.set()
        server.server_close()
        terminal.activity("removing the sandboxes")
        desks.close()
    return 0


def _seats(learners: int, terminal: Terminal) -> Seats | None:
    """Sandboxes for that many, told why there are none."""
    seats = Seats()
    if why := seats.why_not(learners):
        terminal.note(f"The labs are simulated, because {why}.")
        return None
    terminal.activity("preparing a sandbox for each learner")
    seats.prepare()
    terminal.note("Each learner gets a rootless Podman of his own, which ends with this session.")
    return seats


def _stop_idle(desks: ClassroomDesks, stop: threading.Event) -> None:
    while not stop.wait(_LOOK_FOR_IDLE):
        desks.stop_idle()
