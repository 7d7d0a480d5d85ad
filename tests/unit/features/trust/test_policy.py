"""policy.json with further rules: nothing that is there is lost, and allow rules come before the
refusal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.errors import InputError
from hardentui.features.trust import registries_file as sections
from hardentui.features.trust.policy import LOCAL, rejects_by_default, requirement, with_rules
from hardentui.host.podman.trust import parse_policy
from hardentui.model.known import Unread
from hardentui.model.trust import Attachments, TrustFacts, rule_for
from hardentui.model.trust_change import RuleKind, ScopeRule

ACCEPT = [{"type": "insecureAcceptAnything"}]
RULE = ScopeRule(
    "quay.io/team",
    RuleKind.SIGSTORE,
    "/etc/keys/team.pub",
)
BEFORE = {
    "default": ACCEPT,
    "transports": {
        "docker": {
            "": ACCEPT,
            "quay.io": [{"type": "reject"}],
            "a.io": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
        },
        "atomic": {"b": [{"type": "reject"}]},
        "docker-archive": {"": [{"type": "reject"}]},
    },
}


def made(
    *rules: ScopeRule,
    reject: bool = True,
    before: object = BEFORE,
) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(with_rules(json.dumps(before), rules, reject=reject))
    return result


def test_what_is_there_stays_and_the_default_refuses() -> None:
    policy = made(RULE)
    assert policy["default"] == [{"type": "reject"}]
    docker = policy["transports"]["docker"]
    assert docker == {
        "quay.io": [{"type": "reject"}],
        "a.io": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
        "quay.io/team": [{"type": "sigstoreSigned", "keyPath": "/etc/keys/team.pub"}],
    }
    assert policy["transports"]["atomic"] == {"b": [{"type": "reject"}]}
    assert policy["transports"]["docker-archive"] == {"": [{"type": "reject"}]}, (
        "local files get no wider"
    )
    assert policy["transports"]["oci"] == {"": ACCEPT}, (
        "what is accepted of local files today stays so"
    )


def test_the_text_is_what_our_own_reader_and_rule_finder_understand() -> None:
    text = with_rules(json.dumps(BEFORE), [RULE], reject=True)
    policy = parse_policy(text, "policy.json")
    rule = rule_for(TrustFacts(policy=policy), "quay.io/team/app:1")
    assert not isinstance(rule, Unread)
    assert rule.verifies
    other = rule_for(TrustFacts(policy=policy), "docker.io/library/nginx:1")
    assert not isinstance(other, Unread)
    assert other.rejects


def test_each_kind_of_rule() -> None:
    keyless = ScopeRule(
        "a.io", RuleKind.KEYLESS, any_tag=True, issuer="i", email="e", ca="/c", rekor="/r"
    )
    assert requirement(keyless) == {
        "type": "sigstoreSigned",
        "fulcio": {"caPath": "/c", "oidcIssuer": "i", "subjectEmail": "e"},
        "rekorPublicKeyPath": "/r",
        "signedIdentity": {"type": "matchRepository"},
    }
    assert requirement(ScopeRule("a.io", RuleKind.GPG, "/k")) == {
        "type": "signedBy",
        "keyType": "GPGKeys",
        "keyPath": "/k",
    }
    assert requirement(ScopeRule("a.io", RuleKind.REJECT)) == {"type": "reject"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"default": 1}', '{"default": [], "transports": {"a": 1}}']
)
def test_a_policy_that_podman_would_refuse_is_not_built_on(text: str) -> None:
    with pytest.raises(InputError):
        with_rules(text, [RULE], reject=True)


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.text(max_size=8),
        max_size=3,
    )
)
def test_scopes_of_any_text_stay_what_they_are(scopes: dict[str, str]) -> None:
    docker = {name: [{"type": value}] for name, value in scopes.items()}
    policy = made(
        reject=False,
        before={"default": ACCEPT, "transports": {"docker": docker}},
    )
    assert policy["transports"]["docker"] == docker


def test_our_sections_stay_when_others_come_and_those_of_others_are_left_alone() -> None:
    gpg = ScopeRule(
        "b.io",
        RuleKind.GPG,
        "/k",
        lookaside="https://b.io/sigs",
    )
    wanted = sections.needed([RULE, gpg])
    ours = [
        Attachments(
            "old.io",
            True,
            "ours",
            "file:///old",
        )
    ]
    others = [Attachments("quay.io/team", True, "/etc/x.yaml")]
    text = sections.text_of(wanted, ours, others)
    assert text is not None
    assert '"old.io":\n    use-sigstore-attachments: true\n    lookaside: "file:///old"' in text
    assert '"b.io":\n    lookaside: "https://b.io/sigs"' in text
    assert "quay.io" not in text
    assert sections.conflicts(wanted, others) == ()
    off = [Attachments("quay.io/team", False, "/etc/x.yaml")]
    assert sections.conflicts(wanted, off) == (
        "/etc/x.yaml has a section for quay.io/team already: "
        "add `use-sigstore-attachments: true` to it there",
    )


def test_our_file_is_read_back_as_it_was_written() -> None:
    from hardentui.host.podman.registries_conf import parse_sections

    wildcard = ScopeRule("*.example.com", RuleKind.SIGSTORE, "/k")
    text = sections.text_of(
        sections.needed([RULE, wildcard]),
        (),
        (),
    )
    assert text is not None
    result = parse_sections(text, "f")
    assert {(section.scope, section.enabled) for section in result} == {
        ("quay.io/team", True),
        ("", True),
    }
    assert sections.text_of({}, result, ()) == text
    assert sections.text_of({}, (), ()) is None


def test_where_local_files_are_refused_today_they_stay_refused() -> None:
    policy = made(RULE, before={"default": [{"type": "reject"}]})
    assert not set(LOCAL) & set(policy["transports"])


def test_keeping_the_default_changes_only_the_scope() -> None:
    policy = made(RULE, reject=False)
    assert policy["default"] == ACCEPT
    assert policy["transports"]["docker"][""] == ACCEPT
    assert not rejects_by_default(json.dumps(policy))
    assert rejects_by_default(with_rules(json.dumps(BEFORE), [], reject=True))


@pytest.mark.parametrize(
    ("scope", "section"),
    [
        ("quay.io", "quay.io"),
        ("quay.io:5000", "quay.io:5000"),
        ("quay.io:5000/team", "quay.io:5000/team"),
        ("quay.io:5000/team/app:1", "quay.io:5000/team/app"),
        ("quay.io/app@sha256:" + "a" * 64, "quay.io/app"),
        ("*.example.com", "default-docker"),
    ],
)
def test_a_section_has_neither_wildcard_nor_tag(
    scope: str,
    section: str,
) -> None:
    assert sections.section_of(scope) == section
