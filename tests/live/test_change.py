"""What changes containers, on a real Podman."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.connection import Request
from hardentui.engine.locate import Candidate
from hardentui.engine.probe import probe
from hardentui.engine.read import Engine
from hardentui.engine.shapes import Listed
from hardentui.errors import ChangeFailed, ChangeTimedOut, NameTaken, NotFound
from hardentui.features.apply.replacing import references
from hardentui.model.spec import Spec
from hardentui.options import COMMAND, IMAGE, NAME, NETWORK, READ_ONLY
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

NAMES = ("chg-web", "chg-new", "chg-other")


@pytest.fixture
def log() -> list[Request]:
    return []


@pytest.fixture
def changing(
    bench: Bench,
    log: list[Request],
) -> Iterator[ChangingEngine]:
    engine = probe(Candidate("", bench.url, "a test"))
    assert isinstance(engine, Engine)
    changing = ChangingEngine(engine, log.append)
    yield changing
    changing.close()
    engine.close()
    bench.remove(*NAMES)


def sleeper(name: str = "chg-web", *command: str) -> Spec:
    return Spec.of(
        (NAME, name),
        (IMAGE, BUSYBOX),
        (NETWORK, ("none",)),
        (COMMAND, command or ("sleep", "1000")),
    )


@pytest.mark.both
def test_a_container_lives_and_goes(
    changing: ChangingEngine,
    log: list[Request],
) -> None:
    containers = changing.containers
    identity = containers.create(
        sleeper(
            "chg-web",
            "sh",
            "-c",
            "echo hello; exec sleep 1000",
        ).with_(
            READ_ONLY,
            True,
        )
    )
    assert len(identity) == 64
    assert containers.exists("chg-web")
    pid = containers.init("chg-web")
    assert pid > 0
    assert containers.logs("chg-web") == ""
    containers.start("chg-web")
    containers.start("chg-web")  # it runs already
    document = containers.inspect(identity)
    # Podman would take the beginning of its id for it, and another container may be called so
    for refuses in (containers.inspect, containers.start, containers.kill):
        with pytest.raises(NotFound):
            refuses(identity[:6])
    assert document["State"]["Pid"] == pid
    assert document["HostConfig"]["ReadonlyRootfs"] is True
    assert eventually(lambda: containers.logs("chg-web") == "hello\n")
    containers.rename("chg-web", "chg-new")
    assert not containers.exists("chg-web")
    containers.kill("chg-new", signal="KILL")
    assert containers.wait("chg-new", seconds=10) == 137
    containers.restart("chg-new", timeout=0)
    containers.stop("chg-new", timeout=0)
    containers.stop("chg-new", timeout=0)
    containers.remove(identity[:6], force=True)
    containers.remove("chg-new")
    assert not containers.exists(identity)
    assert any(
        request.method == "run" and "create --name=chg-web" in request.target for request in log
    )
    assert any(
        request.target.endswith("/rename?name=chg-new") and request.status == 204 for request in log
    )


def test_refusals_are_typed(changing: ChangingEngine) -> None:
    containers = changing.containers
    containers.create(sleeper())
    with pytest.raises(NameTaken, match="already in use"):
        containers.create(sleeper())
    containers.create(sleeper("chg-other"))
    with pytest.raises(NameTaken):
        containers.rename("chg-other", "chg-web")
    with pytest.raises(
        NotFound,
        match=r"^Cannot start the container chg-absent: ",
    ):
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


def test_limits_change_while_it_runs(
    changing: ChangingEngine,
    bench: Bench,
) -> None:
    if "rootless" in changing.engine.facts.label or changing.engine.facts.rootless is True:
        pytest.skip("the bench's rootless Podman has no cgroups of its own")
    changing.containers.create(sleeper())
    changing.containers.start("chg-web")
    changing.containers.update(
        "chg-web",
        ("--memory=64m", "--pids-limit=50"),
    )
    document = changing.containers.inspect("chg-web")
    assert document["HostConfig"]["Memory"] == 64 << 20
    assert document["HostConfig"]["PidsLimit"] == 50


def test_networks_come_and_go(
    changing: ChangingEngine,
    bench: Bench,
) -> None:
    changing.networks.create(
        "chg-net",
        internal=True,
        labels={"chg": "1"},
    )
    try:
        assert changing.networks.exists("chg-net")
        assert set(changing.networks.labelled("chg=1")) == {"chg-net"}
        assert bench.get("/networks/chg-net/json")["internal"] is True
        beginning = bench.podman(
            "network",
            "inspect",
            "chg-net",
            "--format",
            "{{.ID}}",
        )[:3]
        assert not changing.networks.exists(
            beginning
        )  # Podman would find chg-net by it, and remove it
        with pytest.raises(NotFound):
            changing.networks.remove(beginning)
    finally:
        changing.networks.remove("chg-net")
    assert not changing.networks.exists("chg-net")


@pytest.mark.both
def test_a_volume_is_copied_with_owners_and_modes(
    changing: ChangingEngine,
    bench: Bench,
) -> None:
    bench.podman("volume", "create", "chg-data")
    changing.volumes.create("chg-copy", labels={"chg": "1"})
    try:
        script = (
            "cd /d; echo text >file; chmod 600 file; chown 33:44 file; mkdir -m 711 sub; ln "
            "-s file link"
        )
        bench.podman(
            "run", "--rm", "--network=none", "-v", "chg-data:/d", BUSYBOX, "sh", "-c", script
        )
        changing.volumes.copy("chg-data", "chg-copy", BUSYBOX)
        shown = bench.podman(
            "run", "--rm", "--network=none", "-v", "chg-copy:/d", BUSYBOX,
            "sh", "-c", "cat /d/link; stat -c '%n %u %g %a' /d/file /d/sub",
        )  # fmt: skip
        assert shown.splitlines() == ["text", "/d/file 33 44 600", "/d/sub 0 0 711"]
        assert set(changing.volumes.labelled("chg=1")) == {"chg-copy"}
        assert changing.containers.labelled("hardentui.carrier") == ()
        assert not changing.volumes.exists("chg-cop")  # Podman would remove chg-copy for it
        for refuses in (changing.volumes.remove, changing.volumes.directory):
            with pytest.raises(NotFound):
                refuses("chg-cop")
        with pytest.raises(NotFound):
            changing.volumes.copy("chg-dat", "chg-copy", BUSYBOX)
    finally:
        changing.volumes.remove("chg-data")
        changing.volumes.remove("chg-copy")
    assert not changing.volumes.exists("chg-copy")


def test_a_directory_of_a_stopped_container_becomes_a_volume(
    changing: ChangingEngine,
    bench: Bench,
) -> None:
    bench.podman(
        "run",
        "--name",
        "chg-web",
        "--network=none",
        BUSYBOX,
        "sh",
        "-c",
        "echo kept >/var/www/page",
    )
    changing.volumes.create("chg-copy")
    try:
        copied = changing.copying.layer("chg-web", [("/var/www", "chg-copy")])
        assert (copied.copied.files, copied.copied.size) == (1, 5)
        changing.copying.leave("chg-web")
        assert _shown(bench, "cat /d/page") == ["kept"]
        assert {change["Path"] for change in changing.containers.changes("chg-web")} >= {
            "/var/www/page"
        }
        assert changing.containers.labelled("hardentui.carrier") == ()
        bench.podman("rm", "chg-web")  # nothing holds its files any more
    finally:
        changing.volumes.remove("chg-copy")


_SERVES = """
    mkdir -p /srv/app/sub /srv/app/old; cd /srv/app; umask 027
    echo one >kept; echo one >changed; echo one >old/gone; ln -s kept link; ln kept other
    mkfifo pipe; chown -R 7:8 /srv/app; chmod 2710 sub; chmod 4755 changed
    sleep 1; echo ready >/tmp/ready; sleep 1000
"""
_CHANGES = """
    cd /srv/app; echo two >changed; rm -r old; echo new >sub/new; rm link; mkdir link
    echo three >later; mv later moved; touch -d 2001-01-01 moved; chown 9:9 other
"""


@pytest.mark.both
def test_what_changes_while_a_layer_is_copied_is_copied_after_the_stop(
    changing: ChangingEngine,
    bench: Bench,
) -> None:
    bench.run(
        "chg-web",
        "--network=none",
        BUSYBOX,
        "sh",
        "-c",
        _SERVES,
    )
    changing.volumes.create("chg-copy")
    try:
        assert eventually(lambda: "/tmp/ready" in bench.podman("diff", "chg-web"))
        before = _tree(
            bench,
            "exec",
            "chg-web",
            place="/srv/app",
        )
        first = changing.copying.layer("chg-web", [("/srv/app", "chg-copy")])
        assert _tree(bench, *_LOOK) == before
        bench.podman(
            "exec",
            "chg-web",
            "sh",
            "-c",
            _CHANGES,
        )
        after = _tree(
            bench,
            "exec",
            "chg-web",
            place="/srv/app",
        )
        changing.containers.stop("chg-web", timeout=0)
        rest = changing.copying.again(first)
        assert _tree(bench, *_LOOK) == after != before
        assert rest.files <= 5, "kept, other, changed, sub/new, moved: no more"
        changing.copying.leave("chg-web")
        changing.containers.start("chg-web")
    finally:
        bench.remove("chg-web")
        changing.volumes.remove("chg-copy")
    assert changing.containers.labelled("hardentui.carrier") == ()


_LOOK = ("run", "--rm", "--network=none", "-v", "chg-copy:/d", BUSYBOX)


def _shown(bench: Bench, script: str) -> list[str]:
    return bench.podman(*_LOOK, "sh", "-c", script).splitlines()


def _tree(bench: Bench, *how: str, place: str = "/d") -> list[str]:
    script = (
        f"cd {place}; find . | sort | xargs stat -c '%n %F %u:%g %a %s %h %N';"
        " find . -type f | sort | xargs stat -c '%n %Y'; find . -type f | sort | xargs md5sum"
    )
    return [
        line
        for line in bench.podman(*how, "sh", "-c", script).splitlines()
        if " directory " not in line
    ]


@pytest.mark.both
def test_a_link_that_a_container_puts_in_the_way_leads_nowhere(
    changing: ChangingEngine,
    bench: Bench,
) -> None:
    bench.run(
        "chg-web",
        "--network=none",
        BUSYBOX,
        "sh",
        "-c",
        "rm -r /var/www; ln -s /etc /var/www; sleep 99",
    )
    changing.volumes.create("chg-copy")
    try:
        assert eventually(lambda: "C /var/www" in bench.podman("diff", "chg-web"))
        with pytest.raises(ChangeFailed, match="cannot be copied"):
            changing.copying.layer("chg-web", [("/var/www", "chg-copy")])
        assert _shown(bench, "ls -A /d") == []
        assert changing.containers.labelled("hardentui.carrier") == ()
    finally:
        bench.remove("chg-web")
        changing.volumes.remove("chg-copy")


def test_what_the_user_of_an_engine_may_not_read_is_not_copied(
    rootless_podman: Bench,
    tmp_path: Path,
) -> None:
    """Root asks, the engine is another account's: a directory of root stays closed."""
    if os.geteuid() != 0:
        pytest.skip("needs two accounts")
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "page").write_text("for all")
    (tmp_path / "open" / "secret").write_text("of root")
    (tmp_path / "open" / "secret").chmod(0o600)
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "key").write_text("of root")
    engine = probe(Candidate("", rootless_podman.url, "a test"))
    assert isinstance(engine, Engine)
    changing = ChangingEngine(engine, None)
    try:
        for name, left_out, seen in (("open", 1, ["page"]), ("closed", 1, [])):
            changing.volumes.create("chg-copy")
            try:
                assert (
                    changing.volumes.copy(
                        str(tmp_path / name),
                        "chg-copy",
                        BUSYBOX,
                    )
                    == left_out
                )
                assert _shown(rootless_podman, "ls -A /d") == seen
            finally:
                changing.volumes.remove("chg-copy")
    finally:
        changing.close()
        engine.close()


def test_pods_come_and_go(changing: ChangingEngine) -> None:
    changing.pods.create_by_command(
        ("pod", "create", "--name", "chg-pod", "--label", "chg=1", "--infra=false")
    )
    assert changing.pods.exists("chg-pod")
    beginning = next(iter(changing.pods.labelled("chg=1")))[:4]
    assert not changing.pods.exists(beginning)
    with pytest.raises(NotFound):
        changing.pods.remove(beginning, force=True)
    assert len(changing.pods.labelled("chg=1")) == 1
    changing.pods.remove("chg-pod", force=True)
    assert not changing.pods.exists("chg-pod")


def test_a_container_that_vanishes_meanwhile_is_nobodys_failure(
    podman: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `podman run --rm` and twins of other trials do, between the list and the look at each."""
    engine = probe(Candidate("", podman.url, "a test"))
    assert isinstance(engine, Engine)
    changing = ChangingEngine(engine, None)
    listing = engine.listed
    podman.run("chg-web", BUSYBOX, "sleep", "1000")
    podman.run("chg-other", "--network", "container:chg-web", BUSYBOX, "sleep", "1000")
    podman.run("chg-new", "--network", "none", BUSYBOX, "sleep", "1000")

    def listed_and_gone() -> tuple[Listed, ...]:
        listed = listing()
        podman.remove("chg-new")
        return listed

    monkeypatch.setattr(engine, "listed", listed_and_gone)
    try:
        assert "chg-other" in {reference.name for reference in references(changing)}
    finally:
        changing.close()
        engine.close()
        podman.remove("chg-other")
        podman.remove("chg-web")
