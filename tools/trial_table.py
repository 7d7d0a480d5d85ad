#!/usr/bin/env python3
"""Try real services on a real Podman and write the table in docs/trial.md; half an hour or more, as root."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from hardentui.cli.session import one_report
from hardentui.errors import HardenError
from hardentui.features.fix.trial_files import plan_of_trial
from hardentui.features.harden.card import doors_of, within_reach
from hardentui.features.looking.default_profile import default_profile
from hardentui.features.trial.learned.system_calls import calls_let_through
from hardentui.features.trial.observe.watch import native_way
from hardentui.features.trial.trying import Wishes, choices_to_try
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.model.plan import Caution
from hardentui.model.spec import Spec
from hardentui.model.trial import Trial, TrialEvent
from hardentui.options import CAP_ADD, CAP_DROP, MOUNTS, READ_ONLY, TMPFS
from hardentui.options.table import bounding_set
from hardentui.reading.seccomp import parse_profile
from hardentui.words import plural
from tests.support.debian_services import DNSMASQ, HAPROXY, LIGHTTPD, MEMCACHED, MOSQUITTO, RSYNC, SUPERVISED
from tests.support.images import NGINX, REDIS, ServiceImage, build
from tests.support.podman import TEST_USER, Bench
from tests.support.postgres import postgres_image
from tests.support.systemd_image import systemd_image
from tests.support.watched_services import NAME as WATCHED_NAME
from tests.support.watched_services import SERVICES as WATCHED
from tests.support.watched_services import seen_by_both
from tests.support.worked_services import SERVICES as WORKED
from tests.support.worked_services import WorkedService, build_worked

DOCS = Path(__file__).parents[1] / "docs" / "trial.md"
BEGIN, END = "<!-- table: tools/trial_table.py -->\n", "<!-- end of the table -->\n"
MQTT = r"printf '\020\014\000\004MQTT\004\002\000\074\000\000' >&3; head -c 1 <&3 | grep -q ."


class Service(NamedTuple):
    """A service that is tried.

    Attributes:
        probe: succeeds if the service works.
        flags: for `podman run`.
        minimum: capability -> why the service needs it, from its source or documentation; None: not known.
    """

    name: str
    image: Callable[[Bench], str]
    probe: str
    minimum: Mapping[str, str] | None
    flags: tuple[str, ...] = ()


def worked(service: WorkedService) -> Service:
    """One of those that tests/live/test_worked_after.py lets work afterwards."""
    flags = tuple(
        word
        for place in service.volumes
        for word in ("-v", f"tt-{service.name}{place.replace('/', '-')}:{place}")
    )
    return Service(service.name, lambda bench: build_worked(bench, service), service.probe, None, flags)


def of(image: ServiceImage) -> Callable[[Bench], str]:
    def made(bench: Bench) -> str:
        build(bench, image)
        return image.reference

    return made


def talk(port: int, words: str) -> str:
    return f'bash -c "exec 3<>/dev/tcp/$TWIN_IP/{port}; {words}"'


HTTP = "curl -fsS -m 3 -o /dev/null http://$TWIN_IP:80/"
SWITCH = {
    "SETGID": "switches from root's groups to its own",
    "SETUID": "switches to a non-root user",
}
LOW_PORT = {"NET_BIND_SERVICE": "binds a port below 1024"}
SERVICES = (
    Service(
        "nginx",
        of(NGINX),
        HTTP,
        {**SWITCH, **LOW_PORT, "CHOWN": "gives its temporary directories to the worker user at start"},
    ),
    Service(
        "lighttpd",
        of(LIGHTTPD),
        HTTP,
        {
            **SWITCH,
            **LOW_PORT,
            "DAC_OVERRIDE": "writes its PID file as root into a directory owned by www-data",
        },
    ),
    Service(
        "haproxy",
        of(HAPROXY),
        HTTP,
        {
            **SWITCH,
            **LOW_PORT,
            "SYS_CHROOT": "its configuration sets chroot",
            "KILL": "the master stays root and kills workers of another user",
        },
    ),
    Service(
        "postgres",
        postgres_image,
        'psql -h $TWIN_IP -U postgres -qc "create table if not exists t(a int)"',
        {
            **SWITCH,
            "CHOWN": "the entry point gives the data directory to postgres",
            "FOWNER": "the entry point then changes the mode of that directory",
            "DAC_OVERRIDE": "the entry point, still root, reads that directory, whose mode is 0700",
        },
        ("-v", "tt-pg:/var/lib/postgresql/data"),
    ),
    Service("redis", of(REDIS), "redis-cli -h $TWIN_IP set a b | grep -q OK", {}, ("-v", "tt-redis:/data")),
    Service(
        "memcached",
        of(MEMCACHED),
        talk(11211, r"printf 'version\r\n' >&3; head -c 7 <&3 | grep -q VERSION"),
        SWITCH,
    ),
    Service("mosquitto", of(MOSQUITTO), talk(1883, MQTT), SWITCH, ("-v", "tt-mqtt:/var/lib/mosquitto")),
    Service(
        "dnsmasq",
        of(DNSMASQ),
        "busybox nslookup known.test $TWIN_IP | grep -q 192.0.2.7",
        {**SWITCH, **LOW_PORT},  # that it cannot give its PID file away is only a warning to it
    ),
    Service(
        "rsync",
        of(RSYNC),
        # never to /dev/null: as root, rsync puts a file in the place of the device
        "at=$(mktemp -d) && rsync -q rsync://$TWIN_IP/files/file $at/; said=$?; rm -rf $at; exit $said",
        {**SWITCH, **LOW_PORT, "SYS_CHROOT": "its configuration sets use chroot"},
    ),
    Service("two supervised", of(SUPERVISED), "curl -fsS -m 3 -o /dev/null http://$TWIN_IP:8080/", SWITCH),
    Service("systemd inside", systemd_image, HTTP, LOW_PORT, ("-t",)),
    *(worked(service) for service in WORKED if service.name not in ("mosquitto", "postgres")),
)


class Row(NamedTuple):
    """One line of the table."""

    service: str
    minimum: Mapping[str, str] | None
    trial: Trial
    before: Spec
    after: Spec
    calls_before: int
    bugs: tuple[int | None, int | None]
    scores: tuple[int | None, int | None]
    untouched: bool

    @property
    def above(self) -> int:
        """How many capabilities it keeps beyond the known minimum."""
        if self.minimum is None:
            return 0
        granted = {name.removeprefix("CAP_") for name in bounding_set(self.after, STOCK_CAPABILITIES)}
        return len(granted) - len(self.minimum)

    def text(self) -> str:
        learned = self.trial.learned
        calls = learned.syscalls if learned is not None and learned.syscalls else None
        cells = (
            self.service,
            self.trial.result.value,
            f"{capabilities(self.before)} → {capabilities(self.after)}",
            "" if self.minimum is None else f"{len(self.minimum)}",
            "" if self.minimum is None else f"{self.above:+d}" if self.above else "0",
            f"{self.calls_before} → {calls if calls else 'not narrowed'}",
            f"{self.bugs[0]} → {self.bugs[1]}",
            writable(self.after),
            f"{self.scores[0]} → {self.scores[1]}",
            str(len(self.trial.relaxed)),
            ", ".join(left.check for left in self.trial.left_out) or "nothing",
            str(len(self.trial.rounds)),
            f"{self.trial.seconds:.0f}",
        )
        return f"| {' | '.join(cells)} |"


def capabilities(spec: Spec) -> str:
    names = bounding_set(spec, STOCK_CAPABILITIES)
    if not spec[CAP_ADD] and not spec[CAP_DROP]:
        return f"{len(names)}"
    return f"{len(names)}" + (f" ({', '.join(sorted(name[4:] for name in names))})" if names else "")


def writable(spec: Spec) -> str:
    if not spec[READ_ONLY]:
        return "all of it"
    places = [entry.partition(":")[0] for entry in spec[TMPFS]]
    places += [mount.destination for mount in spec[MOUNTS] if not mount.read_only]
    return ", ".join(places) or "none"


def tried(bench: Bench, workbench: Workbench, service: Service) -> Row:
    name = service.name.replace(" ", "-")
    bench.podman("run", "-d", "--name", name, *service.flags, service.image(bench))
    time.sleep(5)
    try:
        report = one_report(workbench, name)
        facts: ContainerFacts = report.facts or sys.exit(f"no facts about {name}")
        plan = workbench.planner.plan_with(report, Caution.ALL)
        wishes = Wishes(probes=(service.probe,), learn=str(bench.directory / f"seccomp-{name}.json"))
        pid = bench.get(f"/containers/{name}/json")["State"]["Pid"]
        trial = workbench.trying(report).run(
            choices_to_try(plan, named=False), wishes, tell, threading.Event()
        )
        state = bench.get(f"/containers/{name}/json")["State"]
        final = plan_of_trial(workbench.planner, report, trial)
        scores = (report.score.value, workbench.planner.score_after(report, final).value)
        profile = default_profile(facts, workbench.opened.files)
        held = bounding_set(facts.spec, STOCK_CAPABILITIES)
        calls = (
            0 if isinstance(profile, Unread) else len(calls_let_through(profile.rules, held, native_way()))
        )
        learned = trial.learned.seccomp if trial.learned else None
        bugs = reached(facts, facts.spec, None), reached(facts, final.after, learned)
        return Row(
            service.name,
            service.minimum,
            trial,
            facts.spec,
            final.after,
            calls,
            bugs,
            scores,
            state["Pid"] == pid,
        )
    finally:
        bench.remove(name)


def reached(facts: ContainerFacts, spec: Spec, learned: Mapping[str, Any] | None) -> int | None:
    """How many known kernel vulnerabilities are within reach of a container with this spec."""
    held = bounding_set(spec, STOCK_CAPABILITIES)
    filter_ = parse_profile(learned, capabilities=held) if learned else None
    doors = doors_of(facts, spec, held, filter_)
    return None if doors is None else len(within_reach(doors))


def tell(event: TrialEvent) -> None:
    if event.round is not None:
        print(f"  {event.round.purpose}: {'works' if event.round.ready else event.round.why}", flush=True)


def host_of(bench: Bench) -> str:
    """Where it ran, and how busy that was."""
    podman = bench.podman("version", "--format", "{{.Client.Version}}")
    version = bench.podman("info", "--format", "{{.Host.CgroupsVersion}}")
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[2]:.0f}, Podman {podman}, cgroup {version}"


def table(rows: list[Row], host: str) -> str:
    most = max((row.above for row in rows), default=0)
    works = sum(row.trial.result.value == "works" for row in rows)
    harmed = sum(not row.untouched for row in rows)
    head = (
        "service", "result", "capabilities", "known minimum", "above it", "system calls", "known kernel bugs",
        "writable besides /run and /tmp", "score", "loosened", "left out", "rounds", "seconds",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(row.text() for row in rows)]
    told = (
        f"{works} of {len(rows)} end up hardened and working; {harmed} originals were touched; at most "
        f"{plural(most, 'capability', 'capabilities')} above the known minimum.\n"
        f"{sum(len(row.trial.rounds) <= 3 for row in rows)} of {len(rows)} took three rounds or fewer.\n"
        f"One run of `tools/trial_table.py` on {date.today():%d %B %Y} ({host})."
    )
    why = [f"- {row.service}: {argued(row.minimum)}" for row in rows if row.minimum is not None]
    return "\n".join([told, "", *lines, "", "The known minimum, with reasons:", "", *why, ""])


def argued(minimum: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in sorted(minimum.items())) or "none"


def calls_table(rootful: Bench, rootless: Bench) -> str:
    """The system calls of each service, as seen by user notification and by strace."""
    lines = ["| service | Podman | seen by notification | seen by strace | difference |", "|" + "---|" * 5]
    worst = 0.0
    for service in WATCHED:
        for bench, kind in ((rootful, "rootful"), (rootless, "rootless")):
            seen, by_strace = seen_by_both(bench, service)
            different = sorted(seen ^ by_strace)
            share = 100 * len(different) / len(by_strace)
            worst = max(worst, share)
            names = f" ({', '.join(different)})" if different else ""
            lines.append(
                f"| {service.name} | {kind} | {len(seen)} | {len(by_strace)} | {share:.1f} %{names} |"
            )
            print(lines[-1], flush=True)
            bench.remove(WATCHED_NAME)
    told = f"{CALLS} user notification and by `strace -f` differ by at most {worst:.1f} %."
    return "\n".join([told, "", *lines, ""])


CALLS = "System calls seen by"


def write(trials: str, calls: str) -> None:
    """Both tables into the docs; of a run of some services, the first."""
    before, _, rest = DOCS.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    DOCS.write_text(f"{before}{BEGIN}{trials}\n{calls or CALLS + old.partition(CALLS)[2]}{END}{after}")


def main(names: list[str]) -> int:
    keep = "--write" in names  # without names, the whole table is always written
    names = [name for name in names if name != "--write"]
    bench, rootless = Bench(), Bench(TEST_USER)
    bench.start()
    rows = []
    try:
        bench.image()
        for service in SERVICES:
            if names and service.name not in names:
                continue
            workbench = Workbench.open(Selection(url=bench.url))
            print(service.name, flush=True)
            try:
                rows.append(tried(bench, workbench, service))
                print(rows[-1].text(), flush=True)
            except (HardenError, subprocess.CalledProcessError) as error:
                print(f"  not tried: {error}", flush=True)
            finally:
                workbench.close()
                bench.podman("volume", "prune", "-f")
        host = host_of(bench)
        print(table(rows, host))
        calls = ""
        if not names:
            rootless.start()
            rootless.image()
            calls = calls_table(bench, rootless)
        if not names or keep:
            write(table(rows, host), calls)
    finally:
        bench.stop()
        rootless.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
