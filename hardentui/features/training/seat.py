"""A learner's sandbox: a rootless container of the trainer's Podman, in which a Podman of the
learner's own runs the labs.

It has a user namespace of its own, in which no account of this host is mapped; no network but its
own loopback; no file of this host but /usr and this program, read-only; no socket of anybody; its
storage is a tmpfs of limited size. Memory, processes and processors are limited by its cgroup. What
it holds is gone with it: `--rm`, and `close`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

import hardentui
from hardentui import account
from hardentui.account import find_program, our_module
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.errors import ChangeFailed
from hardentui.features.training.desk import DeskPage, DeskRequest
from hardentui.features.training.lab import Lab
from hardentui.features.training.progress import TrainingProgress
from hardentui.features.training.worker import Opening
from hardentui.visible import visible

LABEL = "io.hardentui.seat"
IMAGE = "localhost/hardentui-seat:1"
_WORKER = "hardentui.features.training.worker"
_SOCKET = "/lab/podman.sock"
_NEEDED = frozenset({"cpu", "memory", "pids"})
_LONGEST_PAGE = 1 << 20  # bytes of an answer
_STARTS_WITHIN = 300.0  # seconds
_ENDS_WITHIN = 300.0  # seconds; of one killed halfway, something would stay
_QUICK = 60.0  # seconds
_TICK = 0.2  # seconds between two looks at whether the Podman inside answers
_CAPABILITIES = (
    "CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,MKNOD,NET_ADMIN,NET_BIND_SERVICE,NET_RAW,SETFCAP,SETGID,"
    "SETPCAP,SETUID,SYS_ADMIN,SYS_CHROOT,SYS_PTRACE,SYS_RESOURCE"
)
"""Over the sandbox's own user namespace only: what a Podman needs that runs containers."""

_CONTAINERS = """[containers]
log_driver = "k8s-file"
default_ulimits = []
{cgroups}
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "/lab/root"
runroot = "/lab/run"
"""
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/subuid": "root:1:65535\n",
    "etc/subgid": "root:1:65535\n",
    "etc/resolv.conf": "",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/containers/policy.json": '{"default":[{"type":"insecureAcceptAnything"}]}\n',
    "etc/containers/registries.conf": "",
    "etc/containers/storage.conf": _STORAGE,
}
_DIRECTORIES = (
    "dev etc etc/containers keep lab proc root run sys tmp usr var var/lib var/lib/containers "
    "var/tmp"
)
_LINKS = ("bin", "lib", "lib64", "sbin")  # into /usr
_KEEP = "/keep"
_INSIDE = f"{_KEEP}/pid"
"""The process whose namespaces are the learner's; nobody in them can write this file."""
_NAMESPACES = 128
"""Of each kind that a sandbox may have, where a lab needs a handful. Most of the memory of a network
namespace, some 200 kB, is counted in no cgroup."""
_SECOND = "unshare --user --setuid=0 --setgid=0"
_PODMAN = f"""
set -e
cgroup=/sys/fs/cgroup
if test -w $cgroup/cgroup.procs; then
  mkdir -p $cgroup/podman
  echo $$ > $cgroup/podman/cgroup.procs
  echo '+memory +pids +cpu' > $cgroup/cgroup.subtree_control
  chown 2:2 $cgroup $cgroup/cgroup.procs $cgroup/cgroup.threads $cgroup/cgroup.subtree_control
  chown -R 2:2 $cgroup/podman
fi
mount -o remount,bind,rw /sys  # files of the host's root, whom nobody here is; a lab may ask for it
umount /run/.containerenv
rm -f /run/.containerenv
chown 2:2 /lab /run /tmp /var/tmp /root
{_SECOND} --map-users=1,0,$1 --map-groups=1,0,$1 sh -c '
  for kind in cgroup ipc mnt net pid user uts; do
    echo {_NAMESPACES} > /proc/sys/user/max_${{kind}}_namespaces || :
  done
  exec {_SECOND} --mount --net --map-users=1,0,$1 --map-groups=1,0,$1 \\
    env -u container podman system service --time=0 unix://{_SOCKET}' sh $(($1 - 1)) &
echo $! > {_INSIDE}
wait
"""
"""A user namespace for limits that nobody below can raise, and in it one with mounts, where all that
the sandbox was given is locked: what is read-only stays so, even for the root there. Its accounts
are those from 2 on."""


class SeatLimits(Struct, frozen=True):
    """What a learner's sandbox may take."""

    memory: str = "640m"  # of all processes and of the storage
    disk: str = "256m"  # of the storage, which lies in memory
    pids: int = 400
    cpus: str = "1"
    ids: int = 65536  # accounts of the sandbox

    @property
    def options(self) -> list[str]:
        return [
            f"--memory={self.memory}",
            f"--memory-swap={self.memory}",
            f"--pids-limit={self.pids}",
            f"--cpus={self.cpus}",
        ]


class Seats:
    """Makes the sandboxes of a class.

    Args:
        podman: the words that run the trainer's Podman.
        nested: the Podman inside may make cgroups, so labs about limits can be judged.
    """

    def __init__(
        self,
        *,
        podman: Sequence[str] = ("podman",),
        limits: SeatLimits | None = None,
        nested: bool = True,
    ) -> None:
        self._podman = tuple(podman)
        self._limits = limits or SeatLimits()
        self._nested = nested

    def why_not(
        self,
        learners: int,
    ) -> str:
        """Why no learner can have a Podman here; empty if each can.

        Args:
            learners: how many at once.
        """
        if os.geteuid() == 0:
            return "the class runs as root: start it as an ordinary account"
        if find_program("podman") is None:
            return "there is no Podman"
        try:
            printed = self.run("info", "--format=json")
            host = msgspec.json.decode(printed)["host"]
        except (ChangeFailed, msgspec.DecodeError, KeyError, TypeError) as error:
            return f"Podman does not answer: {visible(str(error), 200)}"
        missing = _NEEDED - set(host.get("cgroupControllers") or ())
        if missing or host.get("cgroupVersion") != "v2":
            which = ", ".join(sorted(missing or _NEEDED))
            return f"this account cannot limit {which} (cgroups v2, delegated by systemd)"
        mapped = sum(part["size"] for part in host["idMappings"]["uidmap"] or ())
        each = (mapped - 1) // max(1, learners)
        if each < _FEWEST_IDS:
            wanted = learners * _FEWEST_IDS
            return f"this account has {mapped} user IDs in /etc/subuid, {wanted} are needed"
        if closed := _closed_to_others():
            return f"a sandbox cannot read {visible(closed)}: chmod -R go+rX {visible(closed)}"
        self._limits = msgspec.structs.replace(self._limits, ids=min(each, 65536))
        return ""

    def prepare(self) -> None:
        """Import the image and remove what an earlier server left.

        Raises:
            ChangeFailed: Podman refuses.
        """
        self.remove_all()
        with tempfile.NamedTemporaryFile(
            prefix="hardentui-",
            suffix=".tar",
        ) as file:
            file.write(_root(nested=self._nested))
            file.flush()
            os.chmod(file.name, 0o644)
            self.run(
                "import",
                "--quiet",
                f"--change=LABEL {LABEL}=image",
                file.name,
                IMAGE,
            )

    def open(
        self,
        name: str,
        labs: tuple[Lab, ...],
        progress: TrainingProgress,
    ) -> Seat:
        """A learner's sandbox, with a Podman that answers.

        Raises:
            ChangeFailed: it does not come up.
        """
        with tempfile.NamedTemporaryFile(
            prefix="hardentui-",
            suffix=".json",
        ) as profile:
            profile.write(_filter())
            profile.flush()
            identity = self._start(name, profile.name)
        seat = Seat(self, identity)
        try:
            self._wait(identity)
            seat.begin(
                Opening(
                    labs,
                    progress,
                    "/lab/learner",
                    f"unix://{_SOCKET}",
                )
            )
        except BaseException:
            seat.close()
            raise
        return seat

    def _start(
        self,
        name: str,
        profile: str,
    ) -> str:
        shared = [f"--volume={place}:{place}:ro" for place in _shared()]
        limits = self._limits
        return self.run(
            "run",
            "--detach",
            "--rm",
            f"--name={name}",
            f"--label={LABEL}=seat",
            "--hostname=lab",
            "--network=none",
            "--read-only",
            "--read-only-tmpfs=false",
            f"--userns=auto:size={limits.ids}",
            f"--tmpfs=/lab:size={limits.disk},mode=755,exec,suid,dev",
            f"--tmpfs={_KEEP}:size=64k,mode=700",
            *(f"--tmpfs=/{place}:size=16m,mode=755" for place in ("run", "tmp", "var/tmp", "root")),
            *shared,
            *limits.options,
            "--cap-drop=all",
            f"--cap-add={_CAPABILITIES}",
            "--security-opt=unmask=ALL",
            f"--security-opt=seccomp={profile}",
            "--stop-timeout=1",
            "--no-hosts",
            "--pull=never",
            "--log-driver=none",
            IMAGE,
            "sh",
            "-c",
            _PODMAN,
            "sh",
            str(limits.ids - 1),
            seconds=_STARTS_WITHIN,
        )

    def remove_all(self) -> None:
        """Remove every sandbox and the image that they are made of."""
        with suppress(ChangeFailed):
            listed = self.run(
                "ps",
                "--all",
                "--quiet",
                f"--filter=label={LABEL}=seat",
            ).split()
            if listed:
                self.run(
                    "rm",
                    "--force",
                    "--time=0",
                    *listed,
                    seconds=_ENDS_WITHIN,
                )
            images = self.run(
                "images",
                "--all",
                "--quiet",
                f"--filter=label={LABEL}=image",
            ).split()
            if images:
                self.run("rmi", "--force", *dict.fromkeys(images))

    def run(self, *words: str, seconds: float = _QUICK) -> str:
        """What the trainer's Podman prints.

        Raises:
            ChangeFailed: it fails.
        """
        try:
            ended = run_child(
                [*self._podman, *words],
                seconds=seconds,
                environment=account.environment(),
            )
        except ChildTimedOut as error:
            raise ChangeFailed(f"Podman did not end within {seconds:g} s.") from error
        except OSError as error:
            raise ChangeFailed(f"podman cannot be run: {error.strerror}.") from error
        if ended.code:
            said = ended.errors.decode("utf-8", "replace").strip().splitlines()
            raise ChangeFailed(f"A learner's Podman: {visible(said[-1] if said else '?', 300)}")
        return ended.output.decode("utf-8", "replace").strip()

    def inside(self, identity: str, *words: str) -> list[str]:
        """The command that runs words in a sandbox, as the root of a learner's namespaces."""
        enter = f'exec nsenter --user --mount --net --target "$(cat {_INSIDE})" "$@"'
        return [
            *(
                *self._podman,
                "exec",
                "--interactive",
                identity,
                "sh",
                "-c",
                enter,
                "sh",
            ),
            *("env", "-u", "container", *words),
        ]

    def _wait(
        self,
        identity: str,
    ) -> None:
        end = time.monotonic() + _STARTS_WITHIN
        while True:
            try:
                self.run(
                    "exec",
                    identity,
                    "test",
                    "-S",
                    _SOCKET,
                )
                return
            except ChangeFailed:
                if time.monotonic() > end:
                    raise
                time.sleep(_TICK)


class Seat:
    """One learner's sandbox, and the desk in it."""

    def __init__(
        self,
        seats: Seats,
        identity: str,
    ) -> None:
        self._seats = seats
        self.identity = identity
        self._worker: subprocess.Popen[bytes] | None = None

    def begin(
        self,
        opening: Opening,
    ) -> None:
        """Start the desk."""
        self._worker = subprocess.Popen(
            self._seats.inside(self.identity, *our_module(_WORKER)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(account.environment()),
            start_new_session=True,
        )
        self._send(msgspec.json.encode(opening))

    def answer(
        self,
        request: DeskRequest,
        *,
        seconds: float = 600.0,
    ) -> DeskPage:
        """The page after a request.

        Raises:
            ChangeFailed: the sandbox does not answer; it is of no use any more.
        """
        worker = self._worker
        if worker is None or worker.stdout is None:
            raise ChangeFailed("Your Podman is not running.")
        self._send(msgspec.json.encode(request))
        late = threading.Timer(seconds, worker.kill)
        late.start()
        try:
            line = worker.stdout.readline(_LONGEST_PAGE)
        finally:
            late.cancel()
        try:
            return msgspec.json.decode(line, type=DeskPage)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ChangeFailed(
                "Your Podman ended. It is made anew, and your progress is kept."
            ) from error

    def close(self) -> None:
        """End the desk and remove the sandbox with all that it holds."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            with suppress(subprocess.TimeoutExpired):
                worker.wait(timeout=_QUICK)
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        with suppress(ChangeFailed):
            self._seats.run(
                "rm",
                "--force",
                "--time=0",
                self.identity,
                seconds=_ENDS_WITHIN,
            )

    def _send(
        self,
        line: bytes,
    ) -> None:
        worker = self._worker
        try:
            if worker is None or worker.stdin is None:
                raise BrokenPipeError
            worker.stdin.write(line + b"\n")
            worker.stdin.flush()
        except OSError as error:
            raise ChangeFailed(
                "Your Podman ended. It is made anew, and your progress is kept."
            ) from error


_FEWEST_IDS = 2048
"""A lab's container uses the account 1000."""


def _shared() -> list[str]:
    """The directories that the sandbox sees, read-only: /usr, and where Python and we are."""
    wanted = [
        "/usr",
        sys.prefix,
        sys.base_prefix,
        *_of_modules(),
    ]
    places: list[str] = []
    for place in sorted({os.path.realpath(place) for place in wanted if os.path.isdir(place)}):
        if not any(place == other or place.startswith(f"{other}/") for other in places):
            places.append(place)
    return places


def _of_modules() -> set[str]:
    """Where modules were imported from. The rest of sys.path may hold the trainer's own files: with
    `python -m` the current folder is on it."""
    places = set()
    for name, module in list(sys.modules.items()):
        file = getattr(
            module,
            "__file__",
            None,
        )
        if not file or "." in name or name == "__main__":
            continue
        is_package = os.path.basename(file).startswith("__init__.")
        places.add(os.path.dirname(os.path.dirname(file) if is_package else file))
    return places


def _closed_to_others() -> str:
    """A place that other accounts cannot read, as the root of a sandbox is one; empty if there is none."""
    ours = os.path.dirname(hardentui.__file__)
    for place in (*_shared(), ours):
        if os.stat(place).st_mode & 0o005 != 0o005:
            return place
    return "" if os.stat(hardentui.__file__).st_mode & 0o004 else ours


def _filter() -> bytes:
    """Podman's own system call filter, and personality(2), by which a lab shows that it has none."""
    for path in ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json"):
        with suppress(
            OSError,
            msgspec.DecodeError,
            KeyError,
        ):
            with open(path, "rb") as file:
                profile = msgspec.json.decode(file.read())
            return msgspec.json.encode(_narrowed(profile))
    raise ChangeFailed("Podman's seccomp.json is not installed, so no sandbox can be made.")


_FAMILIES = (1, 2, 10, 16, 17)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET: each of a network namespace. Others are not: by
AF_VSOCK a guest speaks to the host of its virtual machine, without any network."""
_WHOLE = 0xFFFFFFFF  # the kernel looks at the low 32 bits of a family


def _narrowed(profile: dict[str, Any]) -> dict[str, Any]:
    """With personality(2), without the families of sockets that no network namespace holds, and
    without 32-bit calls, of which socketcall(2) hides the family."""
    rules = []
    for rule in profile["syscalls"]:
        names = [name for name in rule["names"] if name not in ("socket", "socketcall")]
        rules += [{**rule, "names": names}] if names else []
    rules.append({"names": ["personality"], "action": "SCMP_ACT_ALLOW"})
    for family in _FAMILIES:
        argument = {
            "index": 0,
            "value": _WHOLE,
            "valueTwo": family,
            "op": "SCMP_CMP_MASKED_EQ",
        }
        rules.append({"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [argument]})
    machines = [{**machine, "subArchitectures": []} for machine in profile.get("archMap") or ()]
    return {**profile, "syscalls": rules, "archMap": machines}


def _root(*, nested: bool) -> bytes:
    """The root of a sandbox: directories, links into /usr, and the settings of its Podman."""
    settings = _CONTAINERS.format(cgroups="" if nested else 'cgroups = "disabled"')
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory in _DIRECTORIES.split():
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name in _LINKS:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
        for path, text in {**_FILES, "etc/containers/containers.conf": settings}.items():
            entry = tarfile.TarInfo(path)
            content = text.encode()
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
