"""Runs a command once for each lie of an engine, and tells what this process did as root.

`watched_root.py LIE-FILE us|UID COMMAND…`, where a UID is the account that runs all of it, with a
JSON list of lies on standard input; writes a JSON list: for each lie the exit code, what was said,
and the events that changed something. A command that becomes another account is over with that: the
kernel lets it do nothing more as root.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from hardentui.__main__ import main
from hardentui.become import become
from hardentui.errors import HardenError

_CHANGES = (
    "os.chmod os.chown os.link os.listxattr os.mkdir os.remove os.removexattr os.rename os.rmdir"
    " os.setxattr os.symlink os.truncate os.utime os.exec os.fork os.forkpty os.kill os.killpg"
    " os.posix_spawn os.spawn os.system subprocess.Popen socket.bind"
).split()
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
BECAME = 100
"""The exit code of a command that became another account."""


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


def _say_into(path: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _warm_up(words: list[str]) -> None:
    """Load what the command needs, so that its runs, which are children of this process, have it."""

    def refuse(uid: int, gid: int) -> str:
        raise HardenError(f"Nobody becomes {uid}:{gid} yet.")

    streams = os.dup(1), os.dup(2)
    _say_into(os.devnull)
    main(words, refuse)
    sys.stdout.flush()
    sys.stderr.flush()
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
        os.close(stream)


def _one(words: list[str], said: str) -> None:
    """In a process of its own, since an account is become for good."""
    _say_into(said)
    events: list[str] = []
    told = os.open(f"{said}.events", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def end(code: int) -> None:
        os.write(told, json.dumps([code, os.geteuid(), events]).encode())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    def become_and_end(uid: int, gid: int) -> str:
        name = become(uid, gid)
        end(BECAME)
        return name

    _watch(events)
    end(main(words, become_and_end))


def _all() -> None:
    lie_file, who, *words = sys.argv[1:]
    if who.isdecimal():
        become(int(who), int(who))
        state = Path(lie_file).with_name("own-state")
        state.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_STATE_HOME"] = str(state)
    results = []
    with tempfile.TemporaryDirectory() as directory:
        said = f"{directory}/said"
        _warm_up(words)
        for lie in json.load(sys.stdin):
            Path(lie_file).write_text(json.dumps(lie))
            began = time.monotonic()
            child = os.fork()
            if not child:
                _one(words, said)
            os.waitpid(child, 0)
            code, uid, events = json.loads(Path(f"{said}.events").read_text() or "[70, 0, []]")
            results.append(
                {
                    "code": code,
                    "uid": uid,
                    "events": events,
                    "said": Path(said).read_text(),
                    "seconds": time.monotonic() - began,
                }
            )
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    _all()
