"""A change of the policy of a user: what is written where, and what is never applied."""

import json
from pathlib import Path

import pytest

from hardentui.errors import InputError, UsageError
from hardentui.features.trust.change import TrustChange, why_not
from hardentui.features.trust.proof import unsigned_in
from hardentui.features.trust.rule_keys import key_of_nobody, kind_of
from hardentui.features.trust.rules import rules_of
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.podman.trust import read_trust
from hardentui.model.facts import EngineFacts
from hardentui.model.podman_version import Version
from hardentui.model.trust import full_reference, scopes_of
from hardentui.model.trust_change import (
    Pull,
    PullProof,
    PullVerdict,
    RuleKind,
    ScopeRule,
    TrustDraft,
)

ACCEPT = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
HOME = "/home/anna"


def change(files: dict[str, str], uid: int, *in_use: str) -> TrustChange:
    recorded = RecordedFiles({"complete": True, "text": files})
    trust = read_trust(
        recorded,
        home=HOME if uid else "/root",
        uid=uid,
        version=Version(5, 4, 2),
    )
    return TrustChange(
        EngineFacts(trust=trust),
        recorded,
        HOME if uid else "/root",
        in_use,
    )


def proof(
    case: str,
    scope: str,
    wanted: PullVerdict,
    verdict: PullVerdict,
) -> PullProof:
    return PullProof(
        case,
        scope,
        wanted,
        Pull("image", verdict),
    )


def test_nothing_is_applied_without_all_of_its_pulls() -> None:
    signed = ScopeRule("quay.io/team", RuleKind.SIGSTORE, "/k")
    draft = TrustDraft((signed,), True, (), "")
    good = [
        proof(
            "signed",
            signed.scope,
            PullVerdict.ACCEPTED,
            PullVerdict.ACCEPTED,
        ),
        proof(
            "wrong key",
            signed.scope,
            PullVerdict.WRONG_KEY,
            PullVerdict.WRONG_KEY,
        ),
        proof(
            "unsigned",
            signed.scope,
            PullVerdict.UNSIGNED,
            PullVerdict.UNSIGNED,
        ),
        proof(
            "other repository",
            "default",
            PullVerdict.REJECTED,
            PullVerdict.REJECTED,
        ),
    ]
    assert why_not(draft, good) == ""
    for index in range(4):
        assert why_not(draft, good[:index] + good[index + 1 :]) == "1 of its pulls are missing"
        for verdict in PullVerdict:
            bad = [*good]
            bad[index] = proof(
                good[index].case,
                good[index].scope,
                good[index].wanted,
                verdict,
            )
            assert bool(why_not(draft, bad)) is (verdict is not good[index].wanted)


def test_a_key_that_others_can_change_is_a_fault() -> None:
    missing = ScopeRule(
        "quay.io/team",
        RuleKind.SIGSTORE,
        "/etc/keys/absent.pub",
    )
    draft = change({"/etc/containers/policy.json": ACCEPT}, 0).draft(
        [missing], reject=True, accept_in_use=False
    )
    assert why_not(draft, ()) == "there is no /etc/keys/absent.pub"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["nginx accept"], "has no registry"),
        (["quay.io/Team accept"], "not a scope of a policy"),
        (["quay.io accept", "quay.io reject"], "Two rules"),
        (["quay.io"], "is not a rule"),
        (["quay.io="], "has no key"),
        (["quay.io keyless a@b"], "has six words"),
        (["quay.io keyless a@b.c http://x c r"], "https://"),
        (["quay.io keyless ci-job https://x c r"], "e-mail"),
    ],
)
def test_a_rule_that_cannot_be_is_one_sentence(
    given: list[str],
    told: str,
) -> None:
    with pytest.raises(UsageError, match=told):
        rules_of(given, any_tag=False)


RULE = ScopeRule("quay.io/team", RuleKind.ACCEPT)


def test_a_user_gets_files_of_their_own_and_what_the_system_says_comes_along() -> None:
    files = {
        "/etc/containers/policy.json": ACCEPT,
        "/etc/containers/registries.d/site.yaml": "docker:\n  site.io:\n    lookaside: file:///x\n",
    }
    signed = ScopeRule(
        "quay.io/team",
        RuleKind.SIGSTORE,
        "/etc/containers/policy.json",
    )
    draft = change(files, 1000).draft(
        [signed],
        reject=True,
        accept_in_use=False,
    )
    paths = {file.path: file for file in draft.files}
    own = f"{HOME}/.config/containers"
    assert set(paths) == {
        f"{own}/policy.json",
        f"{own}/registries.d/site.yaml",
        f"{own}/registries.d/50-hardentui.yaml",
    }
    assert (
        paths[f"{own}/registries.d/site.yaml"].text
        == files["/etc/containers/registries.d/site.yaml"]
    )
    assert any("will replace the system's policy" in note for note in draft.notes)
    assert draft.rejects


def test_root_changes_the_files_of_the_system() -> None:
    draft = change({"/etc/containers/policy.json": ACCEPT}, 0).draft(
        [RULE], reject=True, accept_in_use=False
    )
    assert [file.path for file in draft.files] == ["/etc/containers/policy.json"]
    assert draft.files[0].before == ACCEPT


def test_images_in_use_without_a_rule_are_named_and_can_get_one() -> None:
    files = {"/etc/containers/policy.json": ACCEPT}
    asked = change(
        files,
        0,
        "nginx",
        "quay.io/team/app:1",
        "localhost/mine:1",
        "a" * 64,
    )
    draft = asked.draft(
        [RULE],
        reject=True,
        accept_in_use=False,
    )
    assert draft.refused == ("docker.io/library/nginx:latest",)
    assert draft.unsigned == ("quay.io/team/app:1",)
    assert "could no longer be pulled" in why_not(draft, ())
    draft = asked.draft(
        [RULE],
        reject=True,
        accept_in_use=True,
    )
    assert draft.refused == ()
    assert [rule.scope for rule in draft.rules] == ["quay.io/team", "docker.io/library/nginx"]


@pytest.mark.parametrize(
    "scope",
    "quay.io quay.io:5000/a quay.io/team/app quay.io/team/app:2 *.example.com localhost:5000".split(),
)
def test_the_unsigned_image_is_one_that_the_rule_catches(scope: str) -> None:
    assert scope in scopes_of(full_reference(unsigned_in(scope)))


def test_keys_are_told_apart(tmp_path: Path) -> None:
    for kind in (RuleKind.SIGSTORE, RuleKind.GPG):
        assert kind_of(key_of_nobody(kind, str(tmp_path))) is kind
    private = tmp_path / "private"
    private.write_text("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    with pytest.raises(InputError, match="private key"):
        kind_of(str(private))
    private.write_text("hello")
    with pytest.raises(InputError, match="not a public key"):
        kind_of(str(private))


def test_signatures_elsewhere_are_only_of_gpg_keys(tmp_path: Path) -> None:
    key = key_of_nobody(RuleKind.SIGSTORE, str(tmp_path))
    with pytest.raises(UsageError, match="does not belong here"):
        rules_of([f"quay.io={key} https://x"], any_tag=False)
