"""Where the writes of a container go under a read-only root: scratch into a tmpfs, data into a volume."""

import pytest

from hardentui.checks.examples import container
from hardentui.features.checklists.loading import find_check, load
from hardentui.harden.plan import make_plan
from hardentui.model.facts import ContainerFacts, FileChange, IdRange, Kernel, Process, WrittenDirectory
from hardentui.model.plan import Choice, Plan
from hardentui.options import COMMAND, ENTRYPOINT, MOUNTS, READ_ONLY, TMPFS, USER
from hardentui.reading.scratch import is_scratch

EVERY_ID = (IdRange(0, 0, 4294967295),)
CHECKLIST = load()


def planned(facts: ContainerFacts, check: str = "writable-rootfs", **parameters: str) -> Plan:
    choice = Choice(check, tuple(parameters.items()))
    return make_plan(facts, [choice], [find_check(check)], CHECKLIST)


def volumes(plan: Plan) -> dict[str, str]:
    return {mount.destination: mount.source for mount in plan.after[MOUNTS]}


def tmpfs(plan: Plan) -> list[str]:
    return [entry.partition(":")[0] for entry in plan.after[TMPFS]]


@pytest.mark.parametrize(
    ("directory", "scratch"),
    [
        ("/srv/node", False),
        ("/var/lib/app", False),
        ("/data", False),
        ("/var/www/uploads", False),
        ("/etc/app", False),
        ("/var/logistics", False),
        ("/var/log/app", True),
        ("/srv/app/logs", True),
        ("/var/cache/app/deep", True),
        ("/srv/app/cache", True),
        ("/run/app", True),
        ("/var/tmp", True),
    ],
)
def test_only_the_name_of_a_directory_makes_it_scratch(directory: str, scratch: bool) -> None:
    assert is_scratch(directory) is scratch


def test_what_it_fills_becomes_a_volume_and_its_log_a_tmpfs() -> None:
    facts = container(
        changes=(
            FileChange("/srv/node/saved.txt", "added"),
            FileChange("/var/log/app/app.log", "added"),
            FileChange("/var/cache/app/x", "added"),
        )
    )
    plan = planned(facts)
    assert volumes(plan) == {"/srv/node": "web-srv-node-data"}
    assert tmpfs(plan) == ["/var/cache/app", "/var/log/app"]
    assert any("/srv/node: this becomes the volume" in note.text for note in plan.notes)
    assert any("/var/log/app" in note.text and "emptied at each stop" in note.text for note in plan.notes)


def test_a_directory_that_is_empty_so_far_and_meant_for_writing_becomes_a_volume() -> None:
    facts = container(
        (USER, "1000"),
        changes=(),
        kernel=Kernel(
            7,
            uid=1000,
            gid=1000,
            uid_map=EVERY_ID,
            gid_map=EVERY_ID,
            processes=(Process(7, "node", "/usr/bin/node", 1000, directory="/srv/node"),),
        ),
        written_directories={"/srv/node": WrittenDirectory(0, 1000, 1000, 0o755)},
    )
    plan = planned(facts)
    assert volumes(plan) == {"/srv/node": "web-srv-node-data"}
    assert tmpfs(plan) == []


def test_an_empty_directory_of_the_image_is_there_to_be_filled() -> None:
    """A service of root that saves uploads wrote none while it was tried."""
    facts = container(
        changes=(),
        kernel=Kernel(
            7, uid_map=EVERY_ID, gid_map=EVERY_ID, processes=(Process(7, "app", "/usr/bin/app", 0),)
        ),
        empty_directories={
            "/srv/app/uploads": WrittenDirectory(0, 0, 0, 0o755),
            "/srv/app/cache": WrittenDirectory(0, 0, 0, 0o755),
        },
    )
    plan = planned(facts)
    assert volumes(plan) == {"/srv/app/uploads": "web-srv-app-uploads-data"}
    assert tmpfs(plan) == ["/srv/app/cache"]
    assert any("/srv/app/uploads is an empty directory of the image" in note.text for note in plan.notes)


def test_a_log_directory_named_in_its_command_is_no_program() -> None:
    facts = container(
        (ENTRYPOINT, ("/bin/sh", "-c", "exec /usr/bin/app >> /var/log/app/app.log")),
        changes=(FileChange("/var/log/app/app.log", "added"),),
    )
    plan = planned(facts)
    assert plan.after[READ_ONLY]
    assert tmpfs(plan) == ["/var/log/app"]


def test_a_directory_with_programs_stays_refused() -> None:
    facts = container((COMMAND, ("/srv/app/run",)), changes=(FileChange("/srv/app/state", "added"),))
    (skipped,) = planned(facts).skipped
    assert "next to its programs, in /srv/app" in skipped.why


def test_a_directory_made_today_is_not_the_only_one_it_will_make() -> None:
    facts = container(
        changes=(
            FileChange("/srv", "modified", True),
            FileChange("/srv/node", "modified", True),
            FileChange("/srv/node/2026-11", "added", True),
            FileChange("/srv/node/2026-11/photo", "added", False),
        )
    )
    assert volumes(planned(facts)) == {"/srv/node": "web-srv-node-data"}


def test_a_directory_made_in_one_of_every_image_is_the_place() -> None:
    facts = container(
        changes=(
            FileChange("/var/lib", "modified", True),
            FileChange("/var/lib/app", "added", True),
            FileChange("/var/lib/app/db", "added", False),
        )
    )
    assert volumes(planned(facts)) == {"/var/lib/app": "web-var-lib-app-data"}


def test_a_cache_that_does_not_fit_into_memory_becomes_a_volume() -> None:
    facts = container(
        changes=(FileChange("/var/cache/app/big", "added", False, 600 << 20),),
        written_directories={"/var/cache/app": WrittenDirectory(0, 0, 0, 0o755)},
    )
    assert volumes(planned(facts)) == {"/var/cache/app": "web-var-cache-app-data"}


def test_a_new_user_gets_its_data_in_a_volume_of_its_own() -> None:
    facts = container(
        changes=(FileChange("/srv/node/saved.txt", "added"), FileChange("/run/app.pid", "added"))
    )
    plan = planned(facts, "root-user", user="1000:1000")
    assert volumes(plan) == {"/srv/node": "web-srv-node-data"}
    assert ["U" in mount.options for mount in plan.after[MOUNTS]] == [True]
    assert tmpfs(plan) == ["/run"]
