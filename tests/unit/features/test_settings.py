"""Settings: every value can be set, tells where it comes from, and a bad one never stops anything."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.checks.prelude import facts_of
from hardentui.features.fix_defaults import read_fix_defaults
from hardentui.features.settings import Document, read_settings
from hardentui.harden.fix_values import From, settings_of
from hardentui.model.checklist import Checklist
from hardentui.model.plan import Choice
from hardentui.model.settings import Settings
from hardentui.state import settings_file

CHECKS = {check.id: check for check in all_checks()}


@pytest.fixture(autouse=True)
def _own_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (
        "TEXTUAL_THEME",
        "HARDENTUI_THEME",
        "HARDENTUI_ASCII",
        "HARDENTUI_FOLDER",
    ):
        monkeypatch.delenv(name, raising=False)


def _write(text: str) -> Path:
    path = Path(settings_file())
    path.parent.mkdir(
        parents=True,
        exist_ok=True,
    )
    path.write_text(text, "utf-8")
    return path


def _read(
    text: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    if text is not None:
        _write(text)
    environ = environ or {}
    return read_settings(Document.read(), environ)


def _notices(settings: Settings) -> list[str]:
    return [f"{notice.place.rpartition(':')[2]}: {notice.message}" for notice in settings.notices]


def test_every_value_can_be_set_and_tells_its_line() -> None:
    settings = _read('theme = "high-contrast"\nascii = true\nfolder = "/srv/units"\n')
    assert settings.notices == ()
    assert (settings.theme, settings.ascii) == ("high-contrast", True)
    assert settings.folder == "/srv/units"
    places = {name: origin.place.rpartition(":")[2] for name, origin in settings.origins.items()}
    assert places == {"theme": "1", "ascii": "2", "folder": "3"}


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        (
            'theme = "hih-contrast"',
            "1: theme is not a theme: 'hih-contrast'; did you mean 'high-contrast'?",
        ),
        ("theme = 3", "1: theme must be the name of a theme"),
        ('ascii = "yes"', "1: ascii must be true or false"),
        ('folder = "here"', "1: folder must begin with / or ~"),
        (
            'folder = "/a\\u001b[31m"',
            "1: folder must be a path without control characters",
        ),
        ('thme = "nord"', "1: there is no setting 'thme'; did you mean 'theme'?"),
        ('theme = "nord"\nbroken', "2: it is not valid TOML, so it is ignored: "),
    ],
)
def test_a_bad_value_is_told_with_its_line_and_the_default_holds(
    text: str,
    notice: str,
) -> None:
    settings = _read(text)
    [said] = _notices(settings)
    assert said.startswith(notice)
    assert not re.search("[\x1b\x07]", str(settings.notices[0]))
    assert (settings.theme, settings.ascii, settings.folder) == ("", False, "~/hardened")


def test_the_environment_wins_and_is_named() -> None:
    environ = {
        "TEXTUAL_THEME": "hardentui-dark",
        "HARDENTUI_THEME": "high-contrast",
        "HARDENTUI_ASCII": "0",
    }
    settings = _read('theme = "hardentui-light"\nascii = true', environ)
    assert (settings.theme, settings.ascii) == ("high-contrast", False)
    assert str(settings.origin("theme")) == "$HARDENTUI_THEME"
    settings = _read(environ={"HARDENTUI_THEME": "hih-contrast"})
    assert settings.theme == "hardentui-light"
    assert [str(notice) for notice in settings.notices] == [
        "$HARDENTUI_THEME: its value is not a theme: 'hih-contrast'; did you mean 'high-contrast'?"
    ]


def test_what_is_no_file_of_ours_is_told_and_not_read(tmp_path: Path) -> None:
    path = _write("")
    path.unlink()
    path.symlink_to(tmp_path / "theirs.toml")
    (tmp_path / "theirs.toml").write_text('theme = "nord"')
    settings = _read()
    assert settings.theme == ""
    assert "cannot be read" in settings.notices[0].message
    path.unlink()
    os.mkfifo(path)
    assert "cannot be read" in _read().notices[0].message
    path.unlink()
    path.write_bytes(b"\xff\xfe")
    assert [notice.message for notice in _read().notices] == ["it is not UTF-8 text"]


def test_values_of_fixes_are_checked_as_the_fix_checks_them() -> None:
    _write(
        '[fixes.no-memory-limit]\nmemory = "1g"\n[fixes.no-pids-limit]\nlimit = "many"\nlimt = 3\n'
        '[fixes.no-memory-limits]\nmemory = "1g"\n[fixes.privileged]\nx = 1\n'
        '[fixes.no-cpu-limit]\ncpus = "-1"'
    )
    defaults = read_fix_defaults(Document.read(), CHECKS)
    assert defaults.values == {"no-memory-limit": {"memory": "1g"}}
    assert defaults.origins["fixes.no-memory-limit.memory"].place.endswith("settings.toml:2")
    lines = [f"{notice.place.rpartition(':')[2]}: {notice.message}" for notice in defaults.notices]
    assert lines[:3] == [
        "4: limit must be a value like 512",
        "5: the fix of no-pids-limit takes no value 'limt'; did you mean 'limit'?",
        "6: 'no-memory-limits' is not a check; did you mean 'no-memory-limit'?",
    ]
    assert lines[3].startswith("8: 'privileged' takes no value")
    assert lines[4].startswith("11: cpus must be ")


def test_a_fix_takes_the_users_value_but_no_verdict_does() -> None:
    check = CHECKS["loose-ulimits"]
    own = {"loose-ulimits": {"nofile": 9_999_999}}
    facts = facts_of(check.fails)[0]
    with_own = Checklist(
        "mine",
        "Mine",
        (),
        fix_values=own,
    )
    [nofile] = [
        setting
        for setting in settings_of(
            check,
            facts,
            Choice(check.id),
            with_own,
        )
        if setting.name == "nofile"
    ]
    assert (nofile.value, nofile.said_by) == (9_999_999, From.SETTINGS)
    listed = Checklist(
        "site",
        "Site",
        (),
        {"loose-ulimits": {"nofile": 4096}},
        own,
    )
    [nofile] = [
        setting
        for setting in settings_of(
            check,
            facts,
            Choice(check.id),
            listed,
        )
        if setting.name == "nofile"
    ]
    assert (nofile.value, nofile.said_by) == (4096, From.CHECKLIST)


def test_plan_writes_the_users_value_and_tells_what_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _write('[fixes.no-memory-limit]\nmemory = "777m"\n[fixes.no-cpu-limit]\ncpu = "2"\n')
    assert main(["plan", "shop-web", "--demo", "--check", "no-memory-limit"]) == 0
    out, err = capsys.readouterr()
    assert "777m" in out
    assert (
        "settings.toml:4: the fix of no-cpu-limit takes no value 'cpu'; did you mean 'cpus'?" in err
    )


def test_show_tells_each_value_and_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    _write('theme = "high-contrast"\nfoldr = "/x"\n[fixes.no-memory-limit]\nmemory = "1g"\n')
    assert main(["config"]) == 0
    out, err = capsys.readouterr()
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert lines["theme"][0] == "high-contrast"
    assert lines["theme"][1].endswith("settings.toml:1")
    assert lines["ascii"] == ["no", "default"]
    assert lines["fixes.no-memory-limit.memory"][0] == "1g"
    assert "settings.toml:2: there is no setting 'foldr'; did you mean 'folder'?" in err
    assert main(["config", "show", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "hardentui/settings/1"
    by_name = {setting["name"]: setting for setting in document["settings"]}
    assert by_name["theme"]["source"] == "file"
    assert by_name["ascii"] == {"name": "ascii", "value": False, "source": "default", "place": ""}
