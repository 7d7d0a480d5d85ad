"""Start shells in containers through their runtime, many in one go.

`podman exec` takes a third of a second; the runtime alone takes a tenth of that. It gets what
Podman gave it for the main process: the rights and the environment of that process are those of the
shell.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.live.flavours.inside import SENTINEL
from tests.support.podman import Bench

_SECONDS = 800
_RUNNER = r"""
import concurrent.futures, ctypes, glob, json, os, subprocess, sys, tempfile

bench, wanted, target, sentinel = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
key = 0x54000000 | os.getpid()
memory = libc.shmget(key, 4096, 0o1666)
stays = subprocess.Popen([sentinel, "-c", "import time; time.sleep(900)"], executable=sys.executable)

def run(job):
    config = glob.glob(f"{bench}/root/*-containers/{job['id']}/userdata/config.json")[0]
    with open(config) as opened:
        process = json.load(opened)["process"]
    process |= {"terminal": False, "cwd": "/", "args": ["sh", "-c", job["script"]]}
    process["env"].append(f"KEY={key}")
    if job["root"]:
        process["user"] = {"uid": 0, "gid": 0}
        bounding = process.get("capabilities", {}).get("bounding", [])
        sets = ("bounding", "effective", "permitted", "inheritable")
        process["capabilities"] = dict.fromkeys(sets, bounding)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as spec:
        json.dump(process, spec)
        spec.flush()
        words = ["timeout", "30", "crun", "exec", "--process", spec.name, job["id"]]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, errors="replace")
    return [done.returncode, done.stdout, done.stderr[-300:]]

try:
    with open(wanted) as opened:
        jobs = json.load(opened)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(run, jobs))
finally:
    stays.kill()
    libc.shmctl(memory, 0, None)
with open(target, "w") as opened:
    json.dump(answers, opened)
"""


@dataclass(frozen=True)
class Job:
    """A shell in a container.

    Attributes:
        id: of the container.
        script: what the shell runs.
        root: as root of the container instead of as the user of its main process.
    """

    id: str
    script: str
    root: bool = False


@dataclass(frozen=True)
class Ended:
    """What came of it: as the runtime ended, with the shell's output, and what went wrong."""

    code: int
    output: str
    said: str


def started(
    bench: Bench,
    directory: Path,
    jobs: Sequence[Job],
    *,
    rootful: bool,
) -> Sequence[Ended]:
    """Run them, two at a time, beside a process and shared memory that only the host's namespaces
    show.

    Raises:
        subprocess.CalledProcessError: the runtime cannot be used at all.
    """
    if not jobs:
        return ()
    exchange = directory / "exchange"
    exchange.mkdir(exist_ok=True)
    exchange.chmod(0o777)
    wanted, target = exchange / "wanted.json", exchange / "answers.json"
    wanted.write_text(json.dumps([asdict(job) for job in jobs]))
    wanted.chmod(0o644)
    words = (
        "python3",
        "-I",
        "-c",
        _RUNNER,
        str(bench.directory),
        str(wanted),
        str(target),
        SENTINEL,
    )
    bench.execute(
        *(() if rootful else ("podman", "unshare")),
        *words,
        timeout=_SECONDS,
    )
    return [Ended(*each) for each in json.loads(target.read_text())]
