"""What changes containers, on a real Podman."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.connection import Request
from hardentui.engine.locate import Candidate
from hardentui.engine.probe import probe
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed, ChangeTimedOut, NameTaken, NotFound
from hardentui.model.spec import Spec
from hardentui.options import COMMAND, IMAGE, NAME, NETWORK, READ_ONLY
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

NAMES = ("chg-web", "chg-new", "chg-other")


@pytest.fixture(params=["rootful", "rootless"])
def bench(request: pytest.FixtureRequest) -> Bench:
    fixture = "podman" if request.param == "rootful" else "rootless_podman"
    bench: Bench = request.getfixturevalue(fixture)
    return bench


@pytest.fixture
def log() -> list[Request]:
    return []


@pytest.fixture
def changing(bench: Bench, log: list[Request]) -> Iterator[ChangingEngine]:
    engine = probe(Candidate("", bench.url, "a test"))
    assert isinstance(engine, Engine)
    changing = ChangingEngine(engine, log.append)
    yield changing
    changing.close()
    engine.close()
    bench.remove(*NAMES)


def sleeper(name: str = "chg-web", *command: str) -> Spec:
    return Spec.of(
        (NAME, name), (IMAGE, BUSYBOX), (NETWORK, ("none",)), (COMMAND, command or ("sleep", "1000"))
    )


def test_a_container_lives_and_goes(changing: ChangingEngine, log: list[Request]) -> None:
    containers = changing.containers
    identity = containers.create(
        sleeper("chg-web", "sh", "-c", "echo hello; exec sleep 1000").with_(READ_ONLY, True)
    )
    assert len(identity) == 64
    assert containers.exists("chg-web")
    pid = containers.init("chg-web")
    assert pid > 0
    assert containers.logs("chg-web") == ""
    containers.start("chg-web")
    containers.start("chg-web")  # it runs already
    document = containers.inspect(identity)
    assert document["State"]["Pid"] == pid
    assert document["HostConfig"]["ReadonlyRootfs"] is True
    assert containers.logs("chg-web") == "hello\n"
    containers.rename("chg-web", "chg-new")
    assert not containers.exists("chg-web")
    containers.kill("chg-new", signal="KILL")
    assert containers.wait("chg-new", seconds=10) == 137
    containers.restart("chg-new", timeout=0)
    containers.stop("chg-new", timeout=0)
    containers.stop("chg-new", timeout=0)
    containers.remove("chg-new")
    assert not containers.exists(identity)
    assert any(request.method == "run" and "create --name=chg-web" in request.target for request in log)
    assert any(request.target.endswith("/rename?name=chg-new") and request.status == 204 for request in log)


def test_refusals_are_typed(changing: ChangingEngine) -> None:
    containers = changing.containers
    containers.create(sleeper())
    with pytest.raises(NameTaken, match="already in use"):
        containers.create(sleeper())
    containers.create(sleeper("chg-other"))
    with pytest.raises(NameTaken):
        containers.rename("chg-other", "chg-web")
    with pytest.raises(NotFound, match=r"^Cannot start the container chg-absent: "):
        containers.start("chg-absent")
    with pytest.raises(NotFound):
        containers.inspect("../../chg-web")
    with pytest.raises(ChangeFailed, match=r"^Cannot create the container: "):
        containers.create(sleeper("chg-new"), flags=("--no-such-flag",))
    containers.start("chg-web")
    with pytest.raises(ChangeTimedOut, match=r"within 0\.5 s"):
        containers.wait("chg-web", seconds=0.5)
    with pytest.raises(ChangeFailed):
        containers.remove("chg-web")
    containers.remove("chg-web", force=True)
    containers.remove("chg-web", force=True)  # gone already


def test_limits_change_while_it_runs(changing: ChangingEngine, bench: Bench) -> None:
    if "rootless" in changing.engine.facts.label or changing.engine.facts.rootless is True:
        pytest.skip("the bench's rootless Podman has no cgroups of its own")
    changing.containers.create(sleeper())
    changing.containers.start("chg-web")
    changing.containers.update("chg-web", ("--memory=64m", "--pids-limit=50"))
    document = changing.containers.inspect("chg-web")
    assert document["HostConfig"]["Memory"] == 64 << 20
    assert document["HostConfig"]["PidsLimit"] == 50


def test_networks_come_and_go(changing: ChangingEngine, bench: Bench) -> None:
    changing.networks.create("chg-net", internal=True, labels={"chg": "1"})
    try:
        assert changing.networks.exists("chg-net")
        assert set(changing.networks.labelled("chg=1")) == {"chg-net"}
        assert bench.get("/networks/chg-net/json")["internal"] is True
    finally:
        changing.networks.remove("chg-net")
    assert not changing.networks.exists("chg-net")


def test_a_volume_is_copied_with_owners_and_modes(changing: ChangingEngine, bench: Bench) -> None:
    bench.podman("volume", "create", "chg-data")
    changing.volumes.create("chg-copy", labels={"chg": "1"})
    try:
        script = "cd /d; echo text >file; chmod 600 file; chown 33:44 file; mkdir -m 711 sub; ln -s file link"
        bench.podman("run", "--rm", "--network=none", "-v", "chg-data:/d", BUSYBOX, "sh", "-c", script)
        changing.volumes.copy("chg-data", "chg-copy", BUSYBOX)
        shown = bench.podman(
            "run", "--rm", "--network=none", "-v", "chg-copy:/d", BUSYBOX,
            "sh", "-c", "cat /d/link; stat -c '%n %u %g %a' /d/file /d/sub",
        )  # fmt: skip
        assert shown.splitlines() == ["text", "/d/file 33 44 600", "/d/sub 0 0 711"]
        assert set(changing.volumes.labelled("chg=1")) == {"chg-copy"}
        assert changing.containers.labelled("hardentui.carrier") == ()
    finally:
        changing.volumes.remove("chg-data")
        changing.volumes.remove("chg-copy")
    assert not changing.volumes.exists("chg-copy")


def test_a_directory_of_a_stopped_container_becomes_a_volume(changing: ChangingEngine, bench: Bench) -> None:
    bench.podman(
        "run", "--name", "chg-web", "--network=none", BUSYBOX, "sh", "-c", "echo kept >/var/www/page"
    )
    changing.volumes.create("chg-copy")
    try:
        changing.volumes.fill("chg-copy", "chg-web", "/var/www", BUSYBOX)
        shown = bench.podman("run", "--rm", "--network=none", "-v", "chg-copy:/d", BUSYBOX, "cat", "/d/page")
        assert shown == "kept"
        assert {change["Path"] for change in changing.containers.changes("chg-web")} >= {"/var/www/page"}
    finally:
        changing.volumes.remove("chg-copy")


def test_pods_come_and_go(changing: ChangingEngine) -> None:
    changing.pods.create_by_command(
        ("pod", "create", "--name", "chg-pod", "--label", "chg=1", "--infra=false")
    )
    assert changing.pods.exists("chg-pod")
    assert len(changing.pods.labelled("chg=1")) == 1
    changing.pods.remove("chg-pod", force=True)
    assert not changing.pods.exists("chg-pod")
