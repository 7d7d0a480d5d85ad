"""What scripts get of the journal."""

import json
from importlib.resources import files
from typing import Any

import msgspec
from jsonschema import Draft202012Validator

from hardentui.model.journal import (
    EntryAction,
    EntryState,
    JournalChange,
    JournalEntry,
    JournalProof,
    journal_document,
)
from hardentui.model.operations import CreateContainer, CreateVolume, FileBefore, WriteFile

SCHEMA: dict[str, Any] = json.loads(
    (files("hardentui.features.reports") / "journal-1.schema.json").read_text()
)
ENTRY = JournalEntry(
    id="20261126-061948-3fa2",
    time="2026-11-26T06:19:48+00:00",
    action=EntryAction.APPLY,
    container="web",
    by="root (from anna)",
    state=EntryState.WAITING,
    changes=(JournalChange("writable-rootfs", "read-only", None, "true"),),
    diff="+--read-only",
    proof=(JournalProof("writable-rootfs", "pass", "/ is mounted ro"),),
    original="web-before-3fa2",
    downtime_seconds=1.25,
    confirm_by=1.5e9,
    operations=(
        CreateContainer(name="web", original="f" * 64, arguments=("create", "--env=PASSWORD=hunter2")),
        WriteFile(
            path="/etc/web",
            content=b"PASSWORD=hunter2",
            before=FileBefore(content=b"PASSWORD=hunter2", mode=0o600, uid=0, gid=0, modified_ns=1),
        ),
    ),
)


def test_the_document_is_as_its_schema_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    document = journal_document((ENTRY, JournalEntry(**_bare())))
    Draft202012Validator(SCHEMA).validate(document)
    assert document["entries"][0]["way_back"] == "hardentui undo 20261126-061948-3fa2"


def test_contents_of_files_and_arguments_of_commands_stay_in_the_journal() -> None:
    assert "hunter2" not in json.dumps(journal_document((ENTRY,)))


def test_what_is_rolled_back_has_no_way_back() -> None:
    document = journal_document((JournalEntry(**{**_bare(), "state": EntryState.ROLLED_BACK}),))
    Draft202012Validator(SCHEMA).validate(document)
    assert document["entries"][0]["way_back"] is None


def _bare() -> dict[str, Any]:
    return {"id": ENTRY.id, "time": ENTRY.time, "action": EntryAction.TRUST, "container": "/etc/policy.json"}


def test_the_directory_of_a_volume_keeps_its_name_in_journals_on_disk() -> None:
    kept = b'{"type":"create-volume","name":"data","source":"web","folder":"/var/lib"}'
    assert msgspec.json.decode(kept, type=CreateVolume) == CreateVolume(
        name="data", source="web", directory="/var/lib"
    )
