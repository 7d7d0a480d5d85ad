"""Commands that are read: what is a credential, what is masked, and whether a health check can
fail."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardentui.reading.health_commands import always_passes
from hardentui.reading.masking import WITHHELD, mask_document, mask_text
from hardentui.reading.secret_shapes import (
    SHAPES,
    SecretShape,
    _may_match,
    shape_of,
    without_shapes,
)
from hardentui.reading.secret_words import secrets_in_words
from hardentui.reading.secrets import secret_pair, secrets_in_pairs

_LETTERS = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3dEf6hIj9kLm2nOp5q"
_PEM = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----"
)
_SAMPLES = tomllib.loads(
    (Path(__file__).parents[2] / "data" / "commands.toml").read_text(encoding="utf-8")
)
FORMS = (
    f"SSH={_PEM}",
    f"CLOUD=AKIA{_LETTERS[:16].upper()}",
    f"MAPS=AIza{_LETTERS[:35]}",
    f"STORE=DefaultEndpointsProtocol=https;AccountKey={_LETTERS}==;EndpointSuffix=core",
    f"CODE=ghp_{_LETTERS[:36]}",
    f"CODE=glpat-{_LETTERS[:20]}",
    f"NPM=npm_{_LETTERS[:36]}",
    f"CHAT=xoxb-{_LETTERS[:24]}",
    f"PAY=sk_live_{_LETTERS[:24]}",
    f"MAIL=SG.{_LETTERS[:22]}.{_LETTERS[:43]}",
    f"AI=sk-proj-{_LETTERS[:40]}",
    f"VAULT=hvs.{_LETTERS[:24]}",
    f"BOT=123456789:{_LETTERS[:35]}",
    f"SESSION=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{_LETTERS[:20]}",
    f"AUTH=Bearer {_LETTERS[:30]}",
    f"APP_KEY=base64:{_LETTERS[:43]}=",
    f"AUTH_SALT={_LETTERS[:32]}",
    f"WG_PRIVKEY={_LETTERS[:43]}=",
    f"ARGS=tunnel run --token {_LETTERS}",
    f"SSH=LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0K{_LETTERS}",
    f"KUBECONFIG_DATA=YXBpVmVyc2lvbjogdjEKa2luZDogQ29uZmln{_LETTERS}",
    f"ALERTS=https://chat.example/webhookb2/1@2/IncomingWebhook/{_LETTERS[:32]}/3",
    f"CHAT_WEBHOOK_URL=https://chat.example/hooks/{_LETTERS[:26]}1x",
    f"traefik.users=admin:$apr1$Hx6uskkW${_LETTERS[:22]}",
)
CREDENTIALS, HARMLESS = (*_SAMPLES["credentials"], *FORMS), _SAMPLES["no-credentials"]
LINES, HARMLESS_LINES = _SAMPLES["lines-with-password"], _SAMPLES["lines-without"]
SCRIPTS, HARMLESS_SCRIPTS = _SAMPLES["scripts-with-password"], _SAMPLES["scripts-without"]


@pytest.mark.parametrize("pair", CREDENTIALS)
def test_a_credential_is_found_by_its_name_or_its_form(pair: str) -> None:
    assert secrets_in_pairs([pair])


@pytest.mark.parametrize("pair", HARMLESS)
def test_what_only_speaks_of_secrets_is_no_credential(pair: str) -> None:
    assert not secrets_in_pairs([pair])


@pytest.mark.parametrize("line", LINES)
def test_a_password_on_a_command_line_is_found(line: str) -> None:
    result = secrets_in_words(shlex.split(line))
    assert result
    assert not any("correct-horse" in secret for secret in result)


@pytest.mark.parametrize("line", HARMLESS_LINES)
def test_a_command_line_without_a_password_is_left_alone(line: str) -> None:
    assert not secrets_in_words(shlex.split(line))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_password_in_a_script_is_found_and_masked(script: str) -> None:
    result = secrets_in_words(("sh", "-c", script))
    assert result
    assert "correct-horse" not in " ".join(result)
    masked = mask_document(["sh", "-c", script])
    assert "correct-horse" not in " ".join(masked)
    assert secrets_in_words(masked)


@pytest.mark.parametrize("script", HARMLESS_SCRIPTS)
def test_a_script_that_takes_its_password_from_elsewhere_is_left_alone(script: str) -> None:
    assert not secrets_in_words(("sh", "-c", script))


def test_what_follows_a_script_is_a_command_line_too() -> None:
    """`sh -c 'exec "$0" "$@"' mysql -psecret`, as entrypoints do."""
    words = ("sh", "-c", 'exec "$0" "$@"', "mysql", "-uroot", "-pcorrect-horse")
    assert len(secrets_in_words(words)) == 1
    assert "correct-horse" not in str(mask_document(list(words)))
    assert not secrets_in_words(("sh", "-c", 'exec "$0" "$@"', "mysqldump", "-uroot", "shop"))


@pytest.mark.parametrize("pair", CREDENTIALS)
def test_a_masked_text_says_nothing_and_gives_the_same_finding(pair: str) -> None:
    name, _, value = pair.partition("=")
    masked = mask_text(pair)
    assert "correct-horse" not in masked
    assert _LETTERS[:16] not in masked
    assert _LETTERS[:16].upper() not in masked
    assert masked != pair
    assert bool(secret_pair(name, masked.partition("=")[2])) == bool(secret_pair(name, value))


@pytest.mark.parametrize("line", LINES)
def test_command_lines_are_masked_as_words_and_as_a_text(line: str) -> None:
    assert "correct-horse" not in " ".join(mask_document(shlex.split(line)))
    assert "correct-horse" not in mask_text(line)


def test_words_without_a_password_stay_as_they_are() -> None:
    for line in HARMLESS_LINES:
        if "$" not in line and "ttl" not in line:
            assert WITHHELD not in mask_text(line)


@pytest.mark.parametrize(
    "line",
    [
        "RUN /bin/sh -c curl -u ci:correct-horse https://repo",
        "RUN |1 STAGE=a /bin/sh -c curl -u ci:correct-horse https://repo",
        "timeout 5s mysql -uroot -pcorrect-horse",
        "nice -n 5 redis-cli -a correct-horse ping",
        "valkey-server --requirepass correct-horse",
    ],
)
def test_what_stands_before_the_program_hides_no_password(line: str) -> None:
    assert len(secrets_in_words(line.split())) == 1


@pytest.mark.parametrize("command", _SAMPLES["health-checks-that-ask"])
def test_a_check_that_asks_something_may_fail(command: str) -> None:
    assert not always_passes(command)


@pytest.mark.parametrize(
    "command",
    _SAMPLES["health-checks-that-never-fail"],
)
def test_a_check_that_asks_nothing_is_told_from_one_that_does(command: str) -> None:
    assert always_passes(command)


def test_every_form_has_a_source_and_one_secret_part() -> None:
    for shape in SHAPES:
        assert re.compile(shape.pattern).groups == 1, shape


@pytest.mark.parametrize(
    "shape",
    SHAPES,
    ids=[f"{shape.sign} {shape.kind}" for shape in SHAPES],
)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_whatever_a_pattern_matches_has_its_signs(
    shape: SecretShape,
    data: st.DataObject,
) -> None:
    match = re.search(shape.pattern, data.draw(st.from_regex(shape.pattern)))
    assert match is not None
    assert _may_match(shape, match[0])


def test_a_usual_path_needs_no_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        re, "search", lambda *_: pytest.fail("a pattern is compiled in every check")
    )
    assert shape_of("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") == ""


def test_a_hostile_value_costs_no_time_worth_speaking_of() -> None:
    for text in (
        "a" * 100_000,
        "://" * 30_000,
        "password=" * 10_000,
        '"token":"' * 10_000,
        ": " * 50_000,
    ):
        shape_of(text)
        without_shapes(text[:8192])


@pytest.mark.timeout(
    60
)  # minutes for a quarter of it, with patterns in which whitespace belongs to two parts
def test_blanks_in_a_command_cost_no_more_than_their_number() -> None:
    command = ("echo a" + " " * 190 + "|" + " " * 199) * 20 + " chpasswd"
    assert shape_of(command) == ""
    assert without_shapes(command) == command


@pytest.mark.timeout(60)
def test_separators_and_nested_assignments_cost_no_more_than_their_number() -> None:
    semicolons = "a" + ";" * 19_000 + " b"  # 10 s if each of them is tried as the first
    assert mask_text(semicolons) == semicolons
    assert not secrets_in_words(("sh", "-c", semicolons))
    nested = "A=" * 4_000 + "b"  # no recursion as deep as the text
    assert mask_text(f"x {nested}") == f"x A={WITHHELD}"
    assert mask_text("Environment=FILE=a=b") == "Environment=FILE=a=b"


@pytest.mark.parametrize(
    "command",
    [
        "a||" * 1200 + "a",
        "sh -c " * 600 + "true",
        "true;" * 100_000,
    ],
)
def test_a_check_of_any_length_has_an_answer(command: str) -> None:
    assert not always_passes(command)
