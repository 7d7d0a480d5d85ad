"""A trial's result as text: where something was left out, both logs stand beside each other."""

import io

from hardentui.cli.terminal import Terminal
from hardentui.cli.trial import trial_lines
from hardentui.model.trial import Baseline, How, LeftOut, Result, Round, Trial

BASELINE = Baseline(
    True,
    How.PORTS,
    0.4,
    log="starting\nserving on port 80\n",
)
FAILED = Round(
    ("writable-rootfs",),
    False,
    "it ended",
    "all changes at once",
    1.0,
    "starting\n\x1b[31mread-only\n",
)
TIGHTER = Round(
    (),
    False,
    "it ended",
    "without capability KILL",
    1.0,
    "another log\n",
)
WORKED = Round(
    (),
    True,
    "",
    "without writable-rootfs",
    1.0,
    "starting\nserving\n",
)


def _told(*left_out: LeftOut, rounds: tuple[Round, ...]) -> str:
    trial = Trial(
        container="web",
        result=Result.NOTHING_WORKS,
        baseline=BASELINE,
        rounds=rounds,
        left_out=left_out,
    )
    return "\n".join(
        trial_lines(
            trial,
            Terminal(
                out=io.StringIO(),
                err=io.StringIO(),
            ),
        )
    )


def test_both_logs_are_told_where_something_was_left_out() -> None:
    told = _told(
        LeftOut("writable-rootfs", "it does not work with it"), rounds=(FAILED, WORKED, TIGHTER)
    )
    failed = told.index("The log of the last twin that failed")
    unchanged = told.index("The log of the twin without changes")
    assert failed < told.index("read-only", failed) < unchanged < told.index("serving on port 80")
    assert "\x1b" not in told


def test_where_all_was_kept_no_log_is_told() -> None:
    assert "The log of" not in _told(rounds=(FAILED, WORKED))
