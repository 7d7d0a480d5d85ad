"""Which rule of a policy catches an image, by containers-policy.json(5)."""

from __future__ import annotations

import pytest

from hardentui.model.configuration import Missing
from hardentui.model.known import Unread
from hardentui.model.trust import (
    Attachments,
    Policy,
    Requirement,
    Rule,
    TrustFacts,
    full_reference,
    registry_of,
    rule_for,
    scopes_of,
)

DIGEST = "sha256:" + "ab" * 32
ACCEPT, REJECT = Requirement("insecureAcceptAnything"), Requirement("reject")
SIGNED, SIGSTORE = Requirement("signedBy"), Requirement("sigstoreSigned")


def trust(scopes: dict[str, tuple[Requirement, ...]], default: Requirement = REJECT) -> TrustFacts:
    return TrustFacts(policy=Policy("/etc/containers/policy.json", (default,), {"docker": scopes}))


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


def test_the_registry_keeps_its_port() -> None:
    assert registry_of("registry.example.com:5000/a/b:1") == "registry.example.com:5000"


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
            {"quay.io/team/shop:1": (SIGNED,), "quay.io/team/shop": (ACCEPT,)},
            "quay.io/team/shop:1",
            "quay.io/team/shop:1",
        ),
        (
            {"quay.io/team/shop:1": (SIGNED,), "quay.io/team/shop": (ACCEPT,)},
            "quay.io/team/shop:2",
            "quay.io/team/shop",
        ),
        ({f"quay.io/shop@{DIGEST}": (SIGNED,)}, f"quay.io/shop:9@{DIGEST}", f"quay.io/shop@{DIGEST}"),
        ({"quay.io/team": (SIGNED,), "quay.io": (ACCEPT,)}, "quay.io/team/deep/shop", "quay.io/team"),
        ({"quay.io": (ACCEPT,)}, "quay.io/other/shop", "quay.io"),
        ({"quay.io/tea": (ACCEPT,)}, "quay.io/team/shop", "default"),
        ({"*.example.com": (SIGNED,)}, "eu.registry.example.com:5000/shop", "*.example.com"),
        ({"*.example.com": (SIGNED,)}, "example.com/shop", "default"),
        ({"*.example.com": (SIGNED,), "": (ACCEPT,)}, "example.org/shop", ""),
        ({"docker.io": (SIGNED,)}, "nginx", "docker.io"),
        ({"docker.io/library/nginx": (SIGNED,)}, "nginx:1", "docker.io/library/nginx"),
        ({"nginx": (SIGNED,)}, "nginx", "default"),
        ({"registry": (SIGNED,)}, "registry:5000/shop", "default"),
        ({}, "quay.io/shop", "default"),
    ],
)
def test_the_most_specific_scope_wins(
    scopes: dict[str, tuple[Requirement, ...]], reference: str, caught_by: str
) -> None:
    assert rule(trust(scopes), reference).scope == caught_by


def test_other_transports_do_not_catch_a_pull() -> None:
    policy = Policy("p", (REJECT,), {"atomic": {"quay.io": (ACCEPT,)}, "docker-daemon": {"": (ACCEPT,)}})
    assert rule(TrustFacts(policy=policy), "quay.io/shop").scope == "default"


@pytest.mark.parametrize(
    ("requirements", "verifies", "rejects", "words"),
    [
        ((ACCEPT,), False, False, "without verifying a signature"),
        ((SIGSTORE,), True, False, "requires a sigstore signature of"),
        ((SIGNED, SIGSTORE), True, False, "requires a GPG signature and a sigstore signature"),
        ((ACCEPT, SIGNED), True, False, "requires a GPG signature"),
        ((SIGNED, REJECT), True, True, "refuses quay.io"),
    ],
)
def test_a_rule_says_in_one_sentence_what_it_does(
    requirements: tuple[Requirement, ...], verifies: bool, rejects: bool, words: str
) -> None:
    result = rule(trust({"quay.io": requirements}), "quay.io/shop:1")
    assert (result.verifies, result.rejects) == (verifies, rejects)
    assert words in result.explanation
    assert "The rule for quay.io in /etc/containers/policy.json" in result.explanation


def test_without_a_readable_policy_there_is_no_rule() -> None:
    for policy in (Unread("no permission"), Missing("/etc/containers/policy.json")):
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
