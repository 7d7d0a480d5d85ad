"""What `fix` and `convert` print, carried out literally by a shell on a real Podman: no data is
lost, neither while the new containers take over nor on the way back nor at the end.

No systemd runs there: `systemctl` is a stand-in on PATH that runs the commands which this host's
real Quadlet generator makes of the installed units (tests/support/stand_in_systemctl.py); it
restarts nothing. `sudo` is one too, because a bench is already of the user that the commands name,
with settings of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from hardentui.features.fix.saving import save
from hardentui.features.views import known_facts
from hardentui.model.draft import Target
from hardentui.model.file_names import profile_name
from hardentui.model.plan import Plan
from hardentui.options import SECCOMP_PROFILE
from hardentui.writers.take_over import OldContainer, TakeOver, take_over_script
from tests.conftest import cannot_run
from tests.support import stand_in_systemctl
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
LONG = pytest.mark.long

FILL = (
    "mkdir -p {0}/sub && echo precious >{0}/file && echo more >{0}/sub/more && chown 33:44 {0}/file"
    " && chmod 640 {0}/file && ln -s file {0}/link"
)
SLEEP = ("sleep", "100000")


class Machine(Struct, frozen=True):
    """A bench with the stand-ins on PATH, and a directory for files."""

    bench: Bench
    directory: Path

    def shell(self, command: str) -> None:
        path = f"PATH={self.bench.directory}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        try:
            self.bench.execute(
                "env",
                path,
                "sh",
                "-c",
                command,
                timeout=180,
            )
        except subprocess.CalledProcessError as error:
            error.add_note(error.stderr)
            raise

    def ask(self, *arguments: str) -> str:
        """What podman says, or nothing where it fails."""
        try:
            return self.bench.podman(*arguments)
        except subprocess.CalledProcessError:
            return ""

    def ids(self, *names: str) -> dict[str, str]:
        """Name -> id; empty where no container is called so."""
        listed = self.bench.podman(
            "ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}}"
        ).splitlines()
        there = dict(line.split() for line in listed)
        return {name: there.get(name, "") for name in names}

    def data(self, places: dict[str, str]) -> dict[str, str]:
        """Every file below a path in each container: owner, mode, kind, bytes."""
        look = (
            'cd {0} && find . | sort | while read -r f; do stat -c "%n %u:%g %a %F" "$f"; '
            'if [ -f "$f" ]; then sha256sum "$f"; fi; done'
        )
        return {
            name: self.bench.podman(
                "exec",
                "--user=0",
                name,
                "sh",
                "-c",
                look.format(path),
            )
            for name, path in places.items()
        }


class Steps(Struct, frozen=True):
    next: list[str]
    back: list[str]
    finish: list[str]


@pytest.fixture
def machine(bench: Bench) -> Iterator[Machine]:
    """The rootful Podman, then the rootless one."""
    yield from _machine(bench)


@pytest.fixture
def rootful(podman: Bench) -> Iterator[Machine]:
    yield from _machine(podman)


def _machine(bench: Bench) -> Iterator[Machine]:
    programs, state = bench.directory / "bin", bench.directory / "systemd"
    for directory in (programs, state):
        directory.mkdir(mode=0o777, exist_ok=True)
        directory.chmod(0o777)
    shutil.copy(stand_in_systemctl.__file__, programs / "stand_in.py")
    without_options = (
        "while :; do case $1 in -u) shift 2 ;; -* | *=*) shift ;; *) break ;; esac; done"
    )
    scripts = {
        "systemctl": f'exec python3 {programs}/stand_in.py {state}/state "$@"',
        "sudo": f'{without_options}\nexec "$@"',
    }
    for name, text in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    directory = bench.directory / "out"
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    units = bench.directory / "home/.config/containers/systemd"  # where a user's systemd reads them
    units.mkdir(exist_ok=True)
    units.chmod(0o777)
    yield Machine(bench, directory)
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)
    bench.podman(
        "pod",
        "rm",
        "-f",
        "-a",
        "-t",
        "0",
        timeout=120,
    )
    bench.podman(
        "rm",
        "-f",
        "-a",
        "-v",
        "-t",
        "0",
        timeout=120,
    )
    bench.podman("volume", "rm", "-f", "-a")
    shutil.rmtree(units)
    if os.geteuid() == 0:  # then /etc/containers is the bench's own
        bench.execute("rm", "-rf", "/etc/containers/systemd")


def written(machine: Machine, *words: str) -> Steps:
    """Write the files with a command of ours; what it prints to do next."""
    done = hardentui(
        *words,
        "--url",
        machine.bench.url,
        "-o",
        str(machine.directory),
        ends=0,
    )
    told = done.stderr.splitlines()
    kinds = ("next: ", "if it does not work: ", "when all is well: ")
    return Steps(
        *([line.removeprefix(kind) for line in told if line.startswith(kind)] for kind in kinds)
    )


def carry_out(machine: Machine, commands: list[str]) -> None:
    assert commands
    for command in commands:
        if "hardentui check" in command:
            words = shlex.split(command)
            assert hardentui(*words[words.index("hardentui") + 1 :]).returncode in (0, 1, 4)
        else:
            machine.shell(command)


@contextmanager
def refused(said: str) -> Iterator[None]:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        yield
    assert said in failed.value.stderr


def take_over_and_back_and_over(
    machine: Machine,
    steps: Steps,
    places: dict[str, str],
    moved: tuple[str, ...],
) -> None:
    """All of the printed commands; the data is the same after each of them.

    Args:
        places: container -> the path of its data.
        moved: the containers that get a successor.
    """
    before, ids = machine.data(places), machine.ids(*moved)
    volumes = set(machine.bench.podman("volume", "ls", "-q").split())

    carry_out(machine, steps.next)
    assert eventually(lambda: set(machine.ids(*moved).values()).isdisjoint(ids.values()))
    assert machine.data(places) == before
    assert set(machine.ids(*(f"{name}-before" for name in moved)).values()) == set(ids.values()), (
        "all are kept"
    )

    carry_out(machine, steps.back)
    assert machine.ids(*moved) == ids
    assert machine.data(places) == before
    assert volumes <= set(machine.bench.podman("volume", "ls", "-q").split())

    carry_out(machine, steps.next)
    assert eventually(lambda: set(machine.ids(*moved).values()).isdisjoint(ids.values()))
    carry_out(machine, steps.finish)
    assert machine.data(places) == before
    assert not any(machine.ids(*(f"{name}-before" for name in moved)).values())
    assert volumes <= set(machine.bench.podman("volume", "ls", "-q").split())


def start(
    machine: Machine,
    name: str,
    *arguments: str,
    data: str = "",
) -> str:
    machine.bench.podman(
        "run",
        "-d",
        "--name",
        name,
        "--stop-timeout=0",
        *arguments,
    )
    if data:
        machine.bench.podman(
            "exec",
            "--user=0",
            name,
            "sh",
            "-c",
            FILL.format(data),
        )
    return name


@pytest.mark.parametrize(
    ("volume", "target"),
    [
        ("/data", "run"),
        ("kept:/data", "quadlet"),
        pytest.param("/data", "quadlet", marks=LONG),
        pytest.param("kept:/data", "run", marks=LONG),
    ],
)
def test_a_container_with_a_volume(
    machine: Machine,
    volume: str,
    target: str,
) -> None:
    start(
        machine,
        "alone",
        f"--volume={volume}",
        "--restart=always",
        BUSYBOX,
        *SLEEP,
        data="/data",
    )
    before, ids = machine.data({"alone": "/data"}), machine.ids("alone")
    steps = written(
        machine,
        "fix",
        "alone",
        "--check",
        "new-privileges-allowed",
        "--to",
        target,
    )
    with refused("was not taken over: nothing was removed"):
        carry_out(machine, steps.finish)
    assert machine.ids("alone") == ids
    take_over_and_back_and_over(
        machine,
        steps,
        {"alone": "/data"},
        ("alone",),
    )
    new = machine.ids("alone")
    with refused("there is no way back"):
        carry_out(machine, steps.back)
    assert machine.ids("alone") == new
    assert machine.data({"alone": "/data"}) == before


def test_a_container_without_volumes(machine: Machine) -> None:
    """A Quadlet starts it anew from its image: what it wrote into its layer keeps the original."""
    start(
        machine,
        "layer",
        BUSYBOX,
        *SLEEP,
        data="/srv",
    )
    before, ids = machine.data({"layer": "/srv"}), machine.ids("layer")
    printed = hardentui(
        "fix",
        "layer",
        "--as-is",
        "--url",
        machine.bench.url,
        ends=0,
    )
    assert "starts without /srv/file" in printed.stderr
    steps = written(
        machine,
        "fix",
        "layer",
        "--as-is",
        "--to",
        "quadlet",
    )
    carry_out(machine, [*steps.next, *steps.finish])
    assert machine.ids("layer-before") == {"layer-before": ids["layer"]}, "it alone has the data"
    carry_out(machine, steps.back)
    assert machine.data({"layer": "/srv"}) == before


@pytest.mark.both
@pytest.mark.parametrize(
    "target",
    ["quadlet", pytest.param("run", marks=LONG)],
)
def test_what_a_container_wrote_goes_to_the_volume_that_a_fix_adds(
    machine: Machine,
    target: str,
) -> None:
    start(
        machine,
        "scribe",
        BUSYBOX,
        *SLEEP,
        data="/srv/notes",
    )
    steps = written(
        machine,
        "fix",
        "scribe",
        "--check",
        "writable-rootfs",
        "--to",
        target,
    )
    take_over_and_back_and_over(
        machine,
        steps,
        {"scribe": "/srv/notes"},
        ("scribe",),
    )


def test_a_link_in_a_container_leads_the_copy_to_no_file_of_the_host(rootful: Machine) -> None:
    ids = rootful.ids(
        start(
            rootful,
            "scribe",
            BUSYBOX,
            *SLEEP,
            data="/srv/notes",
        )
    )
    steps = written(
        rootful,
        "fix",
        "scribe",
        "--check",
        "writable-rootfs",
    )
    (rootful.directory / "secret").write_text("of the host")
    rootful.bench.podman(
        "exec", "scribe", "sh", "-c", f"mv /srv /was; ln -s {rootful.directory} /srv"
    )
    with refused("is reached through a link"):
        carry_out(rootful, steps.next)
    assert rootful.ids("scribe") == ids
    assert rootful.bench.podman("volume", "ls", "-q") == ""


def test_data_is_copied_before_the_stop_and_what_changed_meanwhile_after_it(
    machine: Machine,
) -> None:
    """Its program writes, renames and removes files until the last moment, and once more when it is
    told to end. Its successor finds that and leaves them alone."""
    work = (
        "test ! -e /data/last || exec sleep 100000; cd /data; mkdir a; echo 1 >a/first; i=0; "
        "trap 'echo end >last; mv b c; exit 0' TERM; "
        "while :; do i=$((i+1)); echo $i >a/new; mv a/new a/f$((i%7)); rm -f a/f$(((i+3)%7)); "
        "mkdir -p b; ln -f a/first b/l$((i%3)); echo $i >>log; usleep 1000; done"
    )
    machine.bench.podman(
        "run",
        "-d",
        "--name=busy",
        "--volume=/data",
        BUSYBOX,
        "sh",
        "-c",
        work,
    )
    steps = written(
        machine,
        "fix",
        "busy",
        "--as-is",
        "--to",
        "quadlet",
    )
    carry_out(machine, steps.next)
    old = machine.ask(
        "inspect",
        "-f",
        "{{(index .Mounts 0).Name}}",
        "busy-before",
    )
    look = "find . ! -name . -exec stat -c '%n %u:%g %a %F %s %h %Y' {} + | sort; cat log last"
    volumes = (
        "-v",
        f"{old}:/old:ro",
        "-v",
        "busy-data-data:/new:ro",
        BUSYBOX,
        "sh",
        "-c",
    )
    left, right = (
        machine.bench.podman(
            "run",
            "--rm",
            *volumes,
            f"cd {place} && {look}",
        )
        for place in ("/old", "/new")
    )
    assert left.endswith("end")
    assert right == left
    made = machine.ask(
        "volume",
        "inspect",
        "-f",
        "{{.CreatedAt.UnixMilli}}",
        "busy-data-data",
    )
    ended = machine.ask(
        "inspect",
        "-f",
        "{{.State.FinishedAt.UnixMilli}}",
        "busy-before",
    )
    assert int(made) < int(ended)


def test_one_that_goes_when_it_stops_can_come_back(machine: Machine) -> None:
    start(
        machine,
        "fleeting",
        "--rm",
        "--volume=/data",
        BUSYBOX,
        *SLEEP,
        data="/data",
    )
    before = machine.data({"fleeting": "/data"})
    steps = written(
        machine,
        "fix",
        "fleeting",
        "--as-is",
        "--to",
        "quadlet",
    )
    carry_out(machine, steps.next)
    carry_out(machine, steps.back)
    assert machine.data({"fleeting": "/data"}) == before


def test_a_volume_that_is_no_copy_of_today_s_brings_back_what_ran(machine: Machine) -> None:
    start(
        machine,
        "busy",
        "--volume=/data",
        BUSYBOX,
        *SLEEP,
        data="/data",
    )
    before, ids = machine.data({"busy": "/data"}), machine.ids("busy", "busy-before")
    steps = written(
        machine,
        "fix",
        "busy",
        "--as-is",
        "--to",
        "quadlet",
    )
    machine.bench.podman(
        "volume",
        "create",
        "busy-data-data",
    )  # somebody else's
    with refused("is no copy of what is in"):
        carry_out(machine, steps.next)
    assert machine.ids("busy", "busy-before") == ids
    assert machine.data({"busy": "/data"}) == before
    machine.bench.podman("volume", "rm", "busy-data-data")
    carry_out(machine, [*steps.next, *steps.back])
    machine.bench.podman(
        "exec",
        "busy",
        "sh",
        "-c",
        "echo later >>/data/file",
    )
    before = machine.data({"busy": "/data"})
    with pytest.raises(subprocess.CalledProcessError):
        carry_out(machine, steps.next)
    assert machine.data({"busy": "/data"}) == before


def test_a_systemd_that_does_not_answer_brings_back_what_ran(rootful: Machine) -> None:
    name = start(
        rootful,
        "alone",
        "--volume=/data",
        BUSYBOX,
        *SLEEP,
        data="/data",
    )
    before, ids = rootful.data({name: "/data"}), rootful.ids(name)
    steps = written(
        rootful,
        "fix",
        name,
        "--as-is",
        "--to",
        "quadlet",
    )
    units = "/etc/containers/systemd"
    rootful.shell(f"mkdir -p {units} && echo of-others >{units}/{name}-data-data.volume")
    systemctl = rootful.bench.directory / "bin/systemctl"
    systemctl.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(subprocess.CalledProcessError):
        carry_out(rootful, steps.next)
    assert rootful.ids(name) == ids
    assert rootful.data({name: "/data"}) == before
    assert rootful.bench.execute("ls", units) == f"{name}-data-data.volume", "as it was"
    assert rootful.bench.execute("cat", f"{units}/{name}-data-data.volume") == "of-others"
    carry_out(rootful, steps.back)  # also when there is nothing to take back
    assert rootful.bench.execute("cat", f"{units}/{name}-data-data.volume") == "of-others"
    assert rootful.ids(name) == ids


@pytest.mark.parametrize(
    "target",
    ["quadlet", pytest.param("run", marks=LONG)],
)
def test_a_container_that_others_depend_on(
    machine: Machine,
    target: str,
) -> None:
    """Podman takes the beginning of an ID for a name: a stranger's is the name of the one that is
    moved.

    Not with Quadlet, whose own `podman rm -f -i NAME` after a stop then removes the stranger
    (Podman 5.4).
    """
    stranger = machine.ids(start(machine, "stranger", BUSYBOX, *SLEEP))
    db = stranger["stranger"][:8] if target == "run" else "store"
    start(
        machine,
        db,
        "--volume=/data",
        BUSYBOX,
        *SLEEP,
        data="/data",
    )
    start(
        machine,
        "app",
        f"--requires={db}",
        "--volume=app:/own",
        BUSYBOX,
        *SLEEP,
        data="/own",
    )
    start(
        machine,
        "side",
        "--network=container:app",
        BUSYBOX,
        *SLEEP,
    )
    start(
        machine,
        "reader",
        f"--volumes-from={db}",
        BUSYBOX,
        *SLEEP,
    )
    steps = written(
        machine,
        "fix",
        db,
        "--as-is",
        "--to",
        target,
    )
    places = {db: "/data", "app": "/own", "reader": "/data"}
    take_over_and_back_and_over(
        machine,
        steps,
        places,
        (db, "app", "side", "reader"),
    )
    assert machine.ids("stranger") == stranger
    look = ("exec", "reader", "sh", "-c", "echo seen >/data/by-both")
    machine.bench.podman(*look)
    assert (
        machine.bench.podman(
            "exec",
            db,
            "cat",
            "/data/by-both",
        )
        == "seen"
    ), "they share it still"


def pod_of_three(machine: Machine) -> dict[str, str]:
    """Two members share an anonymous volume, as of an emptyDir; an init container prepares a third."""
    podman = machine.bench.podman
    infra = (
        f"--infra-image={BUSYBOX}",
        "--infra-command=sleep 100000",
    )
    podman(
        "pod",
        "create",
        "--name",
        "shop",
        *infra,
    )
    prepare = "echo prepared >/own/ready"
    podman(
        "create", "--name", "migrate", "--pod", "shop", "--init-ctr=always", "-v", "shop-own:/own",
        BUSYBOX, "sh", "-c", prepare,
    )  # fmt: skip
    podman("pod", "start", "shop")
    start(
        machine,
        "web",
        "--pod=shop",
        "--volume=/data",
        BUSYBOX,
        *SLEEP,
        data="/data",
    )
    shared = podman(
        "inspect",
        "-f",
        "{{(index .Mounts 0).Name}}",
        "web",
    )
    start(
        machine,
        "worker",
        "--pod=shop",
        f"--volume={shared}:/shared",
        BUSYBOX,
        *SLEEP,
    )
    ready = "test -e /own/ready || exit 1; exec sleep 100000"
    start(
        machine,
        "store",
        "--pod=shop",
        "--volume=shop-own:/own",
        BUSYBOX,
        "sh",
        "-c",
        ready,
        data="/own/d",
    )
    return {"web": "/data", "worker": "/shared", "store": "/own/d"}


@pytest.mark.long  # test_harden.py changes a pod daily
def test_a_pod_of_three(machine: Machine) -> None:
    places = pod_of_three(machine)
    steps = written(
        machine,
        "fix",
        "web",
        "--check",
        "new-privileges-allowed",
    )
    assert {path.name for path in machine.directory.iterdir()} >= {
        *(
            "shop.pod",
            "web.container",
            "worker.container",
            "store.container",
            "migrate.container",
        )
    }
    take_over_and_back_and_over(
        machine,
        steps,
        places,
        ("web", "worker", "store", "migrate"),
    )
    machine.bench.podman(
        "exec",
        "web",
        "sh",
        "-c",
        "echo seen >/data/by-both",
    )
    assert (
        machine.bench.podman(
            "exec",
            "worker",
            "cat",
            "/shared/by-both",
        )
        == "seen"
    ), "they share it still"
    assert machine.bench.podman("pod", "ps", "--format={{.Name}}") == "shop", "it got its name back"


def test_a_script_for_one_member_leaves_the_others_alone(machine: Machine) -> None:
    places = pod_of_three(machine)
    others, pods = (
        machine.ids("worker", "store"),
        machine.bench.podman("pod", "ps", "--format={{.Id}}"),
    )
    steps = written(
        machine,
        "fix",
        "web",
        "--check",
        "new-privileges-allowed",
        "--to",
        "run",
    )
    take_over_and_back_and_over(
        machine,
        steps,
        places,
        ("web",),
    )
    assert machine.ids("worker", "store") == others
    assert machine.bench.podman("pod", "ps", "--format={{.Id}}") == pods


@pytest.mark.both
def test_files_that_got_another_owner_get_theirs_back(machine: Machine) -> None:
    """A container that becomes an ordinary user's owns its volume; the original would find it
    changed.

    The names in it are those of a stranger: they lead to no file outside of it."""
    name = start(
        machine,
        "chowned",
        "--volume=chowned:/data",
        BUSYBOX,
        *SLEEP,
        data="/data",
    )
    outside = machine.directory / "place"
    outside.mkdir()
    outside.chmod(0o777)
    for file in ("outside", "inside"):
        machine.bench.execute("touch", str(outside / file))
    sly = (
        'mkdir -p "/data/a\n33:44 $1" && touch "/data/a\n33:44 $1/outside" && mkdir /data/d &&'
        " touch /data/d/inside /data/d/b && chown 5:5 /data/d/inside"
    )
    machine.bench.podman(
        "exec",
        name,
        "sh",
        "-c",
        sly,
        "sh",
        str(outside),
    )
    before, look = (
        machine.data({name: "/data"}),
        f"stat -c %u:%g {outside}/outside {outside}/inside",
    )
    owners = machine.bench.execute("sh", "-c", look)
    plan = machine.directory / "plan.toml"
    plan.write_text(
        f'schema = "hardentui/plan/1"\ncontainer = "{name}"\n'
        'fix = [{ check = "root-user", parameters = { user = "1001:1001" } }]\n'
    )
    steps = written(
        machine,
        "fix",
        name,
        "--plan",
        str(plan),
        "--to",
        "run",
    )
    carry_out(machine, steps.next)
    after = machine.data({name: "/data"})
    assert after != before
    machine.bench.podman(
        "exec", name, "sh", "-c", f"mv /data/d /data/e && ln -s {outside} /data/d && touch /data/f"
    )
    carry_out(machine, steps.back)
    assert machine.bench.execute("sh", "-c", look) == owners
    machine.bench.podman(
        "exec",
        name,
        "sh",
        "-c",
        "rm /data/d /data/f && mv /data/e /data/d && chown 5:5 /data/d/inside",
    )
    assert machine.data({name: "/data"}) == before


@pytest.mark.parametrize(
    "unit",
    ["other", pytest.param("owned", marks=LONG)],
)
def test_a_unit_of_today_gives_way_and_comes_back(
    rootful: Machine,
    unit: str,
) -> None:
    """The script alone: from outside, units that only the bench has cannot be seen."""
    place, name = "/etc/containers/systemd", "owned"
    old = (
        f"[Container]\nContainerName={name}\nImage={BUSYBOX}\nExec=sleep "
        "100000\nVolume=kept:/data\n"
    )
    text = old + "PodmanArgs=--stop-timeout=0\n"
    rootful.shell(f"mkdir -p {place} && printf %s {shlex.quote(text)} >{place}/{unit}.container")
    rootful.shell(f"systemctl daemon-reload && systemctl start {unit}.service")
    rootful.bench.podman(
        "exec",
        "--user=0",
        name,
        "sh",
        "-c",
        FILL.format("/data"),
    )
    before, ids = rootful.data({name: "/data"}), rootful.ids(name)
    today = OldContainer(
        name=name,
        id=ids[name],
        kept_as=f"{name}-before",
        unit=f"{unit}.service",
    )
    takeover = TakeOver(
        old=(today,),
        units=(f"{name}.container",),
        services=(f"{name}.service",),
        moved=(
            f"{place}/{unit}.container",
            f"{place}/{unit}.container.d",
        ),
    )
    (rootful.directory / f"{name}.container").write_text(text + "ReadOnly=true\n")
    script = rootful.directory / "take-over.sh"
    script.write_text(take_over_script(script.name, takeover))

    def hardened() -> str:
        return rootful.bench.podman(
            "inspect",
            "-f",
            "{{.HostConfig.ReadonlyRootfs}}",
            name,
        )

    carry_out(rootful, [f"sh {script}"])
    assert hardened() == "true"
    assert rootful.data({name: "/data"}) == before
    carry_out(rootful, [f"sh {script} back"])
    assert hardened() == "false"
    assert rootful.data({name: "/data"}) == before
    assert rootful.bench.execute("ls", place) == f"{unit}.container"
    assert rootful.bench.execute("cat", f"{place}/{unit}.container") == text.strip()
    carry_out(rootful, [f"sh {script}", f"sh {script} finish"])
    assert hardened() == "true"
    assert rootful.data({name: "/data"}) == before


@pytest.mark.parametrize(
    "target",
    [Target.QUADLET, pytest.param(Target.RUN, marks=LONG)],
)
def test_a_learned_profile_outlives_the_directory_of_its_trial(
    rootful: Machine,
    target: Target,
) -> None:
    """The plan of a trial, without the minutes of one: it names a profile in the trial's directory."""
    bench, name = rootful.bench, start(rootful, "learned", BUSYBOX, *SLEEP)
    trial = rootful.directory / "trial"
    trial.mkdir()
    profile = trial / profile_name(name)
    calls = [
        {
            "names": ["mkdir", "mkdirat"],
            "action": "SCMP_ACT_ERRNO",
        }
    ]
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": calls}))
    with looked_at(bench.url, name) as (workbench, reports):
        report = reports[name]
        facts = known_facts(report)
        after = facts.spec.with_(SECCOMP_PROFILE, str(profile))
        plan = Plan(
            name,
            facts.image_name,
            (),
            (),
            facts.spec,
            after,
        )
        draft = workbench.drafter.draft(report, plan, target)
        steps = workbench.drafter.next_steps(
            report,
            draft,
            str(rootful.directory),
        )
        save((*draft.files, *steps.files), str(rootful.directory))
    carry_out(
        rootful,
        [command for command in steps.commands if "hardentui check" not in command],
    )
    shutil.rmtree(trial)
    for path in rootful.directory.iterdir():
        path.unlink()
    if target is Target.QUADLET:
        rootful.shell(f"systemctl stop {name}.service && systemctl start {name}.service")
    else:
        rootful.shell(f"podman restart {name}")
    assert rootful.ask("exec", name, "sleep", "0") == ""
    with refused("Operation not permitted"):
        bench.podman("exec", name, "mkdir", "/new")


COMPOSE = f"""services:
  db:
    image: {BUSYBOX}
    command: &serve [sh, -c, "trap 'exit 0' TERM; sleep 100000 & wait"]
    volumes: ["dbdata:/data"]
  cache:
    image: {BUSYBOX}
    command: *serve
    volumes: ["/cache"]
  app:
    image: {BUSYBOX}
    command: *serve
    depends_on: [db, cache]
    restart: always
volumes:
  dbdata: {{}}
"""


def compose(machine: Machine, directory: Path, *words: str) -> None:
    """Run the real podman-compose in the bench."""
    program = shutil.which("podman-compose", path=str(Path(sys.executable).parent))
    if program is None:
        cannot_run("podman-compose is missing; run: pip install --group dev")
    command = shlex.join([sys.executable, program, *words])
    machine.shell(f"cd {shlex.quote(str(directory))} && {command}")


def test_a_compose_stack_of_three(rootful: Machine) -> None:
    project = rootful.bench.directory / "wiki"
    project.mkdir(exist_ok=True)
    (project / "compose.yaml").write_text(COMPOSE)
    compose(rootful, project, "up", "-d")
    for name, path in (("wiki_db_1", "/data"), ("wiki_cache_1", "/cache")):
        rootful.bench.podman(
            "exec",
            name,
            "sh",
            "-c",
            FILL.format(path),
        )
    told = hardentui(
        "fix",
        "wiki_app_1",
        "--as-is",
        "--url",
        rootful.bench.url,
        ends=0,
    )
    assert "the compose project wiki (compose.yaml in" in told.stderr
    assert "podman-compose@" not in told.stdout
    assert "compose." not in "".join(
        line for line in told.stdout.splitlines() if line.startswith("Label=")
    )
    steps = written(
        rootful,
        "fix",
        "wiki_app_1",
        "--check",
        "new-privileges-allowed",
    )
    moved = ("wiki_db_1", "wiki_cache_1", "wiki_app_1")
    take_over_and_back_and_over(
        rootful, steps, {"wiki_db_1": "/data", "wiki_cache_1": "/cache"}, moved
    )
    assert rootful.bench.podman(
        "exec",
        "wiki_app_1",
        "nslookup",
        "db",
    ), "names of services still resolve"


@LONG  # daily: the stack and its way back above, an undo of compose in test_harden.py
def test_a_compose_stack_comes_back_for_compose(
    rootful: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = rootful.bench.directory / "wiki"
    project.mkdir(exist_ok=True)
    (project / "compose.yaml").write_text(COMPOSE)
    compose(rootful, project, "up", "-d")
    moved = ("wiki_db_1", "wiki_cache_1", "wiki_app_1")
    ids = rootful.ids(*moved)
    steps = written(
        rootful,
        "fix",
        "wiki_db_1",
        "--as-is",
    )
    carry_out(rootful, [*steps.next, *steps.back])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = (
        "--check",
        "new-privileges-allowed",
        "--yes",
        "--url",
        rootful.bench.url,
    )
    done = hardentui(
        "apply",
        "wiki_app_1",
        *words,
        ends=0,
    )
    assert "for one of its project wiki: until it is forgotten" in done.stderr
    hardentui("undo", "--yes", ends=0)
    compose(rootful, project, "up", "-d")
    assert rootful.ids(*moved) == ids, "compose finds its stack as it left it"
