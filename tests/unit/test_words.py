"""Numbers and their words: one helper for all, and no text that says "1 files"."""

import re
from pathlib import Path

import pytest

import hardentui
from hardentui.checks import check_by_id
from hardentui.checks.examples import container
from hardentui.model.check import Parameters
from hardentui.model.finding import Severity
from hardentui.options import ENV, MOUNTS, Mount
from hardentui.words import plural

SOURCE = Path(hardentui.__file__).parent
BY_HAND = re.compile(r"""\{['"](?:s|es)['"]\s*(?:\*|if)""")


def test_a_count_and_its_word_agree() -> None:
    assert [plural(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert plural(2, "process", "processes") == "2 processes"


def test_nobody_spells_a_plural_by_hand() -> None:
    result = [path.name for path in SOURCE.rglob("*.py") if BY_HAND.search(path.read_text())]
    assert result == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (("DB_PASSWORD=hunter2hunter2",), "1 credential among 1 variable"),
        (("DB_PASSWORD=hunter2hunter2", "LANG=C"), "1 credential among 2 variables"),
    ],
)
def test_a_single_credential(variables: tuple[str, ...], said: str) -> None:
    check = check_by_id("plaintext-secret-env")
    assert check is not None
    verdict = check.verdict(container((ENV, variables)), Parameters(check.parameters))
    assert said in (verdict.reason, verdict.declared, verdict.effective)


@pytest.mark.parametrize(("path", "read"), [("/etc", Severity.HIGH), ("/var/log", Severity.MEDIUM)])
def test_a_writable_log_directory_is_rated_like_the_catalogue_rates_it(path: str, read: Severity) -> None:
    check = check_by_id("sensitive-host-mount")
    assert check is not None
    for options, severity in (((), Severity.CRITICAL), (("ro",), read)):
        mount = container((MOUNTS, (Mount("bind", path, "/data", options),)))
        verdict = check.verdict(mount, Parameters(check.parameters))
        assert (verdict.severity or check.severity) is severity
