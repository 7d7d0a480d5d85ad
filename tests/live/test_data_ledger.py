"""What is written after a change is never hidden or lost by its undo: it is told, and can come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.both]
NAME = "ledger-notes"
PLACE = "/srv/notes"
VOLUME = f"{NAME}-srv-notes-data"
SERVE = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
LOOK = f"cd {PLACE} && find . -exec stat -c '%n %u:%g %a' {{}} + | sort && cat $(find . -type f | sort)"


class Notes:
    """A container whose data lies in its own layer."""

    def __init__(self, bench: Bench, state: Path, *options: str) -> None:
        self.bench, self.state = bench, str(state)
        self.run("run", "-d", *options, "--name", NAME, BUSYBOX, "sh", "-c", SERVE)
        self.inside(
            f"mkdir -p {PLACE} && cd {PLACE} && echo one >kept; echo old >changed; echo x >removed;"
            " chown 7:8 kept; chmod 750 ."
        )

    def run(self, *words: str) -> str:
        return self.bench.podman(*words)

    def inside(self, script: str) -> str:
        return self.run("exec", NAME, "sh", "-c", script)

    def does(self, *words: str, ends: int = 0) -> str:
        done = hardentui(*words, ends=ends, XDG_STATE_HOME=self.state)
        return done.stdout + done.stderr

    def applied(self, *words: str) -> str:
        wishes = words or ("--check", "writable-rootfs", "--keep-data")
        return self.does("apply", NAME, "--url", self.bench.url, *wishes, "--yes")

    def written_since(self) -> str:
        self.inside(
            f"cd {PLACE}; echo two >new; echo newer >changed; rm removed; chown 9:9 new; chmod 600 new"
        )
        return self.inside(LOOK)

    def volumes(self) -> list[str]:
        names = self.run("volume", "ls", "--format", "{{.Name}}").split()
        return sorted(name for name in names if name.startswith(NAME))

    def entry(self) -> dict[str, object]:
        document = json.loads(self.does("journal", "--format", "json").rpartition("}\n")[0] + "}")
        entries: list[dict[str, object]] = document["entries"]
        return next(entry for entry in entries if entry["action"] == "apply")


@pytest.fixture
def notes(
    bench: Bench,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Notes]:
    notes = Notes(bench, tmp_path, *getattr(request, "param", ()))
    yield notes
    kept = bench.podman("ps", "-a", "-q", "--filter", f"name=^{NAME}").split()
    bench.podman("rm", "--depend", "-f", "-i", "-v", "-t", "0", NAME, *kept)
    for volume in notes.volumes():
        bench.podman("volume", "rm", "-f", volume)


def test_what_moved_and_where_newer_data_lies_is_told(notes: Notes) -> None:
    before = notes.inside(LOOK)
    told = notes.applied()
    assert f"{PLACE} (10 bytes) → volume {VOLUME}, copied" in told
    assert "/run, /tmp, /var/tmp → tmpfs of at most half of the memory" in told
    assert f"{PLACE} in the volume {VOLUME}" in told
    rows = {row["path"]: row for row in notes.entry()["ledger"]}  # type: ignore[attr-defined]
    assert (rows[PLACE]["before"], rows[PLACE]["after"]) == ("layer", "volume")
    assert rows["/tmp"]["lost"] == "at each stop"
    newer = notes.written_since()
    dry = notes.does("undo", ends=2)
    assert f"the original runs without it: {PLACE} in the volume {VOLUME}" in dry
    undone = notes.does("undo", "--yes")
    assert f"{NAME} is as before, but for what was written since." in undone
    assert f"{PLACE}: what was written since lies in the volume {VOLUME}" in undone
    assert notes.inside(LOOK) == before
    assert f"lies in the volume {VOLUME}" in notes.does("journal")
    assert notes.entry()["newer_data"]
    look = LOOK.replace(PLACE, "/kept")
    assert notes.run("run", "--rm", "-v", f"{VOLUME}:/kept:ro", BUSYBOX, "sh", "-c", look) == newer


def test_newer_data_comes_back_and_what_it_replaces_is_kept(notes: Notes) -> None:
    before = notes.inside(LOOK)
    notes.applied()
    newer = notes.written_since()
    undone = notes.does("undo", "--yes", "--bring-back")
    assert f"{PLACE}: {NAME} has again what was written since" in undone
    assert notes.inside(LOOK) == newer
    (former,) = [name for name in notes.volumes() if "before-undo" in name]
    look = LOOK.replace(PLACE, "/kept")
    assert notes.run("run", "--rm", "-v", f"{former}:/kept:ro", BUSYBOX, "sh", "-c", look) == before


def test_newer_data_comes_back_out_of_a_user_namespace(notes: Notes) -> None:
    """The mount of the volume translates owners, or the files in it have others: both mean the same
    user."""
    fixes = ("--check", "writable-rootfs", "--check", "host-user-namespace")
    notes.applied(*fixes, "--keep-data")
    newer = notes.written_since()
    notes.does("undo", "--yes", "--bring-back")
    assert notes.inside(LOOK) == newer


@pytest.mark.parametrize("notes", [("--rm",)], indirect=True)
def test_newer_data_comes_back_to_one_that_podman_removed(notes: Notes) -> None:
    """Its stand-in gets it before it starts."""
    notes.applied("--check", "writable-rootfs", "--discard-data")
    notes.inside(f"cd {PLACE}; echo old >changed; touch removed kept")
    newer = notes.written_since()
    undone = notes.does("undo", "--yes", "--bring-back")
    assert f"{PLACE}: {NAME} has again what was written since" in undone
    assert notes.inside(LOOK) == newer
    assert notes.volumes() == [VOLUME]


def test_an_undo_after_which_nothing_is_newer_leaves_nothing_behind(notes: Notes) -> None:
    notes.applied()
    undone = notes.does("undo", "--yes", "--bring-back")
    assert f"{NAME} is as before. It was down" in undone
    assert notes.volumes() == []


def test_a_second_change_does_not_write_over_what_the_first_one_left(notes: Notes) -> None:
    notes.applied()
    newer = notes.written_since()
    notes.does("undo", "--yes")
    notes.applied()
    assert notes.volumes() == [VOLUME, f"{VOLUME}-2"]
    look = LOOK.replace(PLACE, "/kept")
    assert notes.run("run", "--rm", "-v", f"{VOLUME}:/kept:ro", BUSYBOX, "sh", "-c", look) == newer


def test_what_only_the_layer_of_the_successor_has_stays_with_it(notes: Notes) -> None:
    """Without a read-only root it may write anywhere, and undo would remove that with it."""
    notes.applied("--check", "new-privileges-allowed", "--keep-data")
    notes.inside("mkdir -p /srv/late; echo late >/srv/late/file")
    undone = notes.does("undo", "--yes")
    assert "/srv/late: what was written since lies in the stopped container" in undone
    kept = next(
        name
        for name in notes.run("ps", "-a", "--format", "{{.Names}}").split()
        if name.startswith(f"{NAME}-hardened")
    )
    assert eventually(lambda: notes.run("inspect", "-f", "{{.State.Running}}", kept) == "false")
    assert notes.run("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", kept) in ("no", "")
    notes.run("cp", f"{kept}:/srv/late", f"{NAME}:/srv/late")
    assert notes.inside("cat /srv/late/file") == "late"


def test_a_probe_of_one_member_does_not_fail_the_others(bench: Bench, tmp_path: Path) -> None:
    """`harden PROJECT --probe` asks the web server; the database of the project is not asked."""
    serve = f"mkdir -p /www; echo page >/www/index.html; httpd -p 80 -h /www; {SERVE}"
    names = {"ledger-shop-db": SERVE, "ledger-shop-web": serve}
    for name, script in names.items():
        label = "com.docker.compose.project=ledger-shop"
        bench.podman("run", "-d", "--name", name, "--label", label, BUSYBOX, "sh", "-c", script)
    words = ("--url", bench.url, "--check", "new-privileges-allowed", "--try", "--format", "json")
    probe = "curl -s -f -m 5 http://$TARGET:80/ | grep -q page"
    try:
        done = hardentui(
            "harden", "ledger-shop", "--probe", probe, *words, ends=0, XDG_STATE_HOME=str(tmp_path)
        )
        cards = json.loads("[" + done.stdout.replace("}\n{", "},{") + "]")
        assert {card["container"]: card["trial"]["result"] for card in cards} == dict.fromkeys(
            names, "works"
        )
        assert {card["container"]: card["probes"] for card in cards} == {
            "ledger-shop-db": [],
            "ledger-shop-web": [probe],
        }
    finally:
        bench.remove(*names)


def test_what_it_makes_at_its_first_use_works_after_hardening(bench: Bench, tmp_path: Path) -> None:
    """A backup page that makes its directory when it is called first, which no trial does."""
    late = "/var/backups/late"
    work = f"[ -e /tmp/go ] && mkdir -p {late} && date >{late}/backup"
    script = f"trap 'exit 0' TERM; while :; do {work}; sleep 0.1; done"
    bench.run(NAME, BUSYBOX, "sh", "-c", script)
    words = ("--url", bench.url, "--check", "writable-rootfs", "--yes")
    try:
        done = hardentui("harden", NAME, *words, ends=0, XDG_STATE_HOME=str(tmp_path))
        assert f"first use of {late}" in " ".join(done.stdout.split())
        bench.podman("exec", NAME, "touch", "/tmp/go")
        assert eventually(lambda: "backup" in bench.podman("exec", NAME, "ls", late))
    finally:
        kept = bench.podman("ps", "-a", "-q", "--filter", f"name=^{NAME}").split()
        bench.podman("rm", "--depend", "-f", "-i", "-v", "-t", "0", NAME, *kept)
        for volume in bench.podman("volume", "ls", "-q", "--filter", f"name={NAME}").split():
            bench.podman("volume", "rm", "-f", volume)


def test_each_of_several_that_change_together_is_told(notes: Notes) -> None:
    """Two that share a network are one change; what both wrote since is named, and comes back."""
    beside = f"{NAME}-beside"
    notes.run(
        *("run", "-d", "--name", beside, "--network", f"container:{NAME}"),
        *(BUSYBOX, "sh", "-c", f"mkdir -p {PLACE} && echo one >{PLACE}/kept; {SERVE}"),
    )
    assert eventually(lambda: "kept" in notes.run("exec", beside, "ls", PLACE))
    told = notes.applied()
    assert f"{NAME}: {PLACE} (10 bytes) → volume {VOLUME}" in told
    assert f"{beside}: {PLACE} (4 bytes) → volume {beside}-srv-notes-data" in told
    newer = notes.written_since()
    notes.run("exec", beside, "sh", "-c", f"echo two >{PLACE}/new")
    undone = notes.does("undo", "--yes", "--bring-back")
    assert f"{PLACE}: {NAME} has again what was written since" in undone
    assert f"{PLACE}: {beside} has again what was written since" in undone
    assert notes.inside(LOOK) == newer
    assert notes.run("exec", beside, "cat", f"{PLACE}/new") == "two"
    assert f"undo {NAME}, {beside}: done" in notes.does("journal")
