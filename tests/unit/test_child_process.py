"""A child process is fed and waited for without ever hanging, whatever it does with its pipes."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from hardentui.child_process import ChildStopped, ChildTimedOut, Ended, run_child

_SHORT = 1.0  # seconds: the time limit of a child that does not end
_SOON = 60.0  # seconds within which it is over then, also on a busy machine


def _python(program: str, **more: object) -> Ended:
    given: dict[str, object] = {"seconds": 60.0, "environment": dict(os.environ), **more}
    words = (sys.executable, "-I", "-S", "-c", program)
    return run_child(words, **given)  # type: ignore[arg-type] # of each test


@pytest.mark.parametrize("delay", [0.0, 0.3])
@pytest.mark.parametrize("length", [1, 65_536, 8_000_000])
def test_a_child_that_reads_late_gets_all_of_its_input(delay: float, length: int) -> None:
    """In slices, `communicate` forgets the input when the first slice passes without a write."""
    done = _python(
        f"import sys, time; time.sleep({delay}); print(len(sys.stdin.buffer.read()))",
        given=b"x" * length,
    )
    assert (done.code, done.output) == (0, f"{length}\n".encode())


def test_a_child_that_echoes_while_it_reads_does_not_block_us() -> None:
    given = os.urandom(3_000_000)
    done = _python(
        "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)", given=given
    )
    assert done.output == given


def test_a_child_that_never_reads_ends_with_its_time() -> None:
    begun = time.monotonic()
    with pytest.raises(ChildTimedOut):
        _python("import time; time.sleep(600)", given=b"x" * 8_000_000, seconds=_SHORT)
    assert time.monotonic() - begun < _SHORT + _SOON


def test_the_stop_sign_ends_a_child_that_never_reads() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(ChildStopped):
        _python("import time; time.sleep(600)", given=b"x" * 8_000_000, stop=stop)
    assert time.monotonic() - begun < _SOON


def test_a_child_may_close_its_input() -> None:
    program = "import os, time; os.close(0); time.sleep(0.2); print('done')"
    assert _python(program, given=b"x" * 8_000_000).output == b"done\n"


def test_a_child_may_close_its_outputs_and_work_on(tmp_path: Path) -> None:
    program = (
        "import os, sys, time; os.close(1); os.close(2); time.sleep(0.3); "
        "open(sys.argv[1], 'w').close(); os._exit(7)"
    )
    words = (sys.executable, "-I", "-S", "-c", program, str(tmp_path / "made"))
    done = run_child(words, seconds=60, environment=dict(os.environ))
    assert done.code == 7
    assert (tmp_path / "made").exists()


def test_what_a_child_prints_without_end_is_bounded() -> None:
    done = _python("import sys; sys.stdout.write('y' * 5_000_000)", kept=1000)
    assert (done.output, done.cut) == (b"y" * 1000, True)
    with pytest.raises(ChildTimedOut):
        _python("while True: print('y' * 1000)", seconds=_SHORT, kept=1000)


@pytest.mark.parametrize("merged", [False, True])
def test_both_outputs_apart_or_as_one(merged: bool) -> None:
    done = _python("import sys; print('a', flush=True); print('b', file=sys.stderr)", merged=merged)
    assert (done.output, done.errors) == ((b"a\nb\n", b"") if merged else (b"a\n", b"b\n"))


def _grandchild(tmp_path: Path, then: str) -> str:
    return (
        "import subprocess, sys; child = subprocess.Popen(('sleep', '600'));"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid)); {then}"
    )


def _is_gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"


@pytest.mark.parametrize("then", ["print('done')", "import time; time.sleep(600)"])
def test_what_it_started_neither_keeps_us_nor_lives_on(tmp_path: Path, then: str) -> None:
    """The grandchild holds the pipe: its end does not come."""
    begun = time.monotonic()
    try:
        done = _python(_grandchild(tmp_path, then), seconds=_SHORT * 3)
        assert done.output == b"done\n"
    except ChildTimedOut:
        assert "sleep" in then
    assert time.monotonic() - begun < _SHORT * 3 + _SOON
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + _SOON
    while not _is_gone(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_child_with_grace_may_tidy_up(tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys, time\n"
        "def tidy(*_):\n"
        f"    pathlib.Path({str(tmp_path / 'tidied')!r}).touch()\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, tidy)\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(ChildTimedOut):
        _python(program, seconds=_SHORT, grace=_SOON)
    assert (tmp_path / "tidied").exists()


def test_the_exit_status_is_told(tmp_path: Path) -> None:
    assert _python("import sys; sys.exit(3)").code == 3
    assert _python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").code == -9
    with pytest.raises(FileNotFoundError):
        run_child((str(tmp_path / "absent"),), seconds=1, environment={})
