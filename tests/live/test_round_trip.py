"""Nothing is lost: created, read, written, created again, read again — on a real Podman.

Also through Quadlet: the unit goes through this host's generator, and its command line is the intended one.
`HARDENTUI_SOAK=N` runs N random containers in place of the usual few.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, reject, settings

from hardentui.host.podman.generator import dry_run, exec_start
from hardentui.model.podman_version import OLDEST_WITH_QUADLET, Version
from hardentui.model.spec import Option, Readability, Spec
from hardentui.options import *
from hardentui.options import NOT_CARRIED
from hardentui.options.argv import parse_create_command
from hardentui.options.engine_defaults import ulimits_added_at_start
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from hardentui.options.same_command import compare_arguments
from hardentui.quadlet.write.bundle import bundle
from hardentui.quadlet.write.image_unit import needs_image_unit, without_pull
from hardentui.writers.context import UnitContext
from hardentui.writers.run_script import flag_words, run_script
from tests.property.containers import NASTY, Words, containers
from tests.support.podman import BUSYBOX, RELEASE, ApiError, Bench

pytestmark = pytest.mark.live

NET = "rt-net"
DIRECTORY = "/tmp/hardentui-rt"  # the same text in every run: it is part of the generated examples
EXAMPLES = int(os.environ.get("HARDENTUI_SOAK", "80"))


@dataclass(frozen=True)
class Place:
    """A Podman with what the random containers mount and join."""

    bench: Bench
    engine: Mapping[str, Any]

    def sources(self, inspect: Mapping[str, Any]) -> Sources:
        volumes = [m["Name"] for m in inspect["Mounts"] or () if m["Type"] == "volume"]
        host = self.engine["host"]
        return Sources(
            inspect,
            image=self.bench.get(f"/images/{inspect['Image']}/json") if inspect["Image"] else None,
            version=Version.parse(self.engine["version"]["Version"]),
            log_driver=host["logDriver"],
            runtime=host["ociRuntime"]["name"],
            cgroup_version=1 if host["cgroupVersion"] == "v1" else 2,
            default_capabilities=frozenset(self.engine["capabilities"]),
            volumes={name: self.bench.get(f"/volumes/{name}/json") for name in volumes},
            pids_limit=self.engine["pids"],
            default_ulimits=self.engine["ulimits"],
        )

    def inspect(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = self.bench.get(f"/containers/{name}/json")
        return document

    def read(
        self,
        name: str,
        *,
        with_command: bool = True,
    ) -> Spec:
        document = self.inspect(name)
        if not with_command:
            document["Config"]["CreateCommand"] = None
        return read_spec(self.sources(document))

    def as_given(self, spec: Spec) -> Spec:
        """The spec without what was given although the engine does it anyway."""
        return (
            spec.without(LOG_DRIVER)
            if spec[LOG_DRIVER] == self.engine["host"]["logDriver"]
            else spec
        )

    def create(
        self,
        name: str,
        flags: Words,
        words: Words = (),
    ) -> None:
        """Create a container; a test that asks for the impossible is no test."""
        try:
            self.bench.podman(
                "create",
                "--name",
                name,
                *flags,
                BUSYBOX,
                *words,
            )
        except subprocess.CalledProcessError as error:
            raise Refused(error.stderr) from error

    def create_again(
        self,
        spec: Spec,
        name: str,
        context: UnitContext,
    ) -> None:
        """Remove the container and run the script that was written of it."""
        script = Path(self.bench.directory) / "again.sh"
        script.write_text(
            run_script(
                spec,
                context,
                ("a comment\x1b[31m\nwith a line break",),
            )
        )
        self.remove(name)
        self.bench.execute("sh", str(script), "create")

    def create_by(self, argv: Words, name: str) -> None:
        """Create what a service would run."""
        verb = argv.index("run")
        dropped = ("-d", "--detach", "--cidfile")
        words = [
            "create",
            *(word for word in argv[verb + 1 :] if word.partition("=")[0] not in dropped),
        ]
        self.remove(name)
        self.bench.execute("podman", *argv[1:verb], *words)

    def remove(self, name: str) -> None:
        """Remove a container with its anonymous volumes; by the API, which takes a tenth of the time."""
        try:
            self.bench.delete(f"/containers/{name}?force=true&v=true&timeout=0&ignore=true")
        except ApiError as error:
            if error.status != 404:
                raise


class Refused(Exception):
    """Podman does not take this combination of flags."""


@contextmanager
def prepared(podman: Bench) -> Iterator[Place]:
    """A bench with all that the random containers refer to."""
    for directory in ("", "/with,comma", "/with:colon", "/a blank", "/up", "/wk"):
        Path(DIRECTORY + directory).mkdir(exist_ok=True)
    podman.podman(
        "network",
        "create",
        "--subnet",
        "10.99.7.0/24",
        "--ipv6",
        NET,
    )
    podman.execute(
        "sh",
        "-c",
        "printf x | podman secret create s1 -",
    )
    podman.podman(
        "run",
        "--name",
        "rt-plain",
        BUSYBOX,
        "true",
    )
    plain = podman.get("/containers/rt-plain/json")
    engine = podman.get("/info") | {
        "ulimits": ulimits_added_at_start([plain]),
        "capabilities": plain["BoundingCaps"],
        "pids": plain["HostConfig"]["PidsLimit"],
    }
    yield Place(podman, engine)
    podman.remove("rt-plain")
    podman.podman("network", "rm", "-f", NET)
    podman.podman("secret", "rm", "s1")


@pytest.fixture(scope="module")
def place(podman: Bench) -> Iterator[Place]:
    with prepared(podman) as place:
        yield place


# --- what was asked for is there -----------------------------------------------------------------

_RENAMED = {
    "--mount": {"--volume", "--tmpfs"},
    "--no-healthcheck": {"--health-cmd"},
}
_SAYS_NOTHING = {
    "--passwd-entry": {""},
    "--group-entry": {""},
    "--log-opt": {"tag="},
    "--workdir": {"/"},
}
"""Last arguments that give what is there without the flag, too."""


def assert_nothing_missing(
    spec: Spec,
    flags: Words,
    version: Version,
) -> None:
    """Each flag that was given shows as an option of the spec."""
    given = parse_create_command(["podman", "create", *flags, "x"], version)
    assert given is not None
    present = {option.flag for option in spec}
    privileged = "--privileged" in given.flags
    for flag, arguments in given.flags.items():
        if flag in NOT_CARRIED and flag not in _RENAMED:
            continue
        if arguments[-1] in _SAYS_NOTHING.get(flag, ()):
            continue
        if flag == "--entrypoint" and arguments[-1] == "" and version < Version(5):
            continue  # shown as if it was not given, and the test's image has no entry point to take away
        if privileged and flag in ("--cap-add", "--cap-drop"):
            continue
        assert present & _RENAMED.get(flag, {flag}), f"{flag} {arguments} is lost"


def round_trip(
    place: Place,
    flags: Words,
    words: Words,
) -> tuple[Spec, Spec]:
    """Create, read, write, create, read; returns the spec, and what is read without the create command."""
    name = "rt-case"
    place.remove(name)
    place.create(name, flags, words)
    first, without = place.read(name), place.read(name, with_command=False)
    assert not first.unknowable
    context = UnitContext(version=Version.parse(place.engine["version"]["Version"]))
    assert_nothing_missing(first, flags, context.version)
    place.create_again(first, name, context)
    assert_same(place.read(name), first)
    assert_through_quadlet(place, first, context)
    return first, without


def assert_same(again: Spec, first: Spec) -> None:
    left = {
        option.name: (again[option], first[option])
        for option in TABLE
        if again[option] != first[option]
    }
    assert left == {}, left


def assert_through_quadlet(
    place: Place,
    spec: Spec,
    context: UnitContext,
) -> None:
    """The generator makes the intended command of the unit, and Podman takes it, with its values."""
    if context.version < OLDEST_WITH_QUADLET:
        return
    generator = place.bench.generator()
    assert generator is not None
    made = bundle(spec, context)
    done = dry_run(
        {file.name: file.text for file in made.files},
        user=False,
        generator=generator,
    )
    assert done.ok, done.stderr + made.files[0].text
    argv = exec_start(done.services[made.service])
    assert compare_arguments(argv, made.argv) == ()
    place.create_by(argv, spec[NAME])
    if needs_image_unit(spec, context.version):
        spec = without_pull(spec)
    own: set[Option[Any]] = {
        *OF_QUADLET,
        *([MOUNTS] if any(not mount.source for mount in spec[MOUNTS]) else []),
    }
    assert_same(place.read(spec[NAME]).without(*own), spec.without(*own))


OF_QUADLET = (REMOVE, CGROUPS, REQUIRES, RESTART, SDNOTIFY)
"""What a unit has of its own: systemd restarts and removes. An anonymous volume gets a name, too."""

CHOSEN: tuple[Words, ...] = (
    (
        "--annotation=a.b/c=d e",
        "--add-host=foo:10.1.2.3",
        "--cap-drop=CHOWN,KILL",
        "--cgroup-parent=/foo",
        "--chrootdirs=/data",
        "--cpus=0.29",
        "--dns-search=.",
        '--env=ML=a\nb "q" $X %n',
        "--expose=7000-7002",
        "--expose=53/udp",
        "--init",
        "--init-path=/usr/bin/catatonit",
        "--label=novalue",
        "--memory-swappiness=30",
        "--requires=rt-plain",
        "--restart=unless-stopped",
        "--secret=s1",
        "--stop-signal=9",
        "--stop-timeout=200",
        "--systemd=false",
        "--tmpfs=/t",
    ),
    (
        "--cpus=1.234567",
        "--device=/dev/null",
        "--env=PATH=/bin:/sbin",
        "--health-cmd=CMD /bin/true",
        "--hosts-file=none",
        "--log-opt=path=/tmp/hardentui-rt/x.log",
        "--ulimit=host",
        "--user=:1000",
        "--workdir=/a b/$X %n",
        "--pidfile=/tmp/hardentui-rt/pf",
        "--conmon-pidfile=/tmp/hardentui-rt/cp",
        "--rdt-class=COS1",
    ),
    ("--cap-add=ALL",),
    ("--cap-drop=ALL",),
    ("--cgroupns=private",),
    ("--cgroups=no-conmon",),
    ("--cpu-rt-period=10000",),
    ("--device=/dev/net:/dev/xnet:rw",),
    ("--device=vendor.com/class=all",),
    ("--device-read-bps=/dev/null:1mb", "--device-write-iops=/dev/null:1000"),
    ("--env=EMPTY=", "--env=TERM=dumb", "--env=HOME=/x"),
    ("--gpus=all",),
    ("--group-add=keep-groups",),
    ('--health-cmd=["CMD","/bin/echo","a b"]',),
    ('--health-cmd=["CMD-SHELL","echo a b"]',),
    (
        "--health-cmd=true",
        "--health-interval=90s",
        "--health-log-destination=events_logger",
    ),
    (
        "--health-cmd=true",
        "--health-max-log-count=0",
        "--health-max-log-size=0",
        "--oom-score-adj=0",
    ),
    ("--hostname=a-name", f"--network={NET}"),
    ("--ip6=fd00:99::77", f"--network={NET}"),
    ("--ipc=container:rt-plain",),
    ("--label=q=\"x\" 'y' \\ %n $V",),
    ("--log-driver=none",),
    ("--network=container:rt-plain",),
    ("--network=slirp4netns:mtu=1400",),
    ("--no-hostname", "--no-hosts"),
    ("--pid=container:rt-plain",),
    (
        "--platform=linux/amd64",
        "--retry=9",
        "--retry-delay=9s",
        "--tls-verify=false",
    ),
    ("-p", "0.0.0.0:18080:80/sctp"),
    ("-p", "80"),
    ("--security-opt=systempaths=unconfined",),
    ("--shm-size=0",),
    ('--sysctl="net.ipv4.ip_local_reserved_ports=80,443"',),
    ("--unsetenv=PATH",),
    ("--uidmap=u0:@0:1",),
    ("--uts=container:rt-plain",),
    (
        "--volumes-from=rt-plain:ro",
        f"--volume={DIRECTORY}:/b",
    ),
    (f"-v{DIRECTORY}:/b:O,upperdir={DIRECTORY}/up,workdir={DIRECTORY}/wk",),
    (f"--mount=type=glob,src={DIRECTORY}/w*,dst=/g,ro",),
    ("--mount=type=volume,dst=/b,ro=true",),
    ("--mount=type=volume,src=vol9,dst=/b,volume-opt=o=uid=5",),
    ("--mount=type=image,src=localhost/bb:1,dst=/i,subpath=/bin",),
    ("--userns=keep-id:uid=1000,gid=1000",),
)


@pytest.mark.parametrize(
    "flags",
    CHOSEN,
    ids=lambda flags: " ".join(flags)[:60],
)
def test_chosen_options_come_through(place: Place, flags: Words) -> None:
    try:
        round_trip(place, flags, ("/bin/echo", "x"))
    except Refused as error:
        if not RELEASE:
            raise
        pytest.skip(f"refused: {error}")


@pytest.mark.parametrize("start", range(0, len(NASTY), 9))
def test_nasty_words_come_through(place: Place, start: int) -> None:
    values = NASTY[start : start + 9]
    given = Spec.of(
        *(
            (
                option,
                tuple(f"K{number}={value}" for number, value in enumerate(values)),
            )
            for option in (ENV, LABELS, ANNOTATIONS)
        )
    )
    version = Version.parse(place.engine["version"]["Version"])
    flags = tuple(word for option in given for word in flag_words(option, given[option], version))
    spec, _ = round_trip(
        place,
        flags,
        ("/bin/echo", *values, "mid", *values),
    )
    config = place.inspect(spec[NAME])["Config"]
    assert config["Cmd"] == ["/bin/echo", *values, "mid", *values]
    assert config["Labels"] == {f"K{number}": value for number, value in enumerate(values)}


LIVE = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@LIVE
@given(case=containers(DIRECTORY, NET))
def test_random_containers_come_through(
    place: Place,
    case: tuple[Words, Words],
) -> None:
    flags, words = case
    try:
        spec, without = round_trip(place, flags, words)
    except Refused as error:
        event(f"refused: {str(error).splitlines()[-1][:60]}")
        reject()
    assert_honest(without, place.as_given(spec))


SAME_EFFECT = {option for option in TABLE if option.readability is Readability.CLIENT} | {
    IMAGE_VOLUME  # the image has no volumes, so nothing becomes of them
}


@settings(LIVE, max_examples=max(12, EXAMPLES // 4))
@given(case=containers(DIRECTORY, NET))
def test_a_running_container_reads_as_before_its_start(
    place: Place,
    case: tuple[Words, Words],
) -> None:
    flags = tuple(
        word for word in case[0] if not word.startswith(("--entrypoint", "--rm", "--timeout"))
    )
    place.remove("rt-case")
    try:
        place.create("rt-case", flags, ("/bin/sleep", "300"))
        before = place.read("rt-case")
        place.bench.podman("start", "rt-case")
    except (Refused, subprocess.CalledProcessError):
        reject()
    try:
        assert_same(place.read("rt-case"), before)
        without = place.read("rt-case", with_command=False)
        assert_honest(without, place.as_given(before))
    finally:
        place.remove("rt-case")


def all_aliases(spec: Spec) -> set[str]:
    """DNS names, however they were given: by --network-alias or as an option of a network."""
    options = {word for argument in spec[NETWORK] for word in argument.partition(":")[2].split(",")}
    return {
        *spec[NETWORK_ALIAS],
        *(word[len("alias=") :] for word in options if word.startswith("alias=")),
    }


def assert_honest(without: Spec, spec: Spec) -> None:
    """Without the create command every option is the same, or is named as not known."""
    named = {option.flag for option in without.unknowable}
    told = " ".join(without.remarks)
    assert all_aliases(without) == all_aliases(spec)
    for option in TABLE:
        if without[option] != spec[option] and option is not NETWORK_ALIAS:
            assert option.flag in named or option.flag in told or option in SAME_EFFECT, (
                f"{option.name}: {without[option]!r} in place of {spec[option]!r}, and nobody is told"
            )
