"""A class on a machine, driven from inside it: run there by `test_class_v2.py` as the rootless user,
with the number of learners; needs nothing but Python. Prints what it saw as JSON."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

OURS = [sys.executable, "-m", "hardentui", "train"]
HOME = "http://127.0.0.1:8123"
ANSWERS = (
    ("memory-limit", "--memory=64m --memory-swap=64m"),
    ("fork-bomb", "--pids-limit=20"),
    ("cpu-limit", "--cpus=0.5"),
    ("first-run", ""),
    ("read-only", "--read-only"),
    ("not-root", "--user=1000:1000"),
    ("own-network", "--network=back"),
    ("small-image", "--image=slim"),
    ("drop-capabilities", "--cap-drop=all"),
    ("kernel-settings", ""),
)
"""Lab and answer of each learner."""
LIMITS = ("memory.max", "memory.swap.max", "pids.max", "cpu.max")
FILL = "i=0; while [ $i -lt 600 ]; do sleep 60 & i=$((i+1)); done"
"""The processes live until the last has begun, also where a machine begins few in a second."""
HOG = "busybox dd if=/dev/zero of=/dev/null bs=900M count=1"
DISK = "dd if=/dev/zero of=/lab/full bs=1M count=400; rm -f /lab/full"


def podman(*words: str) -> str:
    done = subprocess.run(["podman", *words], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


class Browser:
    """As much of one as a learner needs: a cookie, and forms."""

    def __init__(self, link: str) -> None:
        self._cookie = ""
        self._ask("GET", link.removeprefix(HOME))

    def post(self, action: str, **fields: str) -> str:
        """The page after a form."""
        return self._ask("POST", f"/{action}", urllib.parse.urlencode(fields))

    def _ask(self, method: str, path: str, body: str = "") -> str:
        connection = http.client.HTTPConnection(HOME.removeprefix("http://"), timeout=1800)
        connection.request(method, path, body, {"Origin": HOME, "Cookie": self._cookie})
        answer = connection.getresponse()
        text = answer.read().decode()
        self._cookie = (answer.headers["Set-Cookie"] or self._cookie).partition(";")[0]
        return self._ask("GET", "/") if answer.status == 303 else text


def learn(link: str, labs: tuple[tuple[str, str], ...], told: dict[str, object]) -> None:
    browser = Browser(link)
    for lab, options in labs:
        begin = time.monotonic()
        try:
            started = browser.post("start", lab=lab)
            answered = browser.post("run", text=options)
            told[lab] = {
                "attacked": "works</span>: Attack" in started,
                "solved": "Solved." in answered,
                "seconds": round(time.monotonic() - begin),
                "page": "" if "Solved." in answered else answered[-3000:],
            }
        except (OSError, http.client.HTTPException) as error:
            told[lab] = {"solved": False, "error": repr(error)}


def group_of(identity: str) -> Path:
    """The cgroup of a sandbox's container, which has its limits."""
    pid = podman("inspect", "--format", "{{.State.Pid}}", identity)
    group = Path(
        "/sys/fs/cgroup" + Path(f"/proc/{pid}/cgroup").read_text().strip().partition("::")[2]
    )
    while identity not in group.name:
        group = group.parent
    return group


def counted(group: Path, file: str, name: str) -> int:
    words = (group / file).read_text().split()
    return int(words[words.index(name) + 1])


def limit(group: Path, name: str) -> str:
    """What holds for its processes: they are in a group of their own below that of systemd, and only
    there crun says how much swap the memory may become."""
    return (group / "container" / name).read_text().strip()


def refused_processes(group: Path) -> int:
    """Kernels before 6.11 count a refusal where the process would have been, later ones where the
    limit is, which may be the group above."""
    places = (group, group / "container")
    return sum(counted(place, "pids.events", "max") for place in places)


def until_gone(group: Path) -> None:
    """Wait for the processes that fill a sandbox: none could be added for the next attack."""
    deadline = time.monotonic() + 600
    while int((group / "pids.current").read_text()) > 100 and time.monotonic() < deadline:
        time.sleep(1)


def attacked(identity: str) -> dict[str, object]:
    """What root of a sandbox gets who fills memory, processes and disk."""
    group = group_of(identity)
    before = counted(group, "memory.events", "oom_kill"), refused_processes(group)
    disk = podman("exec", identity, "sh", "-c", DISK)
    filled = podman("exec", identity, "sh", "-c", FILL)
    until_gone(group)
    podman("exec", identity, "sh", "-c", HOG)
    return {
        "limits": {name: limit(group, name) for name in LIMITS},
        "disk": disk,
        "filled": filled[-300:],
        "refused_processes": refused_processes(group) - before[1],
        "ended_for_memory": counted(group, "memory.events", "oom_kill") - before[0],
    }


def sandboxes(*options: str) -> list[str]:
    words = ("ps", "--quiet", "--no-trunc", "--filter=label=io.hardentui.seat", *options)
    return podman(*words).split()


def course(learners: int) -> list[tuple[tuple[str, str], ...]]:
    """What each learner does, one lab after the other: a few sandboxes are as good as one for each
    lab, and an emulated machine is slow."""
    if learners <= 2:
        return [ANSWERS[:3], ANSWERS[3:4]][:learners]
    return [(ANSWERS[at % len(ANSWERS)],) for at in range(learners)]


def main(learners: int) -> None:
    names = [f"learner{number}" for number in range(learners)]
    subprocess.run([*OURS, "class", "end"], capture_output=True, check=False)
    subprocess.run([*OURS, "class", "new", *names], capture_output=True, check=True)
    subprocess.run([*OURS, "class", "start"], capture_output=True, check=True)
    server = subprocess.Popen(
        [*OURS, "--serve", "8123"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stderr is not None
    told: dict[str, object] = {}
    try:
        links = [server.stdout.readline().partition(": ")[2].strip() for _ in names]
        threads = [
            threading.Thread(target=learn, args=(link, labs, told))
            for link, labs in zip(links, course(learners), strict=True)
        ]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = round(time.monotonic() - begin)
        there = sandboxes()
        status = Path(f"/proc/{server.pid}/status").read_text().split()
        seen = {
            "labs": told,
            "seconds": seconds,
            "sandboxes": len(there),
            "peaks": [int((group_of(each) / "memory.peak").read_text()) for each in there],
            "server_kilobytes": int(status[status.index("VmHWM:") + 1]),
            "attack": attacked(there[-1]) if there else {},
        }
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=1500)
    seen |= {
        "left": sandboxes("--all"),
        "images": podman("images", "--all", "--quiet", "--filter=label=io.hardentui.seat").split(),
        "said": server.stderr.read()[-2000:],
    }
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(int(sys.argv[1]))
