"""Rules of a trust policy as they are typed in the assistant."""

import pytest

from hardentui.errors import UsageError
from hardentui.features.trust.rules import kind_by_name, rule_of, rule_text
from hardentui.model.trust_change import RuleKind

KEYLESS = (
    "quay.io/team keyless anna@example.com https://accounts.example.com /etc/fulcio.pem "
    "/etc/rekor.pub"
)


def test_a_keyless_rule_names_account_issuer_and_both_keys() -> None:
    rule = rule_of(KEYLESS, kind_by_name)
    assert (rule.kind, rule.email, rule.issuer) == (
        RuleKind.KEYLESS,
        "anna@example.com",
        "https://accounts.example.com",
    )
    assert (rule.ca, rule.rekor, rule.any_tag) == ("/etc/fulcio.pem", "/etc/rekor.pub", True)
    assert "anna@example.com of https://accounts.example.com" in rule_text(rule)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KEYLESS.rpartition(" ")[0], "six words"),
        (
            KEYLESS.replace("anna@example.com", "repo:team/app"),
            "not an e-mail address",
        ),
        (KEYLESS.replace("https", "http"), "https://"),
        (KEYLESS.replace("quay.io/", ""), "has no registry"),
        ("quay.io/team trust", "is not a rule"),
    ],
)
def test_what_cannot_be_a_rule_is_one_sentence(
    text: str,
    told: str,
) -> None:
    with pytest.raises(UsageError, match=told):
        rule_of(text, kind_by_name)
