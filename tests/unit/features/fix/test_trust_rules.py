"""Rules of a trust policy as they are typed in the assistant."""

import os

import pytest

from hardentui.errors import UsageError
from hardentui.features.trust.rules import kind_by_name, rule_of, rule_text
from hardentui.model.trust_change import RuleKind

KEYLESS = "quay.io/team keyless anna@example.com https://accounts.example.com /etc/fulcio.pem /etc/rekor.pub"


def test_a_keyless_rule_names_account_issuer_and_both_keys() -> None:
    rule = rule_of(KEYLESS, kind_by_name)
    assert (rule.kind, rule.email, rule.issuer) == (
        RuleKind.KEYLESS,
        "anna@example.com",
        "https://accounts.example.com",
    )
    assert (rule.ca, rule.rekor, rule.any_tag) == ("/etc/fulcio.pem", "/etc/rekor.pub", True)
    assert "anna@example.com of https://accounts.example.com" in rule_text(rule)


def test_an_own_authority_knows_people_and_hosts() -> None:
    person = rule_of("quay.io/team pki anna@example.com ~/roots.pem", kind_by_name)
    assert (person.email, person.hostname) == ("anna@example.com", "")
    assert person.ca == os.path.expanduser("~/roots.pem")
    host = rule_of("quay.io/team pki ci.example.com roots.pem between.pem", kind_by_name)
    assert (host.email, host.hostname) == ("", "ci.example.com")
    assert host.intermediates == os.path.abspath("between.pem")
    assert "ci.example.com, with a certificate of" in rule_text(host)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KEYLESS.rpartition(" ")[0], "six words"),
        (KEYLESS.replace("anna@example.com", "repo:team/app"), "not an e-mail address"),
        (KEYLESS.replace("https", "http"), "https://"),
        ("quay.io/team pki anna@example.com", "four or five words"),
        ("quay.io/team pki anna roots.pem", "neither an e-mail address nor a host name"),
        ("team pki anna@example.com roots.pem", "has no registry"),
        ("quay.io/team trust", "is not a rule"),
    ],
)
def test_what_cannot_be_a_rule_is_one_sentence(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        rule_of(text, kind_by_name)
