"""Which rule of a policy catches an image, by containers-policy.json(5)."""

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec.json import encode

from hardentui.model.configuration import Missing
from hardentui.model.journal import (
    EntryAction,
    EntryState,
    JournalChange,
    JournalEntry,
    JournalProof,
)
from hardentui.model.journal_document import journal_document
from hardentui.model.known import Unread
from hardentui.model.operations import CreateContainer, FileBefore, WriteFile
from hardentui.model.trust import (
    Attachments,
    Policy,
    Requirement,
    Rule,
    TrustFacts,
    full_reference,
    rule_for,
    scopes_of,
)

DIGEST = "sha256:" + "ab" * 32
ACCEPT, REJECT = Requirement("insecureAcceptAnything"), Requirement("reject")
SIGNED, SIGSTORE = Requirement("signedBy"), Requirement("sigstoreSigned")


def trust(
    scopes: dict[str, tuple[Requirement, ...]],
    default: Requirement = REJECT,
) -> TrustFacts:
    return TrustFacts(
        policy=Policy(
            "/etc/containers/policy.json",
            (default,),
            {"docker": scopes},
        )
    )


def rule(facts: TrustFacts, reference: str) -> Rule:
    result = rule_for(facts, reference)
    assert isinstance(result, Rule)
    return result


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("team/shop", "docker.io/team/shop:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("docker://quay.io/team/shop:1", "quay.io/team/shop:1"),
        ("localhost/shop", "localhost/shop:latest"),
        ("registry:5000/shop", "registry:5000/shop:latest"),
        ("registry:5000/shop:2", "registry:5000/shop:2"),
        (f"quay.io/shop@{DIGEST}", f"quay.io/shop@{DIGEST}"),
        (f"quay.io/shop:1@{DIGEST}", f"quay.io/shop@{DIGEST}"),
    ],
)
def test_a_name_is_spelled_in_full(typed: str, full: str) -> None:
    assert full_reference(typed) == full
    assert full_reference(full) == full


@pytest.mark.parametrize("text", ["", "ab" * 32, DIGEST, "quay.io/"])
def test_what_names_no_repository_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not name a repository"):
        full_reference(text)


def test_scopes_go_from_the_image_to_the_top_domain() -> None:
    assert scopes_of("registry.example.com:5000/team/shop:1.4") == (
        "registry.example.com:5000/team/shop:1.4",
        "registry.example.com:5000/team/shop",
        "registry.example.com:5000/team",
        "registry.example.com:5000",
        "*.example.com",
        "*.com",
    )


@pytest.mark.parametrize(
    ("scopes", "reference", "caught_by"),
    [
        (
            {
                "quay.io/team/shop:1": (SIGNED,),
                "quay.io/team/shop": (ACCEPT,),
            },
            "quay.io/team/shop:1",
            "quay.io/team/shop:1",
        ),
        (
            {
                "quay.io/team/shop:1": (SIGNED,),
                "quay.io/team/shop": (ACCEPT,),
            },
            "quay.io/team/shop:2",
            "quay.io/team/shop",
        ),
        (
            {f"quay.io/shop@{DIGEST}": (SIGNED,)},
            f"quay.io/shop:9@{DIGEST}",
            f"quay.io/shop@{DIGEST}",
        ),
        (
            {"quay.io/team": (SIGNED,), "quay.io": (ACCEPT,)},
            "quay.io/team/deep/shop",
            "quay.io/team",
        ),
        (
            {"quay.io": (ACCEPT,)},
            "quay.io/other/shop",
            "quay.io",
        ),
        (
            {"quay.io/tea": (ACCEPT,)},
            "quay.io/team/shop",
            "default",
        ),
        (
            {"*.example.com": (SIGNED,)},
            "eu.registry.example.com:5000/shop",
            "*.example.com",
        ),
        (
            {"*.example.com": (SIGNED,)},
            "example.com/shop",
            "default",
        ),
        (
            {"*.example.com": (SIGNED,), "": (ACCEPT,)},
            "example.org/shop",
            "",
        ),
        ({"docker.io": (SIGNED,)}, "nginx", "docker.io"),
        (
            {"docker.io/library/nginx": (SIGNED,)},
            "nginx:1",
            "docker.io/library/nginx",
        ),
        ({"nginx": (SIGNED,)}, "nginx", "default"),
        (
            {"registry": (SIGNED,)},
            "registry:5000/shop",
            "default",
        ),
        ({}, "quay.io/shop", "default"),
    ],
)
def test_the_most_specific_scope_wins(
    scopes: dict[str, tuple[Requirement, ...]],
    reference: str,
    caught_by: str,
) -> None:
    assert rule(trust(scopes), reference).scope == caught_by


@pytest.mark.parametrize(
    ("requirements", "verifies", "rejects", "words"),
    [
        (
            (ACCEPT,),
            False,
            False,
            "without verifying a signature",
        ),
        (
            (SIGSTORE,),
            True,
            False,
            "requires a sigstore signature of",
        ),
        (
            (SIGNED, SIGSTORE),
            True,
            False,
            "requires a GPG signature and a sigstore signature",
        ),
        (
            (ACCEPT, SIGNED),
            True,
            False,
            "requires a GPG signature",
        ),
        ((SIGNED, REJECT), True, True, "refuses quay.io"),
    ],
)
def test_a_rule_says_in_one_sentence_what_it_does(
    requirements: tuple[Requirement, ...],
    verifies: bool,
    rejects: bool,
    words: str,
) -> None:
    result = rule(trust({"quay.io": requirements}), "quay.io/shop:1")
    assert (result.verifies, result.rejects) == (verifies, rejects)
    assert words in result.explanation
    assert "The rule for quay.io in /etc/containers/policy.json" in result.explanation


def test_without_a_readable_policy_there_is_no_rule() -> None:
    for policy in (
        Unread("no permission"),
        Missing("/etc/containers/policy.json"),
    ):
        assert isinstance(rule_for(TrustFacts(policy=policy), "quay.io/shop"), Unread)
    assert isinstance(rule_for(trust({}), "ab" * 32), Unread)


def test_the_most_specific_section_of_registries_d_decides_alone() -> None:
    sections = (
        Attachments("", True, "a"),
        Attachments("quay.io/team", False, "b"),
        Attachments("quay.io", True, "c"),
    )
    facts = TrustFacts(attachments=sections)
    assert facts.attachment_for("quay.io/team/shop") == sections[1]
    assert facts.attachment_for("quay.io/other") == sections[2]
    assert facts.attachment_for("docker.io") == sections[0]
    assert TrustFacts(attachments=()).attachment_for("quay.io") is None
    # host:port is not a part of host here
    assert facts.attachment_for("quay.io:443/team") == sections[0]


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
    changes=(
        JournalChange(
            "writable-rootfs",
            "read-only",
            None,
            "true",
        ),
    ),
    diff="+--read-only",
    proof=(
        JournalProof(
            "writable-rootfs",
            "pass",
            "/ is mounted ro",
        ),
    ),
    original="web-before-3fa2",
    downtime_seconds=1.25,
    confirm_by=1.5e9,
    operations=(
        CreateContainer(
            name="web", original="f" * 64, arguments=("create", "--env=PASSWORD=hunter2")
        ),
        WriteFile(
            path="/etc/web",
            content=b"PASSWORD=hunter2",
            before=FileBefore(
                content=b"PASSWORD=hunter2",
                mode=0o600,
                uid=0,
                gid=0,
                modified_ns=1,
            ),
        ),
    ),
)


def test_the_document_is_as_its_schema_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(encode(journal_document((ENTRY, JournalEntry(**_bare())))))
    Draft202012Validator(SCHEMA).validate(document)
    assert document["entries"][0]["way_back"] == "hardentui undo 20261126-061948-3fa2"


def test_contents_of_files_and_arguments_of_commands_stay_in_the_journal() -> None:
    assert "hunter2" not in json.dumps(json.loads(encode(journal_document((ENTRY,)))))


def test_what_is_rolled_back_has_no_way_back() -> None:
    rolled_back = JournalEntry(**{**_bare(), "state": EntryState.ROLLED_BACK})
    document = json.loads(encode(journal_document((rolled_back,))))
    Draft202012Validator(SCHEMA).validate(document)
    assert document["entries"][0]["way_back"] is None


def _bare() -> dict[str, Any]:
    return {
        "id": ENTRY.id,
        "time": ENTRY.time,
        "action": EntryAction.TRUST,
        "container": "/etc/policy.json",
    }
