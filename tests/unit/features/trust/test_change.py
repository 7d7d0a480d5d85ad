"""A change of the policy of a user: what is written where, and what is never applied."""

import json

import pytest

from hardentui.errors import UsageError
from hardentui.features.trust.change import TrustChange, why_not
from hardentui.features.trust.rules import rules_of
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.podman.trust import read_trust
from hardentui.model.facts import EngineFacts
from hardentui.model.spec import Version
from hardentui.model.trust_change import Pull, PullProof, PullVerdict, RuleKind, ScopeRule, TrustDraft

ACCEPT = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
HOME = "/home/anna"


def change(files: dict[str, str], uid: int, *in_use: str) -> TrustChange:
    recorded = RecordedFiles({"complete": True, "text": files})
    trust = read_trust(recorded, home=HOME if uid else "/root", uid=uid, version=Version(5, 4, 2))
    return TrustChange(EngineFacts(trust=trust), recorded, HOME if uid else "/root", in_use)


def proof(case: str, scope: str, wanted: PullVerdict, verdict: PullVerdict) -> PullProof:
    return PullProof(case, scope, wanted, Pull("image", verdict))


def test_nothing_is_applied_without_all_of_its_pulls() -> None:
    signed = ScopeRule("quay.io/team", RuleKind.SIGSTORE, "/k")
    draft = TrustDraft((signed,), True, (), "")
    good = [
        proof("signed", signed.scope, PullVerdict.ACCEPTED, PullVerdict.ACCEPTED),
        proof("wrong key", signed.scope, PullVerdict.WRONG_KEY, PullVerdict.WRONG_KEY),
        proof("unsigned", signed.scope, PullVerdict.UNSIGNED, PullVerdict.UNSIGNED),
        proof("other repository", "default", PullVerdict.REJECTED, PullVerdict.REJECTED),
    ]
    assert why_not(draft, good) == ""
    for index in range(4):
        assert why_not(draft, good[:index] + good[index + 1 :]) == "1 of its pulls are missing"
        for verdict in PullVerdict:
            bad = [*good]
            bad[index] = proof(good[index].case, good[index].scope, good[index].wanted, verdict)
            assert bool(why_not(draft, bad)) is (verdict is not good[index].wanted)


def test_a_key_that_others_can_change_is_a_fault() -> None:
    missing = ScopeRule("quay.io/team", RuleKind.SIGSTORE, "/etc/keys/absent.pub")
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
def test_a_rule_that_cannot_be_is_one_sentence(given: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        rules_of(given, any_tag=False)
