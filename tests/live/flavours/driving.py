"""Limits driven until they hit: what a process in the container gets, beside what it can read
there.

`SCRIPT` asks for a little more than each limit grants, or where a limit is large or absent, for
more than the usual limits here grant. `contradictions` compares what it got with the limits that
`inside.SCRIPT` read. One run takes about a second, up to 160 MiB of memory, 220 processes and 8300
open files for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.live.flavours.inside import Answers
from tests.live.flavours.model import Flavour, Place

KINDS = frozenset({"memory", "pids", "files", "core", "tmpfs", "cpu"})
"""The limits that are driven."""
_PARTS = frozenset({"memory", "cpu", "pids", "ulimits"})
_OPTIONS = (
    "--memory",
    "--cpu",
    "--pids",
    "--ulimit",
    "--shm-size",
    "--tmpfs=",
    "--mount=type=tmpfs",
    "--cgroup",
)
_MIB = 1 << 20
_SLACK_TASKS = 8
"""Other processes of the container, and the script's own, which count towards its limit."""

SCRIPT = r"""
exec 2>/dev/null
first() { for f in "$@"; do { read -r v </sys/fs/cgroup/$f; } && echo $v && return; done; }
d=
for f in /tmp /dev/shm /run /srv; do mkdir $f/.driven && d=$f/.driven && break; done

m=96; l=$(first memory/memory.limit_in_bytes memory.max)
[ -n "$l" ] && [ "$l" -le 134217728 ] && m=$((l / 1048576 + 32))
busybox dd if=/dev/zero of=/dev/null bs=${m}M count=1
echo allocated=$m:$?

n=120; l=$(first pids/pids.max pids.max)
[ -n "$l" ] && [ "$l" -le 200 ] && n=$((l + 20))
echo forked=$n:$(
  (
    trap 'kill $p' EXIT
    i=0; p=
    while [ $i -lt $n ]; do busybox sleep 5 >/dev/null & p="$p $!"; i=$((i + 1)); echo $i; done
  ) | busybox tail -n 1)

h=$(ulimit -Hn); n=1100
[ "$h" -le 8192 ] && n=$((h + 20))
ulimit -n $h
echo opened=$n:$(awk -v n=$n 'BEGIN {
  for (i = 0; i < n; i++) {
    f = "/dev"
    for (j = i; j > 0; j = int(j / 2)) f = f (j % 2 ? "/./" : "//")
    if ((getline line < (f "/null")) < 0) break
  }
  print i
}')

case $(cat /proc/sys/kernel/core_pattern) in */* | "|"*) ;; *)
  if [ -n "$d" ]; then
    (cd $d; ulimit -c $(ulimit -Hc); sh -c 'kill -ABRT $$')
    set -- $d/*; [ -e "$1" ] && echo dumped=yes || echo dumped=no
  fi ;;
esac

for p in /data /dev/shm; do
  grep -q " $p tmpfs rw" /proc/self/mounts || continue
  k=$(busybox df -k $p | awk 'END { print $(NF - 4) }')
  [ "$k" -ge 1024 ] && [ "$k" -le 16384 ] || continue
  busybox dd if=/dev/zero of=$p/.driven-file bs=1k count=$((k + 1024)); e=$?
  echo filled=$p:$k:$e; busybox rm -f $p/.driven-file
done

stat() {
  for f in /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat; do
    [ -e $f ] && awk '$1 == "nr_throttled" { print $2 }' $f
  done
  u=$(first cpu/cpuacct.usage cpuacct/cpuacct.usage)
  [ -n "$u" ] && echo $((u / 1000)) || awk '$1 == "usage_usec" { print $2 }' /sys/fs/cgroup/cpu.stat
}
now() { read -r t x </proc/uptime; t=${t%.*}${t#*.}; }
spin() { now; e=$((t + 35)); while [ $t -lt $e ]; do now; done; }
before=$(stat); now; s=$t
spin & spin & spin
wait
now; echo spun=$before $(stat) $((t - s))
busybox rm -rf $d
echo driven=1
"""


def is_driven(flavour: Flavour, place: Place) -> bool:
    """Whether a flavour is about limits; the hardened base is too."""
    if flavour.own_files or flavour.plain:
        return False
    words = (
        *flavour.options(place),
        *(flavour.pod_options(place) if flavour.pod is not None else ()),
    )
    named = any(word.startswith(_OPTIONS) for word in words)
    return flavour.name == "hardened" or named or bool(_PARTS & flavour.without)


def hits(seen: Answers) -> frozenset[str]:
    """Those of `KINDS` that stopped the script."""
    stopped = {
        "memory": any(code != 0 for _, code in _pairs(seen, "allocated")),
        "pids": any(got < wanted for wanted, got in _pairs(seen, "forked")),
        "files": any(got < wanted for wanted, got in _pairs(seen, "opened")),
        "core": seen.one_of("dumped") == "no",
        "tmpfs": any(line.rpartition(":")[2] != "0" for line in seen.all_of("filled")),
        "cpu": any(after > 0 for _, _, after, _, _ in _spun(seen)),
    }
    return frozenset(name for name, hit in stopped.items() if hit)


def contradictions(seen: Answers) -> Iterator[str]:
    """Limits that are read but do not hit, or hit without being read."""
    if not seen.one_of("driven"):
        yield "the limits were not driven to the end"
        return
    yield from _of_memory(seen)
    yield from _of_processes(seen)
    yield from _of_files(seen)
    yield from _of_processors(seen)


def _of_memory(seen: Answers) -> Iterator[str]:
    limit = _number(seen.one_of("memory"))
    for size, code in _pairs(seen, "allocated"):
        if code == 0 and size * _MIB > limit:
            yield f"memory is limited to {limit} bytes, but {size} MiB were used at once"
        if code != 0 and (size + 32) * _MIB < limit:
            yield f"memory is limited to {limit} bytes, but {size} MiB could not be used: {code}"
    for line in seen.all_of("filled"):
        path, room, ended = line.split(":")
        if ended == "0":
            yield f"{path} has {room} KiB, but more was written"


def _of_processes(seen: Answers) -> Iterator[str]:
    limit = _number(seen.one_of("pids"))
    for wanted, got in _pairs(seen, "forked"):
        if got > limit:
            yield f"tasks are limited to {limit}, but {got} were started"
        if got < min(wanted, limit - _SLACK_TASKS):
            yield f"tasks are limited to {limit}, but only {got} of {wanted} could be started"


def _of_files(seen: Answers) -> Iterator[str]:
    limit = _number(seen.one_of("files"))
    for wanted, got in _pairs(seen, "opened"):
        if got > limit:
            yield f"open files are limited to {limit}, but {got} were opened"
        if got < min(wanted, limit - 16):
            yield f"open files are limited to {limit}, but only {got} of {wanted} could be opened"
    core, dumped = seen.one_of("core"), seen.one_of("dumped")
    if dumped and (dumped == "yes") is (core == "0"):
        left = "one" if dumped == "yes" else "none"
        yield f"core files are limited to {core}, but a process that aborted left {left}"


def _of_processors(seen: Answers) -> Iterator[str]:
    """The script spins for a third of a second; on a busy machine that may use less than the quota
    allows."""
    granted = _granted(seen)
    for before, used_before, after, used_after, hundredths in _spun(seen):
        share = (used_after - used_before) / (hundredths * 10_000)
        if after > before and granted is None:
            yield "there is no CPU quota, but processes were throttled"
        if granted is not None and after == before and share > granted * 1.5 + 0.2:
            yield (
                f"the CPU quota is {granted:g}, but {share:.2f} CPUs were used without being "
                "throttled"
            )


def _granted(seen: Answers) -> float | None:
    """CPUs that the quota grants; None for no quota."""
    quota = seen.one_of("quota").split()
    if not quota or not quota[0].isdecimal():
        return None
    return int(quota[0]) / int(next(iter(quota[1:]), "") or seen.one_of("period") or 100_000)


def _pairs(seen: Answers, name: str) -> Iterator[tuple[int, int]]:
    for line in seen.all_of(name):
        wanted, _, got = line.partition(":")
        yield int(wanted), int(got or 0)


def _spun(seen: Answers) -> Iterator[tuple[int, int, int, int, int]]:
    """Times throttled and microseconds used, before and after; how long it took in hundredths of a
    second."""
    for line in seen.all_of("spun"):
        numbers = [int(word) for word in line.split()]
        if len(numbers) == 5:
            before, used_before, after, used_after, hundredths = numbers
            yield before, used_before, after, used_after, hundredths


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 1 << 63
