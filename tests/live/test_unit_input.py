"""Containers that already run from a unit: real generator, real `podman generate systemd`, real
containers.

No systemd runs in the bench: the command that the unit stands for is run by hand, with the label
that Podman would take from systemd.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hardentui.features.fix.edit_proofs import prove_edit
from hardentui.features.fix.unit_edits import Style, UnitEdit, edited, unit_diff
from hardentui.features.looking.engine_units import EngineUnits
from hardentui.features.looking.unit_origin import (
    UNIT_LABEL,
    Origin,
    OriginKind,
    drift_of,
    origin_of,
    unit_spec,
)
from hardentui.features.opening.opened import utc_now
from hardentui.host.podman.generator import dry_run, exec_start, find_generator
from hardentui.model.facts import ContainerFacts, EngineFacts
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import (
    CAP_ADD,
    CAP_DROP,
    ENV,
    HEALTH_CMD,
    LABELS,
    MEMORY,
    MOUNTS,
    NETWORK,
    NO_NEW_PRIVILEGES,
    PIDS_LIMIT,
    PRIVILEGED,
    PUBLISH,
    READ_ONLY,
    SECCOMP_PROFILE,
    SYSCTL,
    TMPFS,
    USER,
    Port,
)
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from hardentui.quadlet.read.service import ServiceFiles
from hardentui.quadlet.write.bundle import UnitContext
from tests.conftest import cannot_run
from tests.support.podman import BUSYBOX, Bench
from tests.support.rooted import Rooted

pytestmark = pytest.mark.live

VERSION = Version(5, 4, 2)
INSTANCE = "systemd-lt-web_1"
NAMES = ("lt-web", "lt-gen", "lt-mgr", INSTANCE)
_UNSORTED = (PUBLISH, CAP_ADD, LABELS)
_OF_SYSTEMD = (
    "--cgroups=split",
    "--cgroups=no-conmon",
    "--replace",
    "--rm",
    "-d",
    "--sdnotify=conmon",
)

QUADLET = f"""# The web site of the club. Ask Anna before you change it!
[Unit]
Description = Web site
After=lt-data-volume.service

[Container]
ContainerName=lt-web
Image   =   {BUSYBOX}
   Exec=sh -c "echo \\"$$HOME is 100%% fine\\"; sleep 1000"

; what it may do
AddCapability=NET_RAW SYS_ADMIN \\
# still needed?
    NET_BIND_SERVICE \\
    MKNOD

Volume=%t/lt-host:/host:ro
Volume=lt-data.volume:/data:z
PublishPort=8080:80
PublishPort=127.0.0.1:8443:443/tcp
Environment="GREETING=hello world" DB_PASSWORD=hunter2
Environment=PLAIN=1
PodmanArgs=--privileged=false --memory 64m \\
           --security-opt seccomp=unconfined \\
           --ulimit nofile=100:200

[X-Club]
Owner=anna

[Service]
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    removed_one_by_one(podman)
    yield podman
    removed_one_by_one(podman)


def removed_one_by_one(podman: Bench) -> None:
    """One may run in the network of another, which goes after it."""
    for name in NAMES:
        podman.remove(name)


@pytest.fixture
def generator() -> str:
    result = find_generator()
    if result is None:
        cannot_run("no Quadlet generator is installed; run: sudo apt-get install podman")
    return result


@pytest.fixture
def files(tmp_path: Path) -> Rooted:
    return Rooted(tmp_path)


def create(
    bench: Bench,
    argv: Sequence[str],
    unit: str,
) -> None:
    """Create the container of a command line as systemd would, without what only systemd can do."""
    stem = unit.removesuffix(".service")
    words = [
        word.replace("\0%t", "/run").replace("\0%N", stem).replace("\0%n", unit)
        for word in argv
        if word not in _OF_SYSTEMD and not word.startswith("--cidfile")
    ]
    at = words.index("run")
    label = f"--label={UNIT_LABEL}={unit}"
    bench.podman(
        *words[1:at],
        "create",
        label,
        *words[at + 1 :],
    )


def look(bench: Bench, name: str) -> ContainerFacts:
    """The facts of a container, as far as a unit needs them."""
    document = bench.get(f"/containers/{name}/json")
    info = bench.get("/info")
    sources = Sources(
        document,
        image=bench.get(f"/images/{document['Image']}/json"),
        version=VERSION,
        log_driver=info["host"]["logDriver"],
        runtime=info["host"]["ociRuntime"]["name"],
    )
    return ContainerFacts(
        document["Id"],
        name,
        spec=read_spec(sources),
        inspect=document,
        engine=EngineFacts(version=VERSION),
    )


def hardened(spec: Spec) -> Spec:
    """What a plan of many fixes would make of it."""
    mounts = tuple(mount.with_options("ro", drop=("rw",)) for mount in spec[MOUNTS])
    local = [
        Port(
            port.container,
            port.host,
            "127.0.0.1",
            port.protocol,
        )
        for port in spec[PUBLISH]
    ]
    kept = ("CAP_NET_BIND_SERVICE",)
    return (
        spec.without(SECCOMP_PROFILE, PRIVILEGED)
        .with_(CAP_DROP, ("all",))
        .with_(CAP_ADD, kept)
        .with_(NO_NEW_PRIVILEGES, True)
        .with_(READ_ONLY, True)
        .with_(TMPFS, ("/tmp:size=16m",))
        .with_(MEMORY, 128 << 20)
        .with_(PIDS_LIMIT, 64)
        .with_(USER, "1000:1000")
        .with_(MOUNTS, mounts)
        .with_(PUBLISH, tuple(dict.fromkeys(local)))
        .with_(HEALTH_CMD, 'test "$(id -u)" = 1000 || exit 1')
        .with_(SYSCTL, ("net.ipv4.ip_unprivileged_port_start=80",))
        .with_(LABELS, (*spec[LABELS], 'note=100% sure; "it\'s"'))
    )


def plan_for(facts: ContainerFacts, after: Spec) -> Plan:
    return Plan(
        facts.name,
        BUSYBOX,
        (),
        (),
        facts.spec,
        after,
    )


def saved(files: Rooted, made: UnitEdit) -> None:
    for file in made.files:
        files.put(file.path, file.text)


def found(files: Rooted, facts: ContainerFacts) -> Origin:
    origin = origin_of(files, facts)
    assert origin is not None
    return origin


def comparable(spec: Spec) -> dict[str, object]:
    """Values without the label of the unit, which systemd gives in place of the file."""
    labels = tuple(label for label in spec[LABELS] if not label.startswith(UNIT_LABEL))
    values = spec.with_(LABELS, labels).values()
    return {o.name: sorted(map(str, v)) if o in _UNSORTED else v for o, v in values.items()}


# --- Quadlet --------------------------------------------------------------------------------------


def quadlet_argv(origin: Origin, generator: str) -> tuple[str, ...]:
    texts = "\n\n".join([origin.text, *(text for _, text in origin.drop_ins)])
    units = {**(origin.companions or {}), origin.file_name: texts}
    run = dry_run(
        units,
        user=False,
        generator=generator,
    )
    assert run.ok, run.stderr
    return exec_start(run.services[origin.unit])


def quadlet(
    bench: Bench,
    files: Rooted,
    generator: str,
) -> tuple[Origin, ContainerFacts]:
    """A Quadlet in /etc with a volume unit, and the container that it makes."""
    bench.execute("mkdir", "-p", "/run/lt-host")  # the bench has a /run of its own
    files.put("/etc/containers/systemd/club/lt-web.container", QUADLET)
    files.put(
        "/etc/containers/systemd/lt-data.volume",
        "[Volume]\nVolumeName=lt-data\n",
    )
    files.put(
        "/etc/containers/systemd/lt-web.container.d/10-more.conf",
        "[Container]\nEnvironment=MORE=2\n",
    )
    units = {
        "lt-web.container": QUADLET + "\n[Container]\nEnvironment=MORE=2\n",
        "lt-data.volume": "[Volume]\nVolumeName=lt-data\n",
    }
    run = dry_run(
        units,
        user=False,
        generator=generator,
    )
    assert run.ok, run.stderr
    create(
        bench,
        exec_start(run.services["lt-web.service"]),
        "lt-web.service",
    )
    facts = look(bench, "lt-web")
    return found(files, facts), facts


@pytest.mark.parametrize("style", ["edit", "drop-in"])
def test_a_quadlet_is_edited_proven_and_gives_the_planned_container(
    bench: Bench,
    files: Rooted,
    generator: str,
    style: Style,
) -> None:
    origin, facts = quadlet(bench, files, generator)
    assert origin.kind is OriginKind.QUADLET
    assert origin.path == "/etc/containers/systemd/club/lt-web.container"
    assert [path.rpartition("/")[2] for path, _ in origin.drop_ins] == ["10-more.conf"]
    assert drift_of(origin, facts) == ()
    after = hardened(facts.spec)
    if style == "drop-in":
        after = after.with_(
            SECCOMP_PROFILE, "unconfined"
        )  # no drop-in can take that key's value away
    made = edited(
        origin,
        plan_for(facts, after),
        VERSION,
        style=style,
    )
    assert made.left_out == ()
    assert "only the planned changes" in prove_edit(origin, made, VERSION, VERSION)
    saved(files, made)
    again = found(files, facts)
    if style == "drop-in":
        assert again.text == QUADLET
        assert [path.rpartition("/")[2] for path, _ in again.drop_ins] == [
            "10-more.conf",
            "50-hardentui.conf",
        ]
    else:
        kept = [line for line in QUADLET.splitlines() if line in again.text.splitlines()]
        for line in (
            "# The web site of the club. Ask Anna before you change it!",
            "Owner=anna",
            "; what it may do",
        ):
            assert line in kept
        assert "Volume=%t/lt-host:/host:ro" in again.text.splitlines()
        assert "Volume=lt-data.volume:/data:z,ro" in again.text.splitlines()
        assert "hunter2" not in unit_diff(made.files)
    assert {difference.option for difference in drift_of(again, facts)} >= {
        "cap-add",
        "cap-drop",
        "memory",
        "publish",
    }
    bench.remove("lt-web")
    create(
        bench,
        quadlet_argv(again, generator),
        "lt-web.service",
    )
    fresh = look(bench, "lt-web")
    assert comparable(fresh.spec) == comparable(after)
    assert drift_of(again, fresh) == ()


def test_a_second_drop_in_builds_on_the_first(
    bench: Bench,
    files: Rooted,
    generator: str,
) -> None:
    origin, facts = quadlet(bench, files, generator)
    first = facts.spec.with_(NO_NEW_PRIVILEGES, True).with_(CAP_ADD, ())
    saved(
        files,
        edited(
            origin,
            plan_for(facts, first),
            VERSION,
            style="drop-in",
        ),
    )
    origin = found(files, facts)
    bench.remove("lt-web")
    create(
        bench,
        quadlet_argv(origin, generator),
        "lt-web.service",
    )
    facts = look(bench, "lt-web")
    made = edited(
        origin, plan_for(facts, facts.spec.with_(READ_ONLY, True)), VERSION, style="drop-in"
    )
    assert [file.path for file in made.files] == [origin.drop_ins[-1][0]]
    assert "NoNewPrivileges=true" in made.files[0].text
    assert "ReadOnly=true" in made.files[0].text
    prove_edit(origin, made, VERSION, VERSION)


def test_a_network_that_the_plan_brings_gets_its_unit(
    bench: Bench,
    files: Rooted,
    generator: str,
) -> None:
    origin, facts = quadlet(bench, files, generator)
    context = UnitContext(
        version=VERSION, networks={"lt-net": {"name": "lt-net", "driver": "bridge"}}
    )
    after = facts.spec.with_(NETWORK, ("lt-net",))
    made = edited(
        origin,
        plan_for(facts, after),
        VERSION,
        context=context,
    )
    assert {file.name for file in made.files} == {"lt-web.container", "lt-net.network"}
    assert "Network=lt-net.network" in made.files[0].text.splitlines()
    prove_edit(origin, made, VERSION, VERSION)


def test_an_instance_of_a_template_is_fixed(
    bench: Bench,
    files: Rooted,
    generator: str,
) -> None:
    """Its container is called `systemd-lt-web_1`, which is no name of another container."""
    text = f"[Container]\nImage={BUSYBOX}\nExec=sleep 1000\nEnvironment=N=%i\n"
    files.put("/etc/containers/systemd/lt-web@.container", text)
    made = dry_run(
        {"lt-web@.container": text},
        user=False,
        generator=generator,
    )
    words = {"p": "lt-web", "i": "1", "N": "lt-web@1"}
    create(
        bench,
        exec_start(made.services["lt-web@.service"], words),
        "lt-web@1.service",
    )
    facts = look(bench, INSTANCE)
    origin = found(files, facts)
    assert drift_of(origin, facts) == ()
    done = edited(
        origin,
        plan_for(facts, facts.spec.with_(READ_ONLY, True)),
        VERSION,
    )
    assert [file.path for file in done.files] == ["/etc/containers/systemd/lt-web@.container"]
    assert "only the planned changes" in prove_edit(origin, done, VERSION, VERSION)


def test_a_container_in_the_network_of_another_is_fixed(
    bench: Bench,
    files: Rooted,
    generator: str,
) -> None:
    other = f"[Container]\nContainerName=lt-gen\nImage={BUSYBOX}\nExec=sleep 1000\n"
    text = (
        f"[Container]\nContainerName=lt-web\nImage={BUSYBOX}\nNetwork=lt-gen.container\nExec=sleep "
        "1000\n"
    )
    files.put("/etc/containers/systemd/lt-gen.container", other)
    files.put("/etc/containers/systemd/lt-web.container", text)
    run = dry_run(
        {"lt-gen.container": other, "lt-web.container": text}, user=False, generator=generator
    )
    create(
        bench,
        exec_start(run.services["lt-gen.service"]),
        "lt-gen.service",
    )
    create(
        bench,
        exec_start(run.services["lt-web.service"]),
        "lt-web.service",
    )
    facts = look(bench, "lt-web")
    origin = found(files, facts)
    assert drift_of(origin, facts) == ()
    done = edited(
        origin,
        plan_for(facts, facts.spec.with_(READ_ONLY, True)),
        VERSION,
    )
    assert "only the planned changes" in prove_edit(origin, done, VERSION, VERSION)


def test_a_unit_of_another_container_is_not_touched(
    bench: Bench,
    files: Rooted,
    generator: str,
) -> None:
    _, facts = quadlet(bench, files, generator)
    with pytest.raises(Exception, match="creates a container called lt-web"):
        origin_of(files, facts.replace(name="evil"))


# --- services -------------------------------------------------------------------------------------


def service_argv(origin: Origin) -> tuple[str, ...]:
    texts = (origin.text, *(text for _, text in origin.drop_ins))
    pieces = ServiceFiles(texts, {}).run_line().pieces
    return ("podman", *(piece.text for piece in pieces))


def test_what_podman_generates_gets_a_drop_in(
    bench: Bench,
    files: Rooted,
) -> None:
    host = files.root / "gen"
    host.mkdir()
    bench.podman(
        *("create", "--name", "lt-gen", "-e", 'TEXT=a "b" $HOME 100%', "-e", "EMPTY="),
        "--cap-add=NET_RAW,SYS_TIME",
        *(
            "-v",
            f"{host}:/h",
            "-p",
            "8081:80",
            "-it",
            "--security-opt",
            "seccomp=unconfined",
            "-m",
            "64m",
        ),
        *(BUSYBOX, "sh", "-c", "echo 'a; b' \\; $HOME; sleep 1000"),
    )
    unit = bench.podman(
        "generate",
        "systemd",
        "--new",
        "--name",
        "lt-gen",
    )
    bench.remove("lt-gen")
    files.put("/etc/systemd/system/container-lt-gen.service", unit + "\n")
    name = "container-lt-gen.service"
    create(
        bench,
        ("podman", *shlex.split("run --name lt-gen"), BUSYBOX),
        name,
    )
    origin = found(files, look(bench, "lt-gen"))
    bench.remove("lt-gen")
    create(bench, service_argv(origin), name)
    facts = look(bench, "lt-gen")
    assert origin.kind is OriginKind.SERVICE
    assert drift_of(origin, facts) == ()
    after = hardened(facts.spec)
    made = edited(origin, plan_for(facts, after), VERSION)
    assert made.left_out == ()
    assert [file.path for file in made.files] == [f"/etc/systemd/system/{name}.d/50-hardentui.conf"]
    assert "only the planned changes" in prove_edit(origin, made, VERSION, VERSION)
    saved(files, made)
    again = found(files, facts)
    assert again.text == origin.text
    bench.remove("lt-gen")
    create(bench, service_argv(again), name)
    assert comparable(look(bench, "lt-gen").spec) == comparable(after)


SERVER = """# uyuni-like: made by the deployment tool, do not edit
[Unit]
Description=Club server
Wants=network.target
After=network-online.target
RequiresMountsFor=%t/containers

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=on-failure
ExecStartPre=/bin/rm -f %t/lt-mgr.pid %t/%n.ctr-id
ExecStart=/bin/sh -c '/usr/bin/podman run \\
    --conmon-pidfile %t/lt-mgr.pid \\
    --cidfile=%t/%n.ctr-id \\
    --cgroups=no-conmon \\
    --shm-size=0 \\
    --shm-size-systemd=0 \\
    --sdnotify=conmon \\
    -d \\
    --name lt-mgr \\
    --hostname lt-mgr.mgr.internal \\
    --cap-add NET_RAW \\
    --tmpfs /run -v lt-cgroup:/cgroup:rw \\
    -p 8082:80 -p [::]:8082:80 \\
    -e "TZ=${TZ}" \\
    ${PODMAN_EXTRA_ARGS} ${CLUB_IMAGE}'
ExecStop=/usr/bin/podman stop --ignore -t 10 --cidfile=%t/%n.ctr-id
TimeoutStopSec=180
Type=forking

[Install]
WantedBy=multi-user.target default.target
"""
GENERATED = f"[Service]\nEnvironment=CLUB_IMAGE={BUSYBOX}\nEnvironment=TZ=Europe/Berlin\n"
CUSTOM = (
    "[Service]\n# ours\nEnvironment=\"PODMAN_EXTRA_ARGS=--label site='the club' --memory 256m\"\n"
)


def server(bench: Bench, files: Rooted) -> tuple[Origin, ContainerFacts]:
    files.put("/etc/systemd/system/lt-mgr.service", SERVER)
    files.put(
        "/etc/systemd/system/lt-mgr.service.d/generated.conf",
        GENERATED,
    )
    files.put("/etc/systemd/system/lt-mgr.service.d/custom.conf", CUSTOM)
    texts = (SERVER, CUSTOM, GENERATED)
    pieces = ServiceFiles(texts, {}).run_line().pieces
    create(
        bench,
        ("podman", *(piece.text for piece in pieces)),
        "lt-mgr.service",
    )
    facts = look(bench, "lt-mgr")
    return found(files, facts), facts


def test_flags_that_are_only_added_go_into_the_variable(
    bench: Bench,
    files: Rooted,
) -> None:
    origin, facts = server(bench, files)
    assert drift_of(origin, facts) == ()
    after = facts.spec.with_(NO_NEW_PRIVILEGES, True).with_(
        ENV, (*facts.spec[ENV], "X=it's $5, 100%")
    )
    made = edited(origin, plan_for(facts, after), VERSION)
    (file,) = made.files
    assert file.name == "zz-hardentui.conf"  # custom.conf sorts after 50-…
    assert "ExecStart" not in file.text
    assert "--label site='the club' --memory 256m" in file.text
    assert "systemd-analyze accepts it" in prove_edit(origin, made, VERSION, VERSION)


def test_flags_that_change_need_the_command_again(
    bench: Bench,
    files: Rooted,
) -> None:
    origin, facts = server(bench, files)
    after = hardened(facts.spec)
    made = edited(origin, plan_for(facts, after), VERSION)
    assert made.left_out == ()
    prove_edit(origin, made, VERSION, VERSION)
    text = made.files[0].text
    assert '    -e "TZ=${TZ}" \\\n' in text
    assert "    ${PODMAN_EXTRA_ARGS} ${CLUB_IMAGE}'" in text
    assert "--cap-add NET_RAW" not in text
    saved(files, made)
    again = found(files, facts)
    bench.remove("lt-mgr")
    create(bench, service_argv(again), "lt-mgr.service")
    assert comparable(look(bench, "lt-mgr").spec) == comparable(after)
    assert unit_spec(again)[CAP_DROP] == ("all",)


def test_facts_of_the_unit_name_what_differs(
    bench: Bench,
    files: Rooted,
) -> None:
    origin, facts = server(bench, files)
    files.put(
        origin.path,
        SERVER.replace("--cap-add NET_RAW", "--cap-add NET_RAW,SYS_ADMIN"),
    )

    def no_systemctl(arguments: Sequence[str], seconds: float) -> str:
        raise AssertionError("systemd is not running here, so it is not asked")

    unit = EngineUnits(
        facts.engine,
        files,
        no_systemctl,
        utc_now,
    ).facts(
        facts,
        origin.unit,
        (),
    )
    assert unit is not None
    assert not hasattr(unit, "reason"), unit
    assert unit.differences == ("cap-add",)
    assert unit.file == origin.path
