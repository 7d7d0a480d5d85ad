"""Harden real services on a real Podman, let them work, and write the table in docs/trial.md; as
root.

python -m tools.trial_table                      all, and the system calls by strace: an hour or
more
python -m tools.trial_table --write sshd cron    these; the other rows of the table stay
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from hardentui.__main__ import main as hardentui
from hardentui.cli.session import one_report
from hardentui.errors import HardenError
from hardentui.features.fix.trial_files import plan_of_trial
from hardentui.features.looking.default_profile import default_profile
from hardentui.features.rights.kernel_reach import doors_of, within_reach
from hardentui.features.trial.learned.system_calls import calls_let_through
from hardentui.features.trial.observe.watch import native_way
from hardentui.features.trial.request import Wishes
from hardentui.features.trial.tried import as_json
from hardentui.features.trial.trying import choices_to_try
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.lib.seccomp import parse_profile
from hardentui.model.facts import STOCK_CAPABILITIES, ContainerFacts
from hardentui.model.known import Unread
from hardentui.model.plan import Caution
from hardentui.model.spec import Spec
from hardentui.model.trial import Trial, TrialEvent
from hardentui.options import CAP_ADD, CAP_DROP, MOUNTS, READ_ONLY, TMPFS
from hardentui.options.capability_sets import bounding_set
from hardentui.words import plural
from tests.support.debian_services import (
    DNSMASQ,
    HAPROXY,
    LIGHTTPD,
    MEMCACHED,
    MOSQUITTO,
    RSYNC,
    SUPERVISED,
)
from tests.support.images import NGINX, REDIS, ServiceImage, build
from tests.support.lived_services import SERVICES as LIVED
from tests.support.lived_services import LivedService, month_of_work
from tests.support.podman import TEST_USER, Bench
from tests.support.systemd_image import systemd_image
from tests.support.waiting import eventually
from tests.support.watched_services import NAME as WATCHED_NAME
from tests.support.watched_services import SERVICES as WATCHED
from tests.support.watched_services import seen_by_both
from tests.support.worked_services import NAME as WORKED_NAME
from tests.support.worked_services import SERVICES as WORKED
from tests.support.worked_services import WorkedService, build_worked, carry_out, works

DOCS = Path(__file__).parents[1] / "docs" / "trial.md"
BEGIN, END = "<!-- table: tools/trial_table.py -->\n", "<!-- end of the table -->\n"
MQTT = r"printf '\020\014\000\004MQTT\004\002\000\074\000\000' >&3; head -c 1 <&3 | grep -q ."


class Service(NamedTuple):
    """A service that is tried.

    Attributes:
        probe: succeeds if the service works.
        flags: for `podman run`.
        minimum: capability -> why the service needs it, from its source or documentation; None: not
            known.
        container: its name.
        ready: waits until it serves, and prepares it.
        work: does what the probe did not, after `apply`; what -> whether it went well.
        more: options of apply.
    """

    name: str
    image: Callable[[Bench], str]
    probe: str
    minimum: Mapping[str, str] | None
    flags: tuple[str, ...] = ()
    container: str = "tried"
    ready: Callable[[Bench], object] = lambda bench: time.sleep(5)
    work: Callable[[Bench], Mapping[str, bool]] | None = None
    more: tuple[str, ...] = ()


def worked(service: WorkedService) -> Service:
    """One of those that tests/live/test_worked_after.py lets work afterwards."""
    flags = tuple(
        word
        for place in service.volumes
        for word in (
            "-v",
            f"tt-{service.name}{place.replace('/', '-')}:{place}",
        )
    )

    def ready(bench: Bench) -> None:
        if not eventually(
            lambda: works(
                bench,
                "exec",
                WORKED_NAME,
                "sh",
                "-c",
                service.ready,
            )[0],
            90,
        ):
            raise HardenError("it did not become ready")
        bench.podman(
            "exec",
            WORKED_NAME,
            "sh",
            "-c",
            service.before,
        )

    def work(bench: Bench) -> dict[str, bool]:
        eventually(
            lambda: works(
                bench,
                "exec",
                WORKED_NAME,
                "sh",
                "-c",
                service.ready,
            )[0],
            60,
        )
        said = {
            step.name: carry_out(bench, build_worked(bench, service), step) for step in service.work
        }
        for wrong in filter(None, said.values()):
            print(f"  {wrong}", flush=True)
        return {step: not wrong for step, wrong in said.items()}

    return Service(
        service.name,
        lambda bench: build_worked(bench, service),
        service.probe,
        None,
        flags,
        WORKED_NAME,
        ready,
        work,
        () if service.volumes else ("--keep-data",),
    )


def lived(service: Service, life: LivedService) -> Service:
    """With what tests/live/test_worked_after.py lets it do afterwards."""
    return service._replace(
        image=of(life.image()), container=WORKED_NAME, work=lambda bench: month_of_work(bench, life)
    )


def with_life(service: Service) -> Service:
    lives = {life.name: life for life in LIVED}
    name = service.name.removeprefix("two ")
    return service if service.work or name not in lives else lived(service, lives[name])


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
        {
            **SWITCH,
            **LOW_PORT,
            "CHOWN": "gives its temporary directories to the worker user at start",
        },
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
        "redis",
        of(REDIS),
        "redis-cli -h $TWIN_IP set a b | grep -q OK",
        {},
        ("-v", "tt-redis:/data"),
    ),
    Service(
        "memcached",
        of(MEMCACHED),
        talk(
            11211,
            r"printf 'version\r\n' >&3; head -c 7 <&3 | grep -q VERSION",
        ),
        SWITCH,
    ),
    Service(
        "mosquitto", of(MOSQUITTO), talk(1883, MQTT), SWITCH, ("-v", "tt-mqtt:/var/lib/mosquitto")
    ),
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
        "at=$(mktemp -d) && rsync -q rsync://$TWIN_IP/files/file $at/; said=$?; rm -rf $at; exit "
        "$said",
        {**SWITCH, **LOW_PORT, "SYS_CHROOT": "its configuration sets use chroot"},
    ),
    Service(
        "two supervised",
        of(SUPERVISED),
        "curl -fsS -m 3 -o /dev/null http://$TWIN_IP:8080/",
        SWITCH,
    ),
    Service(
        "systemd inside",
        systemd_image,
        HTTP,
        LOW_PORT,
        ("-t",),
    ),
    *(worked(service) for service in WORKED if service.name != "mosquitto"),
)
"""Those without work are probed only."""

HEAD = (
    "service", "result", "capabilities", "known minimum", "above it", "system calls", "known kernel bugs",
    "writable besides /run and /tmp", "score", "left out", "rounds", "seconds (load)", "work after it",
    "broken",
)  # fmt: skip


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        work: what it did after `apply` -> whether that went well; None: the probe is all that is
            known.
    """

    service: Service
    trial: Trial
    before: Spec
    after: Spec
    calls_before: int
    bugs: tuple[int | None, int | None]
    scores: tuple[int | None, int | None]
    untouched: bool
    work: Mapping[str, bool] | None

    def cells(self) -> tuple[str, ...]:
        learned, minimum = self.trial.learned, self.service.minimum
        calls = learned.syscalls if learned is not None and learned.syscalls else None
        granted = bounding_set(self.after, STOCK_CAPABILITIES)
        work = {part.partition(", after")[0]: None for part in self.work or ()}
        broken = [part for part, well in (self.work or {}).items() if not well]
        return (
            self.service.name,
            self.trial.result.value if self.untouched else "the original was touched",
            f"{capabilities(self.before)} → {capabilities(self.after)}",
            "" if minimum is None else f"{len(minimum)}",
            "" if minimum is None else f"{len(granted) - len(minimum):+d}".replace("+0", "0"),
            f"{self.calls_before} → {calls if calls else 'not narrowed'}",
            f"{self.bugs[0]} → {self.bugs[1]}",
            writable(self.after),
            f"{self.scores[0]} → {self.scores[1]}",
            ", ".join(left.check for left in self.trial.left_out) or "nothing",
            str(len(self.trial.rounds)),
            f"{self.trial.seconds:.0f} ({os.getloadavg()[1]:.0f})",
            "none" if self.work is None else ", ".join(work),
            "–" if self.work is None else ", ".join(broken) or "0",
        )


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def capabilities(spec: Spec) -> str:
    names = bounding_set(spec, STOCK_CAPABILITIES)
    if not spec[CAP_ADD] and not spec[CAP_DROP]:
        return f"{len(names)}"
    gone = set(STOCK_CAPABILITIES) - set(names)
    few = (
        f" (not {', '.join(sorted(name[4:] for name in gone))})"
        if names and len(gone) < len(names)
        else ""
    )
    return f"{len(names)}{few}"


def writable(spec: Spec) -> str:
    if not spec[READ_ONLY]:
        return "all of it"
    places = [entry.partition(":")[0] for entry in spec[TMPFS]]
    places += [mount.destination for mount in spec[MOUNTS] if not mount.read_only]
    return ", ".join(places) or "none"


def tried(
    bench: Bench,
    workbench: Workbench,
    service: Service,
) -> Row:
    name = service.container
    image = service.image(bench)
    try:
        bench.podman(
            "run",
            "-d",
            "--name",
            name,
            *service.flags,
            image,
        )
        service.ready(bench)
        report = one_report(workbench, name)
        facts: ContainerFacts = report.facts or sys.exit(f"no facts about {name}")
        plan = workbench.planner.plan_with(report, Caution.ALL)
        wishes = Wishes(
            probes=(service.probe,), learn=str(bench.directory / f"seccomp-{name}.json")
        )
        pid = bench.get(f"/containers/{name}/json")["State"]["Pid"]
        trial = workbench.trying(report).run(
            choices_to_try(plan, named=False), wishes, tell, threading.Event()
        )
        state = bench.get(f"/containers/{name}/json")["State"]
        final = plan_of_trial(workbench.planner, report, trial)
        scores = (
            report.score.value,
            workbench.planner.score_after(report, final).value,
        )
        profile = default_profile(facts, workbench.opened.files)
        held = bounding_set(facts.spec, STOCK_CAPABILITIES)
        calls = (
            0
            if isinstance(profile, Unread)
            else len(calls_let_through(profile.rules, held, native_way()))
        )
        learned = trial.learned.seccomp if trial.learned else None
        bugs = reached(facts, facts.spec, None), reached(facts, final.after, learned)
        untouched = state["Pid"] == pid
        work = None
        if service.work and trial.options:
            record = Path(bench.directory, "trial.json")
            record.write_text(as_json(trial))
            words = [
                "--trial",
                str(record),
                "--yes",
                "--quiet",
                "--url",
                bench.url,
                *service.more,
            ]
            if hardentui(["apply", name, *words]):
                raise HardenError("apply did not keep it")
            work = service.work(bench)
        specs = facts.spec, final.after
        return Row(
            service,
            trial,
            *specs,
            calls,
            bugs,
            scores,
            untouched,
            work,
        )
    finally:
        bench.remove(*(kept for kept in bench.podman("ps", "-aq").split()))


def reached(
    facts: ContainerFacts,
    spec: Spec,
    learned: Mapping[str, Any] | None,
) -> int | None:
    """How many known kernel vulnerabilities are within reach of a container with this spec."""
    held = bounding_set(spec, STOCK_CAPABILITIES)
    filter_ = parse_profile(learned, capabilities=held) if learned else None
    doors = doors_of(facts, spec, held, filter_)
    return None if doors is None else len(within_reach(doors))


def tell(event: TrialEvent) -> None:
    if event.round is not None:
        print(
            f"  {event.round.purpose}: {'works' if event.round.ready else event.round.why}",
            flush=True,
        )


def host_of(bench: Bench) -> str:
    podman = bench.podman(
        "version",
        "--format",
        "{{.Client.Version}}",
    )
    version = bench.podman(
        "info",
        "--format",
        "{{.Host.CgroupsVersion}}",
    )
    return f"{os.cpu_count()} cores, Podman {podman}, cgroup {version}"


def table(rows: Mapping[str, Sequence[str]], host: str) -> str:
    """The table of these rows, and what it says at a glance.

    Args:
        rows: service -> cells.
    """
    known = [
        dict(zip(HEAD, rows[service.name], strict=True))
        for service in SERVICES
        if service.name in rows
    ]
    works = sum(row["result"] == "works" for row in known)
    most = max(
        (int(row["above it"]) for row in known if row["above it"]),
        default=0,
    )
    broken = sum(row["broken"] not in ("0", "–") for row in known)
    worked = sum(row["broken"] != "–" for row in known)
    told = (
        f"{works} of {len(known)} end up hardened and working; at most "
        f"{plural(most, 'capability', 'capabilities')} above the known minimum.\n"
        f"{broken} of {worked} broke later in work that the probe had not done.\n"
        f"{sum(int(row['rounds']) <= 3 for row in known)} of {len(known)} took three rounds or fewer.\n"
        f"Runs of `tools/trial_table.py` until {date.today():%d %B %Y} ({host})."
    )
    why = [
        f"- {service.name}: {argued(service.minimum)}"
        for service in SERVICES
        if service.name in rows and service.minimum is not None
    ]
    lines = [
        line(HEAD),
        "|" + "---|" * len(HEAD),
        *(line(tuple(row.values())) for row in known),
    ]
    return "\n".join([told, "", *lines, "", "The known minimum, with reasons:", "", *why, ""])


def rows_in(text: str) -> dict[str, tuple[str, ...]]:
    """The rows of a table that was written before."""
    cells = [tuple(cell.strip() for cell in row.split("|")[1:-1]) for row in text.splitlines()]
    return {
        row[0]: row
        for row in cells
        if len(row) == len(HEAD) and row != HEAD and "---" not in row[0]
    }


def argued(minimum: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in sorted(minimum.items())) or "none"


def calls_table(rootful: Bench, rootless: Bench) -> str:
    """The system calls of each service, as seen by user notification and by strace."""
    lines = [
        "| service | Podman | seen by notification | seen by strace | difference |",
        "|" + "---|" * 5,
    ]
    worst = 0.0
    for service in WATCHED:
        for bench, kind in ((rootful, "rootful"), (rootless, "rootless")):
            seen, by_strace = seen_by_both(bench, service)
            different = sorted(seen ^ by_strace)
            share = 100 * len(different) / len(by_strace)
            worst = max(worst, share)
            names = f" ({', '.join(different)})" if different else ""
            lines.append(
                f"| {service.name} | {kind} | {len(seen)} | {len(by_strace)} | {share:.1f} %{names} "
                "|"
            )
            print(lines[-1], flush=True)
            bench.remove(WATCHED_NAME)
    told = f"{CALLS} user notification and by `strace -f` differ by at most {worst:.1f} %."
    return "\n".join([told, "", *lines, ""])


CALLS = "System calls seen by"


def write(
    rows: Mapping[str, tuple[str, ...]],
    host: str,
    calls: str = "",
    *,
    others: bool = False,
) -> None:
    """Into the docs.

    Args:
        calls: the table of system calls; empty = as it is.
        others: the rows of other services stay.
    """
    before, _, rest = DOCS.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    told = table({**(rows_in(old) if others else {}), **rows}, host)
    DOCS.write_text(
        f"{before}{BEGIN}{told}\n{calls or CALLS + old.partition(CALLS)[2]}{END}{after}"
    )


def main(names: list[str]) -> int:
    keep = "--write" in names or not names
    names = [name for name in names if name != "--write"]
    bench, rootless = Bench(), Bench(TEST_USER)
    os.environ["XDG_STATE_HOME"] = str(bench.directory / "state")
    bench.start()
    rows: dict[str, tuple[str, ...]] = {}
    try:
        bench.image()
        for service in map(with_life, SERVICES):
            if names and service.name not in names:
                continue
            workbench = Workbench.open(Selection(url=bench.url))
            print(service.name, flush=True)
            try:
                rows[service.name] = tried(bench, workbench, service).cells()
                print(line(rows[service.name]), flush=True)
            except (HardenError, subprocess.CalledProcessError) as error:
                print(f"  not tried: {error}", flush=True)
            finally:
                workbench.close()
                bench.podman("volume", "rm", "-af")
            if keep:
                write(rows, host_of(bench), others=bool(names))
        if not names:
            rootless.start()
            rootless.image()
            calls = calls_table(bench, rootless)
            write(rows, host_of(bench), calls)
    finally:
        bench.stop()
        rootless.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
