"""Apply on a real Podman with a fault at one chosen moment: a failure, or the death of the process.

    python -m tests.support.faulty_apply URL NAME FAULT WHEN NUMBER CHECK…

FAULT is `fail`, `kill`, or `lose`, which ends the service of a bench's Podman for three seconds;
WHEN is `begun` (the journal says so, nothing is done yet), `during` or `done`; NUMBER counts
operations from 1. `undo-kill` applies, and dies when NUMBER operations of the way back are done. No
second process watches it: that is what a power failure leaves. Ends with 5 when the change was
taken back, and with 0 when there is no such operation any more.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from hardentui.errors import ApplyFailed, ChangeFailed
from hardentui.features.apply.applying import Application
from hardentui.features.apply.wishes import ApplyWishes
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.model.journal import (
    ChangeEvent,
    OperationBegun,
    OperationCleared,
    OperationDone,
    OperationUndone,
)
from hardentui.model.plan import Choice

_KINDS: dict[str, type[OperationBegun | OperationDone]] = {
    "begun": OperationBegun,
    "during": OperationBegun,
    "done": OperationDone,
}


def main(
    url: str,
    name: str,
    fault: str,
    when: str,
    number: int,
    checks: list[str],
) -> int:
    bench = Workbench.open(Selection(url=url))
    try:
        key = next(row.key for row in bench.containers.rows() if row.name == name)
        bench.surroundings.host()
        row = bench.containers.refresh(key)
        assert row is not None
        assert row.report is not None
        plan = bench.planner.plan(row.report, [Choice(check) for check in checks])
        application = Application(bench, row.report)
        # `client`: as a trial would have shown of a web server that only serves
        prepared = application.prepare(plan, ApplyWishes(patience=10.0, client=()))
        undone = 0

        def strike(event: ChangeEvent) -> None:
            nonlocal undone
            if fault == "undo-kill":
                if isinstance(event, OperationDone) and event.number == event.total:
                    raise ChangeFailed("The last operation fails on purpose.")
                is_step = isinstance(event, OperationUndone | OperationCleared)
                undone += is_step
                if is_step and undone == number:
                    os.kill(os.getpid(), signal.SIGKILL)
            elif isinstance(event, _KINDS[when]) and event.number == number:
                if fault == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                if fault == "lose":
                    threading.Timer(
                        0.15 if when == "during" else 0.0,
                        _lose_service,
                        [url],
                    ).start()
                    return
                raise ChangeFailed("It fails on purpose.")

        application.run(prepared, strike, watched=False)
    except ApplyFailed as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    finally:
        bench.close()
    return 0


def _lose_service(url: str) -> None:
    directory = Path(url.removeprefix("unix://")).parents[1]
    os.kill(
        int((directory / "service.pid").read_text().split()[0]),
        signal.SIGKILL,
    )
    environment = {**os.environ, "PODMAN_BENCH_DIR": str(directory)}
    bench = Path(__file__).with_name("podman_bench")
    subprocess.Popen(
        ["sh", "-c", f"sleep 3; exec {bench} up"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


if __name__ == "__main__":
    url, name, fault, when, number, *checks = sys.argv[1:]
    sys.exit(
        main(
            url,
            name,
            fault,
            when,
            int(number),
            checks,
        )
    )
