"""Runs a command once for each lie of an engine, and tells what this process did as root.

`watched_root.py LIE-FILE us|UID COMMAND…`, where a UID is the account that runs all of it, with a
JSON list of lies on standard input; writes a JSON list: for each lie the exit code, what was said,
and the events that changed something.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from hardentui.__main__ import main
from hardentui.become import become

_CHANGES = (
    "os.chmod os.chown os.link os.listxattr os.mkdir os.remove os.removexattr os.rename os.rmdir"
    " os.setxattr os.symlink os.truncate os.utime os.exec os.fork os.forkpty os.kill os.killpg"
    " os.posix_spawn os.spawn os.system subprocess.Popen socket.bind"
).split()
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def _watch(events: list[str]) -> None:
    """Note what is done with root's rights: changes, programs, and files that are opened."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if os.geteuid() != 0:
            return
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or flags & os.O_PATH:
                return  # it is looked whose that is, and nothing is read
            writes = flags & _WRITES and path != os.devnull
            if writes or "of-root" in str(path):
                events.append(f"{'write' if writes else 'read'} {path}")
        elif event == "subprocess.Popen":
            events.append(f"{event} {arguments[1]!r}")
        elif event in _CHANGES and not (event == "os.killpg" and _is_child(arguments[0])):
            events.append(f"{event} {arguments!r}"[:300])

    sys.addaudithook(hook)


def _is_child(pid: object) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[1] == str(os.getpid())


def _one(words: list[str], said: str, who: str, state: str) -> None:
    """In a process of its own, since an account is become for good."""
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    events: list[str] = []
    pipe = os.open(f"{said}.events", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    if who.isdecimal():
        become(int(who), int(who))
        Path(state).mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_STATE_HOME"] = state
    _watch(events)
    code = main(words, become)
    os.write(pipe, json.dumps([code, os.geteuid(), events]).encode())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _all() -> None:
    lie_file, who, *words = sys.argv[1:]
    results = []
    with tempfile.TemporaryDirectory() as directory:
        said = f"{directory}/said"
        for lie in json.load(sys.stdin):
            Path(lie_file).write_text(json.dumps(lie))
            child = os.fork()
            if not child:
                _one(words, said, who, str(Path(lie_file).with_name("own-state")))
            os.waitpid(child, 0)
            code, uid, events = json.loads(Path(f"{said}.events").read_text() or "[70, 0, []]")
            results.append(
                {"code": code, "uid": uid, "events": events, "said": Path(said).read_text()}
            )
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    _all()
