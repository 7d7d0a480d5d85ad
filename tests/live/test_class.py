"""Learners' sandboxes on a real Podman: what a lab, a container of a learner, or a learner who broke
out into the sandbox can reach."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hardentui.checks import CHECKS
from hardentui.errors import ChangeFailed, HardenError
from hardentui.features.training import classroom
from hardentui.features.training.classroom_desks import ClassroomDesks
from hardentui.features.training.desk import DeskPage, DeskRequest
from hardentui.features.training.lab_files import find_lab, load_labs
from hardentui.features.training.progress import LabResult, TrainingProgress
from hardentui.features.training.seat import LABEL, Seat, SeatLimits, Seats
from tests.support.podman import BUSYBOX, SCRIPT, Bench
from tests.support.seats import ROOM, Memory, seats_of

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

LABS = load_labs(checks=CHECKS)
MARK = "only-the-trainer-may-read-this"


@pytest.fixture(scope="module")
def seats(podman: Bench) -> Iterator[Seats]:
    with seats_of(podman) as made:
        yield made


@pytest.fixture(scope="module")
def anna(seats: Seats) -> Iterator[Seat]:
    seat = seats.open("seat-anna", LABS, TrainingProgress(learner="anna"))
    yield seat
    seat.close()


def does(seat: Seat, action: str, lab: str = "", text: str = "") -> DeskPage:
    return seat.answer(DeskRequest(action, lab, text))


def in_sandbox(seats: Seats, seat: Seat, script: str) -> str:
    """What root of the sandbox, which is more than a learner is, sees; errors are told as text."""
    words = seats.inside(seat.identity, "sh", "-c", f"({script}) 2>&1; true")
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout


def accounts_of(seats: Seats, seat: Seat) -> list[int]:
    """The accounts of a sandbox: from where inside, from where on the host, how many."""
    return [
        int(word) for word in seats.run("exec", seat.identity, "cat", "/proc/1/uid_map").split()
    ]


@pytest.mark.parametrize("lab", ["first-run", "own-network", "not-root", "signed-images"])
def test_a_lab_is_judged_by_the_kernel_in_a_sandbox(anna: Seat, lab: str) -> None:
    made = find_lab(LABS, lab)
    page = does(anna, "start", lab)
    assert page.lab is not None
    assert not page.simulated
    assert not page.lab.solved
    assert any(row.word == "works" for row in page.lab.answers), "the attack works at the start"
    page = does(anna, "run", text=made.solved_policy or shlex.join(made.solution))
    assert page.lab is not None
    assert page.lab.solved == "Solved."
    assert page.progress.of(lab).passed


def test_no_file_and_no_socket_of_the_trainer_is_in_it(
    seats: Seats, anna: Seat, podman: Bench, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(MARK)
    for path in (secret, podman.socket, "/etc/shadow", "/var/lib/containers/storage"):
        assert "No such file" in in_sandbox(seats, anna, f"ls {path}")
    for place in ("/usr", "/", str(Path(__file__).parents[2])):
        remount = f"mount -o remount,rw {place}; mount -o remount,bind,rw {place}"
        assert "NO" in in_sandbox(seats, anna, f"{remount}; touch {place}/x-of-anna || echo NO")
        assert not Path(place, "x-of-anna").exists()
    sockets = in_sandbox(seats, anna, "find / -xdev -type s; find /run /lab -type s").split()
    assert [path for path in sockets if not path.startswith(("/lab/", "/run/"))] == []
    assert "/lab/podman.sock" in sockets


def test_no_account_of_the_host_is_in_it(seats: Seats, anna: Seat) -> None:
    inside, outside, size = accounts_of(seats, anna)
    assert (inside, size) == (0, 4096)
    assert outside > 100_000
    assert in_sandbox(seats, anna, "stat -c %u /usr").strip() == "65534"


def test_two_learners_share_no_account_and_no_process(seats: Seats, anna: Seat) -> None:
    ben = seats.open("seat-ben", LABS, TrainingProgress(learner="ben"))
    try:
        assert abs(accounts_of(seats, anna)[1] - accounts_of(seats, ben)[1]) >= 4096
        assert "anna" not in in_sandbox(seats, ben, "cat /proc/*/cmdline; ls /lab /tmp /run")
        does(anna, "start", "first-run")
        page = does(ben, "start", "first-run")
        assert page.lab is not None
        assert does(ben, "run").lab is not None
        looked = does(anna, "show").lab
        assert looked is not None
        assert not looked.solved
    finally:
        ben.close()


def test_no_network_leads_out(seats: Seats, anna: Seat) -> None:
    lines = in_sandbox(seats, anna, "cat /proc/net/dev").splitlines()[2:]
    links = [line.partition(":")[0].strip() for line in lines]
    assert [link for link in links if not link.startswith(("lo", "podman", "veth"))] == []
    routes = in_sandbox(seats, anna, "cat /proc/net/route").splitlines()
    assert not [line for line in routes[1:] if line.split()[1] == "00000000"], routes
    reached = in_sandbox(seats, anna, "busybox wget -T 3 -q -O - http://192.0.2.1/; echo $?")
    assert reached.strip().endswith("1")


def test_no_socket_reaches_what_no_network_namespace_holds(seats: Seats, anna: Seat) -> None:
    """AF_VSOCK leads from a virtual machine to its host; 1 << 32 is what a filter may overlook."""
    script = (
        "import ctypes, os; call = ctypes.CDLL(None, use_errno=True).syscall; "
        "ask = lambda f: call(ctypes.c_long(41), ctypes.c_ulong(f), ctypes.c_long(1), ctypes.c_long(0)); "
        "print([ask(40) >= 0, ask(40 | 1 << 32) >= 0, ask(1) >= 0, ask(2) >= 0])"
    )
    program = shlex.join([sys.executable, "-c", script])
    assert "[False, False, True, True]" in in_sandbox(seats, anna, program)


def test_a_container_of_a_learner_that_may_everything_stays_in_the_sandbox(
    seats: Seats, anna: Seat
) -> None:
    """Privileged, with a program of the learner's choice: root of the sandbox is all there is."""
    does(anna, "start", "first-run")
    attack = (
        "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk && echo OUT; "
        "echo x > /proc/sys/kernel/core_pattern && echo OUT; "
        "echo /x > /proc/sys/kernel/modprobe && echo OUT; "
        "echo /x > /sys/kernel/uevent_helper && echo OUT; mkdir /tmp/c; "
        "mount -t cgroup -o memory c /tmp/c && echo /x > /tmp/c/release_agent && echo OUT; "
        "cat /proc/self/uid_map"
    )
    entry = f'--entrypoint=["sh","-c",{_quoted(attack + "; sleep 60")}]'
    page = does(anna, "run", text=shlex.join(["--privileged", entry]))
    assert not page.error, page.error
    seen = in_sandbox(
        seats,
        anna,
        "id=$(podman ps -q --filter name=first-run); "
        f"podman exec $id sh -c {shlex.quote(attack)}; cat /proc/sys/kernel/core_pattern",
    )
    assert "4094" in seen, "still the accounts of the sandbox"
    assert "OUT" not in seen
    assert Path("/proc/sys/kernel/core_pattern").read_text().strip() != "x"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_what_fills_the_storage_fills_only_the_learner_s(seats: Seats, anna: Seat) -> None:
    seen = in_sandbox(
        seats, anna, "dd if=/dev/zero of=/lab/full bs=1M count=100; rm -f /lab/full; df -m /lab"
    )
    assert "No space left" in seen
    assert " 64 " in seen


def test_processes_and_memory_have_a_limit(seats: Seats, podman: Bench) -> None:
    small = Seats(
        podman=(str(SCRIPT), "podman"),
        limits=SeatLimits(memory="400m", disk="32m", pids=120, ids=4096),
        nested=False,
    )
    seat = small.open("seat-eve", LABS, TrainingProgress(learner="eve"))
    try:
        bomb = "i=0; while [ $i -lt 300 ]; do sleep 5 & i=$((i+1)); done; wait"
        seen = in_sandbox(small, seat, bomb)
        assert "fork" in seen.lower() or "Resource temporarily" in seen, seen[-200:]
        seen = in_sandbox(
            small, seat, "busybox dd if=/dev/zero of=/dev/null bs=600M count=1; echo $?"
        )
        assert not seen.rstrip().endswith("\n0")
        assert podman.podman("run", "--rm", "--network=none", BUSYBOX, "echo", "fine") == "fine"
    finally:
        seat.close()


_FILL = """
for place in /dev/shm /dev /tmp /run /var/tmp /root /lab /usr /etc; do
  dd if=/dev/zero of=$place/stuffed bs=1M count=900 2>&1 | tail -1
done
cat /*/stuffed /*/*/stuffed 2>/dev/null | wc -c
rm -f /*/stuffed /*/*/stuffed
"""


def test_all_places_that_can_be_written_hold_as_much_as_a_sandbox_may(
    seats: Seats, anna: Seat
) -> None:
    *told, total = in_sandbox(seats, anna, _FILL).splitlines()
    assert 4 * 16 << 20 <= int(total) <= 64 + 4 * 16 << 20, told
    assert sum("Read-only" in line or "denied" in line for line in told) >= 3, told


_NETWORKS = """
import ctypes, os
unshare = ctypes.CDLL(None, use_errno=True).unshare
open("/proc/sys/user/max_net_namespaces", "w").write("100000")
held = []
while len(held) < 1000 and not unshare(0x40000000):
    held.append(os.open("/proc/self/ns/net", os.O_RDONLY))
print(len(held))
"""


def test_a_sandbox_makes_few_namespaces_whatever_its_root_allows_itself(
    seats: Seats, anna: Seat
) -> None:
    """A thousand network namespaces take 200 MB of the host that no limit of memory counts."""
    made = in_sandbox(seats, anna, shlex.join([sys.executable, "-c", _NETWORKS]))
    assert 10 < int(made) < 128
    assert does(anna, "start", "own-network").lab is not None


_DANGEROUS = {
    "bpf": (321, 5, 0, 0),
    "io_uring_setup": (425, 8, 0),
    "userfaultfd": (323, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "add_key": (248, 0, 0, 0, 0, -4),
    "syslog": (103, 3, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "kexec_file_load": (320, 0, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, 0, 0, 0),
    "open_by_handle_at": (304, 0, 0, 0),
    "swapon": (167, 0, 0),
    "reboot": (169, 0, 0, 0, 0),
    "clock_settime": (227, 0, 0),
    "acct": (163, 0),
    "iopl": (172, 3),
    "fanotify_init": (300, 0, 0),
    "quotactl": (179, 0, 0, 0, 0),
    "x32 getpid": (39 | 0x40000000,),
}
"""Calls that reach past namespaces, or that kernels had the most holes in (numbers of x86-64)."""
_CALLING = """
import ctypes, json, os, sys
call = ctypes.CDLL(None).syscall
for name, (number, *words) in json.loads(sys.argv[1]).items():
    if not (child := os.fork()):
        os._exit(0 if call(ctypes.c_long(number), *map(ctypes.c_long, words)) < 0 else 7)
    if os.waitpid(child, 0)[1] >> 8 == 7:
        print(name)
print("end")
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
def test_no_system_call_that_reaches_the_host_is_taken(seats: Seats, anna: Seat) -> None:
    words = [sys.executable, "-c", _CALLING, msgspec.json.encode(_DANGEROUS).decode()]
    assert in_sandbox(seats, anna, shlex.join(words)).split() == ["end"]


def test_nothing_stays_when_it_is_closed(seats: Seats, podman: Bench) -> None:
    seat = seats.open("seat-carl", LABS, TrainingProgress(learner="carl"))
    does(seat, "start", "first-run")
    seat.close()
    assert "seat-carl" not in podman.podman("ps", "--all", "--format", "{{.Names}}")
    with pytest.raises(ChangeFailed):
        does(seat, "show")


@pytest.fixture
def desks(
    seats: Seats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ClassroomDesks]:
    """A class of dora and emil, who do one lab."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    classroom.open_class(["dora", "emil"], labs=["first-run"], checks=CHECKS)
    classroom.start_class()
    made = ClassroomDesks(seats)
    yield made
    made.stop_idle(0.0)


def test_a_sandbox_goes_when_its_learner_has_been_away(
    desks: ClassroomDesks, podman: Bench
) -> None:
    listed = ("ps", "--all", "--format", "{{.Names}}", f"--filter=label={LABEL}=seat")
    before = podman.podman(*listed).split()
    assert not desks.answer("dora", DeskRequest()).simulated
    assert len(podman.podman(*listed).split()) == len(before) + 1
    desks.stop_idle(3600.0)
    assert len(podman.podman(*listed).split()) == len(before) + 1
    desks.stop_idle(0.0)
    assert podman.podman(*listed).split() == before


_TO_THE_SERVER = """
for process in /proc/[0-9]*; do
  grep -qa '[t]raining.worker' $process/cmdline && worker=$process
done
{ %s; } > $worker/fd/1
"""
"""Says something to the server in the place of the desk."""


def _refusal(desks: ClassroomDesks) -> str:
    """What the server says once the sandbox has spoken; until then its desk answers as ever."""
    for _ in range(100):
        try:
            desks.answer("dora", DeskRequest())
        except HardenError as error:
            return error.title
        time.sleep(0.1)
    raise AssertionError("whatever it said was taken for an answer")


def test_what_a_sandbox_forges_counts_only_as_far_as_the_class_goes(
    desks: ClassroomDesks, seats: Seats
) -> None:
    page = desks.answer("dora", DeskRequest("start", "first-run"))
    results = classroom.progress_in(classroom.the_class().learner("dora")).results
    stolen = page.progress.with_result("the-legacy-shop", LabResult(passed=1.0))
    forged = msgspec.json.encode(replace(page, progress=stolen)).decode()
    for said, why in (
        (f"printf '%s\\n' {shlex.quote(forged)}", "not in this class"),
        ("echo '[]'", "Your Podman ended"),
        ("head -c 2000000 /dev/zero | tr '\\0' x", "Your Podman ended"),
    ):
        seat = desks._desks["dora"]._seat
        assert seat is not None
        words = seats.inside(seat.identity, "sh", "-c", _TO_THE_SERVER % said)
        speaking = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        assert why in _refusal(desks)
        speaking.wait(timeout=120)
        assert classroom.progress_in(classroom.the_class().learner("dora")).results == results
        assert not desks.answer("dora", DeskRequest()).error, "it is made anew"
    assert desks.answer("emil", DeskRequest()).passed == 0


def test_no_link_in_a_sandbox_leads_the_server_or_the_judge_to_a_file_of_the_trainer(
    seats: Seats, anna: Seat, tmp_path: Path
) -> None:
    """Links come and go while the judge reads and writes: it is in the sandbox itself."""
    secret = tmp_path / "secret"
    secret.write_text(MARK)
    race = f"""
    end=$(($(date +%s) + 40))
    while [ $(date +%s) -lt $end ]; do
      for to in {secret} /proc/1/root{secret} /etc/passwd; do
        ln -sfn $to /lab/learner/training.json
        for file in policy.json README; do ln -sfn $to /lab/learner/labs/signed-images/$file; done
      done
      rm -f /lab/learner/training.json
    done"""
    does(anna, "start", "signed-images")
    racing = subprocess.Popen(
        seats.inside(anna.identity, "sh", "-c", race), stdin=subprocess.DEVNULL
    )
    told = b""
    try:
        for action in ("check", "run", "show", "hint", "check", "run", "show"):
            told += msgspec.json.encode(does(anna, action, text="{}"))
    finally:
        racing.kill()
        racing.wait()
    assert MARK.encode() not in told
    assert secret.read_text() == MARK
    assert b"signed-images" in told


_OF_THE_FILE = """
import sys
sys.path.insert(0, sys.argv[1])
from hardentui.checks import CHECKS
from hardentui.features.training import classroom
from hardentui.features.training.classroom_desks import ClassroomDesks
from hardentui.features.training.desk import DeskRequest
from hardentui.features.training.lab_files import load_labs
from hardentui.features.training.progress import LabResult, TrainingProgress
from hardentui.features.training.seat import SeatLimits, Seats
seats = Seats(podman=sys.argv[2:], limits=SeatLimits(disk="64m", ids=4096), nested=False)
seat = seats.open("seat-of-the-file", load_labs(checks=CHECKS), TrainingProgress(learner="anna"))
try:
    seat.answer(DeskRequest("start", "first-run"))
    print(seat.answer(DeskRequest("run")).lab.solved)
finally:
    seat.close()
"""


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_single_file_makes_sandboxes_too(seats: Seats, tmp_path: Path) -> None:
    """What it unpacks lies in a folder of the trainer's that nobody else may enter."""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-m", "tools.pack", "single-file"], cwd=root, check=True)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([root / "dist/hardentui.pyz", "--version"], env=environment, check=True)
    (place,) = tmp_path.glob("hardentui/program-*")
    tmp_path.chmod(0o700)
    words = [sys.executable, "-I", "-c", _OF_THE_FILE, str(place), str(SCRIPT), "podman"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "Solved.\n"


@pytest.mark.long  # measured: python -m pytest tests/live/test_class.py -k ten -s
@pytest.mark.timeout(900)
def test_ten_learners_at_once_while_one_attacks(seats: Seats, podman: Bench) -> None:
    memory = Memory(podman)
    solvable = [lab for lab in LABS if not {"memory", "cpus", "pids-limit"} & {*_options(lab)}]
    results: dict[str, bool] = {}
    peaks: list[int] = []

    def learn(number: int) -> None:
        seat = seats.open(f"seat-{number}", LABS, TrainingProgress(learner=f"l{number}"))
        try:
            lab = solvable[number % len(solvable)]
            does(seat, "start", lab.id)
            if number == 0:
                in_sandbox(seats, seat, "i=0; while [ $i -lt 500 ]; do sleep 9 & i=$((i+1)); done")
            page = does(seat, "run", text=lab.solved_policy or shlex.join(lab.solution))
            results[lab.id] = page.lab is not None and bool(page.lab.solved)
            peaks.append(peak_of(seats, seat))
        finally:
            seat.close()

    threads = [threading.Thread(target=learn, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(results.values()) >= 9, results
    assert sum(peaks) < ROOM / 2, peaks
    most, refused = memory.measured()
    assert (refused, most < ROOM / 2) == (0, True)


def peak_of(seats: Seats, seat: Seat) -> int:
    """The most memory that a sandbox ever had, in bytes, by its cgroup of either version."""
    pid = seats.run("inspect", "--format", "{{.State.Pid}}", seat.identity)
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        for path in (
            Path(f"/sys/fs/cgroup/memory{group}/memory.max_usage_in_bytes"),
            Path(f"/sys/fs/cgroup{group}/memory.peak"),
        ):
            if controllers in ("", "memory") and path.exists():
                return int(path.read_text())
    raise AssertionError("its memory is not counted")


def _options(lab: object) -> set[str]:
    return {str(part.option) for part in getattr(lab, "asks", {}).values()}
