"""What to do after writing: nothing is lost, there is a way back, and it is for the engine's own
account."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.features.fix.steps import next_steps
from hardentui.features.looking.containers import Neighbours
from hardentui.host.files import LocalFiles
from hardentui.model.draft import Draft, DraftFile, NextSteps, Target
from hardentui.model.facts import ContainerFacts, FileChange, Kernel, NotRunning
from hardentui.model.known import Unread
from hardentui.model.podman_version import Version
from hardentui.options import IMAGE, NAME, POD, REMOVE
from hardentui.writers.take_over import OldContainer, TakeOver, take_over_script
from tests.support.units import of_own_unit

ALONE = Neighbours()
RUNNING = Kernel(1)


def container(
    *pairs: object,
    name: str = "web",
    unit: str = "",
    rootless: bool = False,
    uid: int = 0,
) -> ContainerFacts:
    facts = of_own_unit(
        "web",
        (IMAGE, "docker.io/library/web:1"),
        *pairs,  # type: ignore[arg-type]
    )
    config = {
        **facts.inspect["Config"],
        "Labels": {"PODMAN_SYSTEMD_UNIT": unit} if unit else {},
    }
    url = (
        f"unix:///run/user/{uid}/podman/podman.sock"
        if rootless
        else "unix:///run/podman/podman.sock"
    )
    engine = facts.engine.replace(
        rootless=rootless,
        url=url,
    )
    inspect = {**facts.inspect, "Config": config}
    facts = facts.replace(
        inspect=inspect, engine=engine, unit_exists=bool(unit), changes=(), kernel=RUNNING
    )
    return facts.replace(
        id=(name * 64)[:64],
        name=name,
        spec=facts.spec.with_(NAME, name),
    )


def draft(target: Target, *names: str) -> Draft:
    return Draft(
        target=target,
        files=tuple(DraftFile(name, "", masked="") for name in names),
    )


def after(
    facts: ContainerFacts,
    target: Target,
    names: Sequence[str],
    stack: Neighbours = ALONE,
) -> NextSteps:
    return next_steps(
        LocalFiles(),
        facts,
        stack,
        draft(target, *names),
        "/my out",
    )


def function(steps: NextSteps, name: str) -> list[str]:
    """The lines of a function of the script."""
    lines = steps.files[0].text.splitlines()
    start = lines.index(f"{name}() {{") + 1
    return [line.strip() for line in lines[start : lines.index("}", start)]]


def test_podmans_own_way_to_bring_quadlets_is_named_where_there_is_one() -> None:
    files = ["web.container", "copy-volumes.sh", "data.volume"]
    facts = container()
    newer = facts.replace(engine=facts.engine.replace(version=Version(5, 6)))
    assert after(newer, Target.QUADLET, files).about.endswith(
        " On a host without web: podman quadlet install web.container data.volume"
    )
    assert "quadlet install" not in after(facts, Target.QUADLET, files).about
    assert "quadlet install" not in after(newer, Target.RUN, ["web.sh"]).about
    secret = Draft(
        target=Target.QUADLET,
        files=(
            DraftFile(
                "web.container",
                "",
                0o600,
                masked="",
            ),
        ),
    )
    told = next_steps(
        LocalFiles(),
        newer,
        ALONE,
        secret,
        "/my out",
    ).about
    assert "quadlet install" not in told  # it would let everybody read the file


def test_the_original_has_another_name_before_anything_starts_that_would_replace_it() -> None:
    steps = after(
        container(),
        Target.QUADLET,
        ["web.container", "web-copy-volumes.sh"],
    )
    assert function(steps, "now") == [
        "podman stop --ignore web >/dev/null",
        "keep web web-before",
        "is_free web",
        "sh web-copy-volumes.sh",
        'for file in web.container; do cp "$file" "$place/$file"; done',
        "systemctl daemon-reload",
        "systemctl start web.service",
        ":",
    ]
    assert not any(
        "podman rm" in line for line in (*function(steps, "now"), *function(steps, "back"))
    )


def test_an_engine_that_was_named_is_named_again_unless_one_has_to_be_on_its_machine() -> None:
    facts = container()
    named = facts.engine.replace(found_with=("--url", "unix:///srv/podman.sock"))
    local = after(
        facts.replace(engine=named),
        Target.RUN,
        ["web.sh"],
    ).commands
    assert any(
        command.endswith("hardentui check web --url unix:///srv/podman.sock") for command in local
    )
    far = facts.replace(engine=named.replace(local=False))
    assert after(far, Target.RUN, ["web.sh"]).commands[-1] == "hardentui check web"


@pytest.mark.parametrize("exists", [False, None])
def test_a_unit_that_only_a_label_of_podman_compose_names_counts_as_absent(
    exists: bool | None,
) -> None:
    facts = container(unit="podman-compose@web.service")
    if exists is None:  # on another machine it cannot be known
        facts = facts.replace(unit_exists=Unread("the engine is on another machine"))
    else:
        facts = facts.replace(unit_exists=False)
    steps = after(facts, Target.QUADLET, ["web.container"])
    assert "podman-compose" not in steps.files[0].text
    assert "keep web web-before" in function(steps, "now")


def test_a_pod_cannot_be_renamed_so_its_successor_has_another_name_until_it_is_gone() -> None:
    pod = {
        "Id": "p" * 64,
        "Name": "shop",
        "InfraContainerID": "i" * 64,
        "InfraConfig": {"Networks": ["net"]},
    }
    web, db = (container((POD, "shop"), name=name).replace(pod=pod) for name in ("web", "db"))
    steps = after(
        web, Target.QUADLET, ["web.container", "db.container", "shop.pod"], Neighbours((db,))
    )
    now, back, finish = (function(steps, name) for name in ("now", "back", "finish"))
    assert now[0] == "podman pod stop shop >/dev/null"
    assert {"keep web web-before", "keep db db-before"} <= set(now)
    assert any("PodName=shop-new" in line and "--network-alias=shop" in line for line in now)
    assert "systemctl start shop-pod.service" in now
    assert "podman pod start shop >/dev/null" in back
    assert not any("pod rm" in line for line in (*now, *back))
    removed = [line for line in finish if "discard" in line or "drop_pod" in line]
    assert len(removed) == 3
    assert removed[-1] == "drop_pod shop 1", "members first, without their volumes"


def test_files_that_only_the_original_has_keep_it_from_being_removed() -> None:
    facts = container().replace(changes=(FileChange("/srv/app.db", "added", False),))
    finish = function(after(facts, Target.QUADLET, ["web.container"]), "finish")
    assert not any("discard" in line for line in finish)
    assert any("only it has /srv/app.db" in line for line in finish)


def without_sudo(commands: Sequence[str]) -> list[str]:
    return [command.removeprefix("sudo ") for command in commands]


def test_a_restart_that_deletes_an_anonymous_volume_comes_after_a_copy_of_it() -> None:
    volume = "a" * 64
    facts = container((REMOVE, True))
    mounts = [{"Type": "volume", "Name": volume, "Destination": "/data"}]
    facts = facts.replace(inspect={**facts.inspect, "Mounts": mounts})
    unit = Draft(
        target=Target.UNIT,
        files=(
            DraftFile(
                "web.container",
                "",
                masked="",
                directory="/u",
            ),
        ),
        commands=("systemctl restart web.service",),
    )
    commands = without_sudo(
        next_steps(
            LocalFiles(),
            facts,
            ALONE,
            unit,
            "/o",
        ).commands
    )
    export = f"podman volume export {volume} --output /o/web-data.tar"
    assert commands.index(export) < commands.index("systemctl restart web.service")


def test_a_rootless_engine_is_its_users() -> None:
    own = container(rootless=True, uid=os.geteuid())
    text = after(own, Target.QUADLET, ["web.container"]).files[0].text
    assert 'place="${XDG_CONFIG_HOME:-$HOME/.config}"/containers/systemd' in text
    assert "systemctl --user daemon-reload" in text
    other = container(rootless=True, uid=54321)
    commands = after(other, Target.RUN, ["web.sh"]).commands
    assert commands[0].startswith("sudo -H -u 54321 XDG_RUNTIME_DIR=/run/user/54321 sh ")


@pytest.mark.parametrize("name", ["$(reboot)", "x; reboot", "-rf"])
def test_what_an_engine_calls_a_container_stays_one_word(name: str) -> None:
    steps = after(
        container().replace(name=name),
        Target.RUN,
        ["c.sh"],
    )
    for command in (
        *steps.commands,
        *steps.back,
        *steps.finish,
        steps.files[0].text,
    ):
        assert "$(reboot)" not in command
        assert "; reboot" not in command
        assert " -rf" not in command


def test_a_service_of_the_host_with_the_name_of_the_container_is_left_alone(tmp_path: Path) -> None:
    """A generated cron.service hides that of a package, and the way back would stop it."""
    (tmp_path / "cron.container").touch()
    for name, text in (
        ("podman", "exit 1"),
        ("systemctl", "echo $* >>log; echo /usr/lib/systemd/system/$4"),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    old = OldContainer(
        name="cron",
        id="1" * 64,
        kept_as="cron-before",
    )
    takeover = TakeOver(
        old=(old,), units=("cron.container",), services=("cron.service",), place=str(tmp_path)
    )
    script = tmp_path / "cron-take-over.sh"
    script.write_text(take_over_script(script.name, takeover))
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", str(script)], env=path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        "cron.service is a service of this host (/usr/lib/systemd/system/cron.service)"
        in done.stderr
    )
    asked = (tmp_path / "log").read_text().splitlines()
    assert asked == ["show --property=FragmentPath --value cron.service"]
    script.write_text(
        take_over_script(
            script.name,
            replace(takeover, old=(replace(old, unit="cron.service"),)),
        )
    )
    subprocess.run(
        ["sh", str(script)],
        env=path,
        capture_output=True,
        check=False,
    )
    asked = (tmp_path / "log").read_text().splitlines()
    assert "stop cron.service" in asked, "it is what runs it today"


def test_the_expected_downtime_is_told_before_and_the_measured_one_after(tmp_path: Path) -> None:
    assert "Expected downtime: about 1.5 s" in after(container(), Target.RUN, ["web.sh"]).about
    stopped = container().replace(kernel=NotRunning())
    assert "Expected downtime" not in after(stopped, Target.RUN, ["web.sh"]).about
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\ncase $1 in container) exit 1 ;; stop) sleep 0.3 ;; esac\n")
    podman.chmod(0o755)
    script = tmp_path / "web-take-over.sh"
    for running in (True, False):
        old = OldContainer(
            name="web",
            id="1" * 64,
            kept_as="web-before",
            running=running,
        )
        script.write_text(take_over_script(script.name, TakeOver(old=(old,))))
        path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", str(script)], env=path, capture_output=True, text=True, check=True
        )
        assert (
            bool(
                re.search(
                    r"^It was down for [0-9]+\.[0-9] s at most\.$",
                    done.stderr,
                    re.M,
                )
            )
            is running
        )
        assert "for 0.0 s" not in done.stderr


def test_all_units_of_today_are_stopped_at_once() -> None:
    """Each may take its time."""
    old = tuple(
        OldContainer(
            name=name,
            id=name * 8,
            kept_as=f"{name}-before",
            unit=f"{name}.service",
        )
        for name in ("db", "web")
    )
    script = take_over_script("take-over.sh", TakeOver(old=old))
    assert "systemctl stop db.service web.service\n" in script
