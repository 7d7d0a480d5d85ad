"""Where the writes of a container go under a read-only root: scratch into a tmpfs, data into a
volume."""

import io
from typing import Any

import pytest

from hardentui.checks.prelude import container
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.checklists.loading import load
from hardentui.features.trial.learned.first_use import first_uses, named_by_variables, not_used
from hardentui.features.trial.learned.named_paths import named_places
from hardentui.features.trial.learned.programs import Programs, read_programs
from hardentui.harden.plan import make_plan
from hardentui.model.facts import (
    ContainerFacts,
    FileChange,
    IdRange,
    Kernel,
    Process,
    WrittenDirectory,
)
from hardentui.model.plan import Choice, Plan
from hardentui.options import COMMAND, MOUNTS, TMPFS
from hardentui.reading.layer import LayerData, layer_data, written_by
from hardentui.reading.scratch import is_scratch
from tests.support.image_archives import directory, member, packed

EVERY_ID = (IdRange(0, 0, 4294967295),)
CHECKLIST = load()


def planned(
    facts: ContainerFacts,
    check: str = "writable-rootfs",
    **parameters: str,
) -> Plan:
    choice = Choice(check, tuple(parameters.items()))
    return make_plan(
        facts,
        [choice],
        [find_check(check)],
        CHECKLIST,
    )


def added(paths: str) -> tuple[FileChange, ...]:
    return tuple(FileChange(path, "added") for path in paths.split())


def running(*processes: Process, **more: Any) -> Kernel:
    return Kernel(
        7,
        uid_map=EVERY_ID,
        gid_map=EVERY_ID,
        processes=processes,
        **more,
    )


def volumes(plan: Plan) -> dict[str, str]:
    return {mount.destination: mount.source for mount in plan.after[MOUNTS]}


def tmpfs(plan: Plan) -> list[str]:
    return [entry.partition(":")[0] for entry in plan.after[TMPFS]]


def test_only_the_name_of_a_directory_makes_it_scratch() -> None:
    scratch = "/var/cache/app/deep /srv/app/cache /run/app /var/tmp".split()
    assert [path for path in scratch if not is_scratch(path)] == []
    data = "/srv/node /var/lib/app /data /var/www/uploads /etc/app /var/logistics".split()
    assert [path for path in data if is_scratch(path)] == []


def test_what_it_fills_and_its_log_become_volumes_and_its_cache_a_tmpfs() -> None:
    """A log grows: in a tmpfs, whoever writes it fails once that is full, and each stop loses it."""
    plan = planned(
        container(
            changes=added(
                "/srv/node/saved.txt /var/log/app/app.log /srv/node2/logs/x /var/cache/app/x"
            )
        )
    )
    assert volumes(plan) == {
        "/srv/node": "web-srv-node-data",
        "/srv/node2/logs": "web-srv-node2-logs-data",
        "/var/log/app": "web-var-log-app-data",
    }
    assert tmpfs(plan) == ["/var/cache/app"]
    notes = [note.text for note in plan.notes]
    assert any("/srv/node: this becomes the volume" in note for note in notes)
    assert any("keeps a log in /var/log/app: this becomes the volume" in note for note in notes)
    (scratch,) = [note for note in notes if "/var/cache/app" in note]
    assert "at most 64 MiB" in scratch
    assert "emptied at each stop" in scratch


MADE = (
    FileChange("/srv", "modified"),
    FileChange("/srv/app", "added"),
    FileChange("/srv/app/in", "added"),
    FileChange("/srv/app/in/x", "added", False),
    FileChange("/srv/app/done", "added"),
    FileChange("/srv/app/done/y", "added", False),
)
OF_IMAGE = added("/srv/app/in/x /srv/app/done/y")


@pytest.mark.parametrize(
    ("changes", "parent", "options", "places"),
    [
        pytest.param(MADE, None, "", ["/srv/app"], id="made by the container"),
        pytest.param(OF_IMAGE, WrittenDirectory(0), "", ["/srv/app"], id="empty in the image"),
        pytest.param(
            OF_IMAGE,
            WrittenDirectory(9),
            "",
            ["/srv/app/done", "/srv/app/in"],
            id="files of the image beside them",
        ),
        pytest.param(
            OF_IMAGE, None, "", ["/srv/app/done", "/srv/app/in"], id="not known what is there"
        ),
        pytest.param(
            MADE,
            None,
            "-v settings:/srv/app/settings:ro",
            ["/srv/app/done", "/srv/app/in", "/srv/app/settings"],
            id="a mount beside them",
        ),
        pytest.param(
            added("/srv/app/tmp/x /srv/app/done/y"),
            WrittenDirectory(0),
            "",
            ["/srv/app"],
            id="scratch that becomes data",
        ),
        pytest.param(
            added("/srv/app/x/1 /srv/web/y/2"),
            None,
            "",
            ["/srv/app/x", "/srv/web/y"],
            id="two applications",
        ),
    ],
)
def test_directories_of_one_application_stay_on_one_file_system(
    changes: tuple[FileChange, ...],
    parent: WrittenDirectory | None,
    options: str,
    places: list[str],
) -> None:
    """Neither rename nor hard link leads from one mount to another."""
    known = {} if parent is None else {"/srv/app": parent}
    facts = container(options, changes=changes, written_directories=known)
    assert sorted(volumes(planned(facts))) == places


def test_scratch_of_one_application_is_still_emptied_at_each_stop() -> None:
    facts = container(
        changes=added("/srv/app/tmp/x /srv/app/cache/y"),
        written_directories={"/srv/app": WrittenDirectory(0)},
    )
    plan = planned(facts)
    assert (volumes(plan), tmpfs(plan)) == ({}, ["/srv/app/cache", "/srv/app/tmp"])


def test_data_that_is_kept_stays_on_one_file_system() -> None:
    assert layer_data(MADE, ()).directories == ("/srv/app",)
    assert layer_data(OF_IMAGE, ()).directories == ("/srv/app/done", "/srv/app/in")
    beside = layer_data(MADE, ["/srv/app/settings"])
    assert beside.directories == ("/srv/app/done", "/srv/app/in")
    assert layer_data(MADE, ()).without(["/srv/app/in"]).directories == ("/srv/app/done",)


def test_a_month_further_down_needs_no_volume_of_its_own() -> None:
    """Podman says that something was added, not that it is a directory."""
    plan = planned(
        container(
            changes=(
                FileChange("/opt/app", "modified"),
                FileChange("/opt/app/photos", "added"),
                FileChange("/opt/app/photos/2026", "added"),
                FileChange("/opt/app/photos/2026/1.jpg", "added", False),
            ),
            written_directories={"/opt/app": WrittenDirectory(9, code="/opt/app/main.py")},
        )
    )
    assert list(volumes(plan)) == ["/opt/app/photos"]


def test_a_log_whose_directory_the_command_names_is_no_program() -> None:
    facts = container((COMMAND, ("/usr/bin/app", "/var/log/app/app.log")), changes=())
    facts = facts.replace(changes=added("/var/log/app/app.log"))
    assert list(volumes(planned(facts))) == ["/var/log/app"]


def test_no_volume_hides_code_of_the_image() -> None:
    """A named volume is filled once: what the next image brings there would never be seen."""
    facts = container(
        changes=added("/opt/app/main/state.db"),
        written_directories={
            "/opt/app/main": WrittenDirectory(900, code="/opt/app/main/server.py")
        },
    )
    (skipped,) = planned(facts).skipped
    assert "in /opt/app/main (/opt/app/main/server.py)" in skipped.why


@pytest.mark.parametrize("directory", ["/etc", "/var"])
def test_no_volume_stands_over_all_settings_or_all_data_of_a_system(directory: str) -> None:
    facts = container(changes=(FileChange(f"{directory}/new-file", "added", False),))
    plan = planned(facts)
    assert not volumes(plan)


def test_bytecode_beside_a_program_is_no_data_and_needs_no_place() -> None:
    changes = (
        FileChange("/opt", "modified", True),
        FileChange("/opt/app", "modified", True),
        FileChange("/opt/app/__pycache__", "added", True),
        FileChange("/opt/app/__pycache__/main.cpython-313.pyc", "added", False),
    )
    assert layer_data(changes, ()) == LayerData()
    plan = planned(container(changes=changes))
    assert (volumes(plan), tmpfs(plan), plan.skipped) == ({}, [], ())


def test_a_secret_that_is_mounted_elsewhere_is_nothing_that_it_wrote() -> None:
    place = "/etc/pki/trust/anchors/ca.crt"
    facts = container(
        f"--secret=ca,target={place}",
        changes=(
            FileChange("/etc/pki/trust/anchors", "added", True),
            FileChange(place, "added", False),
        ),
    )
    assert volumes(planned(facts)) == {}


def test_a_directory_that_is_empty_so_far_and_meant_for_writing_becomes_a_volume() -> None:
    facts = container(
        "--user=1000",
        changes=(),
        kernel=running(
            Process(
                7,
                "node",
                "/usr/bin/node",
                1000,
                directory="/srv/node",
            ),
            uid=1000,
            gid=1000,
        ),
        written_directories={"/srv/node": WrittenDirectory(0, 1000, 1000, 0o755)},
    )
    plan = planned(facts)
    assert volumes(plan) == {"/srv/node": "web-srv-node-data"}
    assert tmpfs(plan) == []


def test_an_empty_directory_that_a_program_names_is_there_to_be_filled() -> None:
    """A service of root that saves uploads wrote none while it was tried."""
    facts = container(
        changes=(),
        kernel=running(Process(7, "app", "/usr/bin/app", 0)),
        empty_directories=dict.fromkeys(
            ("/srv/app/uploads", "/srv/app/cache", "/srv/other"),
            WrittenDirectory(0, 0, 0, 0o755),
        ),
    ).replace(first_uses={"/srv/app/uploads/new": "app.py", "/var/backups/late": "app.py"})
    plan = planned(facts)
    assert volumes(plan) == {
        "/srv/app/uploads": "web-srv-app-uploads-data",
        "/var/backups/late": "web-var-backups-late-data",
    }
    assert any("its programs name /srv/app/uploads" in note.text for note in plan.notes)


def test_an_empty_directory_that_nobody_names_is_no_data() -> None:
    """Root may write everywhere: that an image has it empty does not make it one to be written."""
    there = dict.fromkeys(("/srv/x", "/var/lib/y"), WrittenDirectory(0, 0, 0, 0o755))
    given_away = {"/var/spool/mail-queue": WrittenDirectory(0, 101, 101, 0o750)}
    facts = container(
        changes=(),
        kernel=running(Process(7, "app", "/usr/bin/app", 0)),
        empty_directories=there | given_away,
    )
    assert list(volumes(planned(facts))) == ["/var/spool/mail-queue"]
    assert [str(part) for part in not_used(facts)] == [
        "writing to /srv/x, /var/lib/y (empty in the image, and no program or setting names it: it "
        "gets no volume)"
    ]


def test_a_directory_with_programs_stays_refused() -> None:
    facts = container((COMMAND, ("/srv/app/run",)), changes=added("/srv/app/state"))
    (skipped,) = planned(facts).skipped
    assert "next to its programs, in /srv/app" in skipped.why


def test_a_program_that_somebody_copied_there_to_start_with_stays_refused() -> None:
    changes = added("/srv/app/run /srv/app/state")
    (skipped,) = planned(container((COMMAND, ("/srv/app/run",)), changes=changes)).skipped
    assert "next to its programs, in /srv/app" in skipped.why


def test_a_program_that_it_made_itself_is_made_again_in_the_volume() -> None:
    """A service that unpacks its helper into its data directory and runs it from there."""
    facts = container(
        changes=(
            FileChange("/srv/node", "modified", directory=True),
            FileChange("/srv/node/helper", "added", directory=False, executable=True),
        ),
        kernel=running(Process(7, "helper", "/srv/node/helper", 0)),
        written_directories={"/srv/node": WrittenDirectory(0)},
    )
    plan = planned(facts)
    assert plan.skipped == ()
    assert volumes(plan) == {"/srv/node": "web-srv-node-data"}


def test_a_directory_made_today_is_not_the_only_one_it_will_make() -> None:
    facts = container(
        changes=(
            FileChange("/srv", "modified", True),
            FileChange("/srv/node", "modified", True),
            FileChange("/srv/node/2026-11", "added", True),
            FileChange("/srv/node/2026-11/photo", "added", False),
        ),
        written_directories={"/srv/node": WrittenDirectory(0)},
    )
    assert volumes(planned(facts)) == {"/srv/node": "web-srv-node-data"}


def test_a_new_user_gets_its_data_in_a_volume_of_its_own() -> None:
    facts = container(changes=added("/srv/node/saved.txt /run/app.pid"))
    plan = planned(facts, "root-user", user="1000:1000")
    assert volumes(plan) == {"/srv/node": "web-srv-node-data"}
    assert ["U" in mount.options for mount in plan.after[MOUNTS]] == [True]
    assert tmpfs(plan) == ["/run"]


def test_mount_points_are_not_written_by_the_container() -> None:
    """Podman makes them, also those that `--volumes-from` brings and no option names."""
    changes = (
        FileChange("/scratch", "added", directory=True),
        FileChange("/srv", "added"),
        FileChange("/srv/data", "added", directory=True),
        FileChange("/var/own", "added", directory=False),
    )
    mounts = [
        {"Destination": "/scratch"},
        {"Destination": "/srv/data/"},
    ]
    assert written_by(
        container(
            changes=changes,
            inspect={"Mounts": mounts},
        )
    ).paths == ("/var/own",)


def found(*changes: tuple[str, str, bool | None], mounted: tuple[str, ...] = ()) -> LayerData:
    return layer_data(
        [FileChange(path, kind, directory) for path, kind, directory in changes], mounted
    )


def test_what_systemd_writes_at_its_first_start_is_made_again() -> None:
    seen = found(
        ("/etc", "modified", True),
        ("/etc/machine-id", "modified", False),
        ("/etc/.updated", "added", False),
        ("/var/.updated", "added", False),
        ("/etc/salt/pki/minion.pem", "added", False),
    )
    assert seen.data == ("/etc/salt/pki/minion.pem",)


def test_a_new_file_and_a_changed_one_would_be_missed() -> None:
    seen = found(
        ("/srv", "modified", True), ("/srv/app.db", "modified", False), ("/data/new", "added", False)
    )  # fmt: skip
    assert seen.data == ("/data/new", "/srv/app.db")
    assert seen.directories == ("/data", "/srv")


def test_what_each_start_makes_anew_would_not() -> None:
    seen = found(
        ("/run/nginx.pid", "added", False),
        ("/tmp/x", "added", False),
        ("/etc", "modified", None),
        ("/etc/passwd", "modified", False),
        ("/old", "deleted", False),
        ("/var/lib", "modified", True),
        ("/var/lib/nginx/body", "added", True),
    )
    assert seen == LayerData()


def test_mount_points_are_no_data() -> None:
    seen = found(
        ("/var/lib/db", "added", None),
        ("/var/lib/db/data", "added", None),
        ("/var/lib/db/data/file", "added", False),
        mounted=("/var/lib/db/data",),
    )
    assert seen == LayerData()


def test_directories_do_not_stand_inside_each_other_and_hide_no_image() -> None:
    assert found(("/srv/a", "added", False), ("/srv/b/c", "added", False)).directories == ("/srv",)
    assert found(("/etc/app.conf", "modified", False)).directories == ()
    assert found(("/loose", "added", False)).directories == ()


def test_first_uses_are_directories_that_programs_name_and_the_image_does_not_fill() -> None:
    text = b"""
        open("/var/lib/app/state.db")
        os.makedirs("/var/backups/late")
        ROUTE = "/api/v1/users"
        LIST = "/var/lib/dpkg/status"
        PAGES = "/srv/pages"
        CACHE = "/var/cache/app"
        LOCK = "/var/lock/app/pid"
        SOCKET = "/run/app/socket"
        UPLOAD = "/tmp/app/upload"
        HOME = "/root/.config/app"
        BUILT = "/root/.cargo/registry/src/app"
    """
    programs = Programs(filled={"/srv/pages", "/var/lib", "/var"})
    places = dict.fromkeys(named_places(text), "app.py")
    assert first_uses(places, programs) == {
        "/root/.config/app": "app.py",
        "/var/backups/late": "app.py",
        "/var/cache/app": "app.py",
        "/var/lib/app": "app.py",
        "/var/lock/app/pid": "app.py",
    }, "scratch too, but for what Podman keeps writable with a read-only root"


def test_settings_and_variables_name_first_uses_too() -> None:
    """Settings count where a program or variable names them, or the directory that they are in."""
    archive = packed(
        member("etc/app.ini", b"[main]\nstate_dir = /opt/app/state\n# old = /srv/old/state\n"),
        member("etc/app.d/jobs.conf", b"out /var/spool/app/out\ninclude /app/more.yaml\n"),
        member("app/more.yaml", b"uploads: /media/app/up\n"),
        member("etc/other.ini", b"state_dir = /opt/other/state\n"),
        member("etc/passwd", b"app:x:7:7::/home/app:/bin/sh\n"),
    )
    programs = read_programs(io.BytesIO(archive))
    places = {"/etc/app.ini": "app.py", "/etc/passwd": "sh", "/var/lib/db/x": "app.py"}
    variables = {
        "JOBS": "/etc/app.d",
        "CACHE": "a:/srv/b /srv/app/cache",
        "SEARCH_PATH": "/opt/x/bin",
    }
    assert first_uses(named_by_variables(variables) | places, programs) == {
        "/var/lib/db/x": "app.py",
        "/srv/app/cache": "CACHE",
        "/opt/app/state": "/etc/app.ini",
        "/var/spool/app/out": "/etc/app.d/jobs.conf",
        "/media/app/up": "/app/more.yaml",
    }


def test_an_ordinary_user_uses_first_what_it_may_make() -> None:
    """In its home, and where the image lets it; what it makes is its own."""
    archive = packed(
        directory("srv", uid=7),
        directory("opt/app", uid=7),
        directory("var/lib"),
        directory("var/cache", uid=7),
        member("etc/passwd", b"root:x:0:0::/root:/bin/sh\napp:x:7:7::/srv:/bin/sh\n"),
    )
    programs = read_programs(io.BytesIO(archive))
    text = b"""
        CACHE = os.path.join(home, ".cache", "thumbs"); open("$HOME/.config/app.ini")
        open("/opt/app/state/x.db"); open("/var/lib/app/x.db"); name.endswith(".local")
        open("/var/cache/app/x.html")
    """
    places = dict.fromkeys(named_places(text), "app.py")
    uses = first_uses(places, programs, 7, programs.homes[7])
    assert set(uses) == {"/opt/app/state", "/srv/.config", "/srv/.cache", "/var/cache/app"}
    assert "/var/lib/app" in first_uses(places, programs)
    assert "/home/app/.config" not in first_uses(places, programs, 7, "/home/app")
    facts = container(
        "--user=7",
        changes=(),
        kernel=running(Process(7, "app", "/usr/bin/app", 7), uid=7),
    ).replace(first_uses=uses)
    plan = planned(facts)
    assert set(volumes(plan)) == {"/opt/app/state", "/srv/.config", "/srv/.cache"}
    assert all("U" in mount.options for mount in plan.after[MOUNTS])
    assert tmpfs(plan) == ["/var/cache/app"]
    assert plan.after[TMPFS][0].endswith(",U")


def test_a_log_that_leads_to_the_output_is_no_directory() -> None:
    """As in the image of nginx: a mount at /proc/self/fd/1 would keep it from starting."""
    log = "/var/log/nginx/access"
    programs = Programs(links={log: "/dev/stdout", "/dev/stdout": "/proc/self/fd/1"})
    assert first_uses({log: "nginx"}, programs) == {}


def test_a_first_use_of_scratch_gets_a_tmpfs() -> None:
    facts = container(
        changes=(),
        kernel=running(Process(7, "app", "/usr/bin/app", 0)),
    ).replace(first_uses={"/var/lock/app": "app.py", "/var/lib/app": "app.py"})
    plan = planned(facts)
    assert list(volumes(plan)) == ["/var/lib/app"]
    assert [entry.partition(":")[0] for entry in tmpfs(plan)] == ["/var/lock/app"]
    assert [str(part) for part in not_used(facts)] == [
        "first use of /var/lib/app (a program or setting names it: it gets a volume)",
        "first use of /var/lock/app (a program or setting names it: it gets a tmpfs)",
    ]
