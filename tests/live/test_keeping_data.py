"""Data keeps its owners and modes: copied by the commands that apply proposes, and after an undo."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.features.apply.wishes import keeping_commands
from hardentui.model.file_names import volume_for
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
NAME = "keep-data"
DIRECTORY = "/var/my app [1.*]"
SCRIPT = (
    'mkdir -p "$0/d"; ln -s d "$0/l"; echo mine >"$0/d/f"; chown -R 7:8 "$0"; chmod 750 '
    '"$0"; sleep 1000'
)


@pytest.mark.parametrize("kind", ["podman", "rootless_podman"])
def test_what_is_proposed_keeps_owners_and_modes(
    kind: str,
    request: pytest.FixtureRequest,
) -> None:
    bench: Bench = request.getfixturevalue(kind)
    volume = volume_for(NAME, DIRECTORY)
    bench.run(
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        f"umask 077; {SCRIPT}",
        DIRECTORY,
    )
    try:
        assert eventually(lambda: f"{DIRECTORY}/d/f" in bench.podman("diff", NAME))
        for command in keeping_commands(
            NAME,
            [DIRECTORY],
            rootless=kind == "rootless_podman",
        ):
            bench.execute("sh", "-c", f"cd /; {command}")
        shown = bench.podman(
            "run", "--rm", "-v", f"{volume}:/kept", BUSYBOX,
            "stat", "-c", "%n %u:%g %a", "/kept", "/kept/d", "/kept/l/f",
        )  # fmt: skip
        assert shown.splitlines() == ["/kept 7:8 750", "/kept/d 7:8 700", "/kept/l/f 7:8 600"]
    finally:
        bench.remove(NAME)
        bench.podman("volume", "rm", "-f", volume)


@pytest.mark.both
def test_files_that_got_another_owner_get_theirs_back(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A container that becomes an ordinary user's owns its volumes. The names in it are a
    stranger's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    files = (
        "cd /data; mkdir -p d 'a\n0:0 b'; touch f d/mine d/yours 'a\n0:0 b/c'; ln -s f l;"
        " chown -h 33:44 d/yours l"
    )
    look = "cd /data; find . -exec stat -c '%n %u:%g' {} + | sort"
    command = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    bench.run(
        NAME,
        "-v",
        f"{NAME}:/data",
        BUSYBOX,
        *command,
    )
    try:
        bench.podman(
            "exec",
            NAME,
            "sh",
            "-c",
            files,
        )
        seen = bench.podman("exec", NAME, "sh", "-c", look)
        plan = tmp_path / "plan.toml"
        plan.write_text(
            f'schema = "hardentui/plan/1"\ncontainer = "{NAME}"\n'
            'fix = [{ check = "root-user", parameters = { user = "1001:1001" } }]\n'
        )
        assert (
            main(
                [
                    "apply",
                    NAME,
                    "--plan",
                    str(plan),
                    "--yes",
                    "--url",
                    bench.url,
                ]
            )
            == 0
        )
        assert (
            bench.podman(
                "exec",
                NAME,
                "stat",
                "-c",
                "%u:%g",
                "/data/d/yours",
            )
            == "1001:1001"
        )
        assert main(["undo", "--yes"]) == 0
        assert bench.podman("exec", NAME, "sh", "-c", look) == seen
    finally:
        bench.remove(NAME)
        bench.podman("volume", "rm", "-f", NAME)
