"""What a process sees and can do in a container, whatever was declared: the same questions for all
of them.

The container's runtime starts a shell in it as its root, with the rights that the main process was
started
with: namespaces, cgroup, capabilities, filter for system calls, no-new-privileges, limits. That
shell uses them. `decided` says what its answers mean for the checks; none of HardenTUI's own
reading is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SENTINEL = "truth-sentinel"
"""Name of a process outside that only those see who share the host's processes."""
MARK = "hunter2"
"""Part of every secret that a flavour is given."""
_KEYS = "/proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/sched_debug"
_DIRECTORIES = "/proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap"
_PROTECTED = "/proc/sys/net/ipv4/ip_forward /proc/sys/kernel/pid_max /proc/sysrq-trigger"
SYSCTLS = (
    "net/ipv4/ip_forward net/ipv4/conf/all/route_localnet net/ipv4/conf/all/accept_redirects",
    "net/ipv4/conf/all/rp_filter net/ipv4/icmp_echo_ignore_all net/core/somaxconn",
    "kernel/msgmax kernel/msgmnb kernel/shmmax kernel/shmmni kernel/sem",
    "fs/mqueue/msg_max fs/mqueue/queues_max",
)
"""Settings of namespaces that a container is not to change: they are to be like those of the base.
"""
_EFFECTS: Mapping[int, str] = {
    0: "knock 92 $t 5 5",  # chown
    1: "knock 2 $t.shut 1",  # open for writing what nobody may
    6: "knock 106 5",  # setgid
    7: "knock 105 5",  # setuid
    8: "knock 157 24 37",  # drop one of the bounding set
    12: "busybox ip link set lo mtu 65536",  # what it is already
    13: "knock 41 2 3 1",  # a raw socket
    18: "knock 161 /",  # chroot
    21: "knock 272 67108864",  # a UTS namespace
    27: "knock 133 $t.node 8630 259",  # mknod of /dev/null
}
"""Number of a capability -> what works exactly with it, and harms nobody."""
_ONLY_ON_HOST = frozenset({27})
"""Those that the kernel wants to be held on the host, not in a user namespace."""
_OF_NETWORK = frozenset({12, 13})
"""Those that are asked of who owns the network namespace: root of the host has them in a borrowed
one."""

SCRIPT = rf"""
exec 2>/dev/null
t=
for d in /tmp /dev/shm /run /srv; do {{ echo >$d/.truth; }} && t=$d/.truth && break; done
echo tmp=$t; echo self=$$
while read -r k v w; do
  case $k in CapBnd:|Seccomp:|NoNewPrivs:|Cpus_allowed_list:) echo ${{k%:}}=$v;; esac
done </proc/self/status
while read -r a b c; do echo map=$a:$b:$c; done </proc/self/uid_map
while read -r h; do echo uts=$h; done </proc/sys/kernel/hostname
while read -r h; do echo cgroup=$h; done </proc/self/cgroup
rise r 107; echo rise=$?
{{ echo >/srv/.truth-root; }} && echo root=1 && busybox rm /srv/.truth-root
for p in {_KEYS}; do [ -e $p ] && ! [ -c $p ] && echo unhidden=$p; done
for p in {_DIRECTORIES}; do for f in $p/*; do [ -e $f ] && echo unhidden=$p && break; done; done
for p in {_PROTECTED}; do knock 2 $p 1 && echo writable=$p; done
names=
for p in {" ".join(SYSCTLS)}; do [ -e /proc/sys/$p ] && names="$names /proc/sys/$p"; done
awk '{{print "sysctl=" FILENAME " " $0}}' $names
grep -lqs truth-[s]entinel /proc/[0-9]*/cmdline && echo pid=1
grep -qs "$KEY" /proc/sysvipc/shm && echo ipc=1
nc -w 1 127.0.0.1 7777 </dev/null >/dev/null 2>&1 && echo host=1
grep -qs {MARK} /proc/$$/environ && echo env=1
grep -qs {MARK} /proc/1/cmdline && echo words=1
echo files=$(ulimit -Hn); echo core=$(ulimit -Hc)
for f in memory=memory/memory.limit_in_bytes memory=memory.max swap=memory/memory.memsw.limit_in_bytes \
  swap=memory.swap.max quota=cpu/cpu.cfs_quota_us period=cpu/cpu.cfs_period_us quota=cpu.max \
  pids=pids/pids.max pids=pids.max; do
  {{ read -r v </sys/fs/cgroup/${{f#*=}}; }} && echo "${{f%%=*}}=$v"
done
{{ read -r v </proc/1/oom_score_adj; }} && echo oom=$v
grep -qs PODMAN_BENCH_DIR /proc/$$/environ && echo environment=1
for f in /run/secrets/*; do
  [ -e $f ] && {{ cat $f >/dev/null && echo secret=open || echo secret=shut; }}
done
awk '/^Pid:/{{p=$2}} /^PPid:/{{q=$2}} /^Uid:/{{u=$3}} /^Gid:/{{print "process=" p ":" q ":" u ":" $3}}' \
  /proc/[0-9]*/status
awk '$4 == "0A" && $2 !~ /^(0100007F|0{{24}}01000000):/ {{n = split($2, a, ":"); print "port=" a[n]}}' \
  /proc/net/tcp /proc/net/tcp6
busybox stat -c 'device=%n:%t:%T' $(busybox find /dev -type c -o -type b)
for call in "41 40 1 0" "41 38 5 0" "41 4294967336 1 0" "41 4294967334 5 0" "x 102 1 0"; do
  knock $call
  e=$?
  [ $e = 1 ] || [ $e = 13 ] || [ $e = 38 ] || [ $e -ge 128 ] || echo "family=$call $e"
done
if [ $(( 0x$(awk '/^CapBnd/{{print substr($2, 9)}}' /proc/self/status) & 0x200000 )) = 0 ]; then
  {{ knock 272 268435456 || knock 56 268435473 || {{ knock 435 0 0; [ $? = 22 ]; }}; }} && echo nested=1
else echo nested=unasked
fi
busybox chmod 0 $t; busybox cp /dev/null $t.shut; busybox chmod 0 $t.shut
{"; ".join(f"{command} && echo can={number}" for number, command in _EFFECTS.items())}
busybox rm -f $t $t.shut $t.node
echo end=1
"""

_DEFAULTS = (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31)
_GROUPS: Mapping[str, tuple[int, ...]] = {
    "host-takeover-capabilities": (2, 16, 17, 19, 21, 32, 33, 39),
    "disruptive-capabilities": (9, 12, 15, 22, 23, 24, 25, 30, 34, 37, 38, 40),
    "docker-default-capabilities": (13, 27, 29),
}
"""Numbers of capabilities (capabilities(7)), by the check that is about them."""
_HARMLESS = frozenset({"1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2"})
_MOST_FILES = 1 << 20


@dataclass(frozen=True)
class Machine:
    """The host: its name, bytes of memory, processors, and how many processes there can be."""

    name: str
    memory: int
    processors: int
    processes: int


@dataclass(frozen=True)
class Around:
    """What is known outside of a container that was asked.

    Attributes:
        machine: what it has and how it is called.
        sysctls: name -> value in the container that the others are compared with; of its kind of
            network.
        own_network, own_ipc: it shares these with no other container and not with the host.
        ports: that its image declares, or that are published.
        own_cgroup: not the one of whoever started it.
        rootful: the numbers of users outside are those of the host.
        secret_elsewhere: a secret is in a command that has not been run yet.
    """

    machine: Machine
    sysctls: Mapping[str, str]
    own_network: bool
    own_ipc: bool
    ports: frozenset[int] = frozenset({8080})
    own_cgroup: bool = True
    rootful: bool = True
    secret_elsewhere: bool = False


@dataclass(frozen=True)
class Answers:
    """The lines of `SCRIPT`: name -> values."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def one_of(self, name: str) -> str:
        return next(iter(self.values.get(name, ())), "")

    def all_of(self, name: str) -> Sequence[str]:
        return self.values.get(name, ())

    @property
    def complete(self) -> bool:
        return bool(self.one_of("end")) and self.one_of("rise") not in ("126", "127")

    @property
    def capabilities(self) -> int:
        return int(self.one_of("CapBnd"), 16)

    def holds(self, *numbers: int) -> bool:
        return all(self.capabilities >> number & 1 for number in numbers)

    def maps(self, inside: int) -> int | None:
        """The number outside of a number inside."""
        for line in self.all_of("map"):
            first, outer, count = map(int, line.split(":"))
            if first <= inside < first + count:
                return outer + inside - first
        return None

    @property
    def sysctls(self) -> dict[str, str]:
        return dict(line.split(" ", 1) for line in self.all_of("sysctl") if " " in line)


def answers(text: str) -> Answers:
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        values.setdefault(name, []).append(value.strip())
    return Answers(values)


def contradictions(seen: Answers, own_network: bool) -> Iterator[str]:
    """Capabilities that work without being held, or are held and do not work."""
    can = {int(number) for number in seen.all_of("can")}
    for number, command in _EFFECTS.items():
        if "$t" in command and not seen.one_of("tmp"):
            continue
        if number in _OF_NETWORK and not own_network:
            continue
        if number in can and not seen.holds(number):
            yield f"capability {number} is not held, but {command!r} works"
        if number in can or not seen.holds(number) or seen.maps(5) is None:
            continue
        if number in _ONLY_ON_HOST and seen.maps(0) != 0:
            continue
        yield f"capability {number} is held, but {command!r} fails"


def decided(seen: Answers, around: Around) -> dict[str, bool]:
    """Check -> whether its bad condition is there; those that the answers do not decide are absent."""
    if not seen.complete:
        return {}
    return {
        **_rights(seen),
        **_views(seen, around),
        **_processes(seen, around),
        **(_limits(seen, around.machine) if around.own_cgroup else {}),
        **_secrets(seen, around),
    }


def _rights(seen: Answers) -> dict[str, bool]:
    result = {
        check: any(seen.holds(number) for number in numbers) for check, numbers in _GROUPS.items()
    }
    unfiltered = seen.one_of("Seccomp") == "0"
    takeover = (number for number in _GROUPS["host-takeover-capabilities"] if number != 39)
    result |= {
        "default-capabilities-kept": seen.holds(*_DEFAULTS),
        "seccomp-unconfined": unfiltered,
        "privileged": unfiltered and seen.holds(*takeover),
        "writable-rootfs": seen.one_of("root") == "1",
        "unmasked-system-paths": bool(seen.all_of("unhidden") or seen.all_of("writable")),
        "loose-ulimits": seen.one_of("core") == "unlimited"
        or not seen.one_of("files").isdecimal()
        or int(seen.one_of("files")) > _MOST_FILES,
    }
    if seen.one_of("rise") in ("0", "101"):
        result["new-privileges-allowed"] = seen.one_of("rise") == "101"
    if not unfiltered:
        result["open-socket-families"] = bool(seen.all_of("family"))
    if seen.one_of("nested") != "unasked":
        result["nested-user-namespaces"] = bool(seen.one_of("nested"))
    return result


def _views(seen: Answers, around: Around) -> dict[str, bool]:
    result = {
        "host-pid": bool(seen.one_of("pid")),
        "host-network": bool(seen.one_of("host")),
        "host-devices": any(_counts(device) for device in seen.all_of("device")),
    }
    same_name = seen.one_of("uts") == around.machine.name
    if (
        seen.one_of("ipc") or not same_name or around.own_network
    ):  # on the host's network it has that name too
        result["host-ipc"] = bool(seen.one_of("ipc")) or same_name
    if around.own_network and around.own_ipc:
        other = {
            name for name, value in seen.sysctls.items() if around.sysctls.get(name, value) != value
        }
        result["unsafe-sysctls"] = bool(other)
    if around.own_network:
        result["unexpected-listener"] = bool(
            {int(port, 16) for port in seen.all_of("port")} - around.ports
        )
    return result


def _counts(device: str) -> bool:
    name, major, minor = device.rsplit(":", 2)
    number = f"{int(major, 16)}:{int(minor, 16)}"
    return number not in _HARMLESS and not name.startswith("/dev/pts/")


def _processes(seen: Answers, around: Around) -> dict[str, bool]:
    """Who runs as root: what comes from the main process, and what somebody has started beside it,
    there also in the group of root."""
    if seen.one_of("pid"):
        return {}
    parent, groups = {}, {}
    roots = set()
    for line in seen.all_of("process"):
        number, above, user, groups[number] = line.split(":")
        parent[number] = above
        is_root = user == "0" or (around.rootful and seen.maps(int(user)) == 0)
        roots |= {number} if is_root else set()

    def first(number: str) -> str:
        while parent.get(number, "0") != "0":
            number = parent[number]
        return number

    own = seen.one_of("self")
    firsts = {first(number) for number in roots} - {own}
    grouped = {first(number) for number, group in groups.items() if group == "0" != groups.get("1")}
    return {
        "root-user": "1" in firsts,
        "root-exec-session": bool((firsts | grouped) - {"1", own}),
    }


def _limits(seen: Answers, machine: Machine) -> dict[str, bool]:
    """The cgroup as its own processes see it; what is not there at all holds nothing."""
    memory, pids = _bytes(seen.one_of("memory")), _bytes(seen.one_of("pids"))
    swap = seen.one_of("swap")
    endless = bool(swap) and _bytes(swap) >= machine.memory * 1024
    quota = seen.one_of("quota").split()
    period = int(next(iter(quota[1:]), "") or seen.one_of("period") or 100_000)
    granted = int(quota[0]) / period if quota and quota[0].isdecimal() else machine.processors
    whole = (
        granted >= machine.processors
        and _count(seen.one_of("Cpus_allowed_list")) >= machine.processors
    )
    result = {
        "no-memory-limit": memory >= machine.memory or endless,
        "no-cpu-limit": whole,
        "no-pids-limit": pids >= machine.processes,
    }
    if not seen.one_of("pid") and seen.one_of("oom"):
        result["oom-kill-exempt"] = seen.one_of("oom") == "-1000"
    return result


def _bytes(text: str) -> int:
    return int(text) if text.isdecimal() else 1 << 63


def _count(ranges: str) -> int:
    """How many processors `0-2,5` are."""
    pairs = [part.partition("-") for part in ranges.split(",") if part]
    return sum(int(last or first) - int(first) + 1 for first, _, last in pairs)


def _secrets(seen: Answers, around: Around) -> dict[str, bool]:
    result = {"leaking-host-environment": True} if seen.one_of("environment") else {}
    if not seen.one_of("env"):
        result["plaintext-secret-env"] = False
    if not seen.one_of("pid") and not around.secret_elsewhere:
        result["secret-on-command-line"] = bool(seen.one_of("words"))
    if (
        not seen.holds(1)
        and not seen.holds(2)
        and (seen.all_of("secret") or not seen.one_of("env"))
    ):
        result["loose-secret"] = "open" in seen.all_of("secret")
    return result
