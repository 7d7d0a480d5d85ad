"""Settings: every value can be set, tells where it comes from, and a bad one never stops anything."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.account import ONLY_BELOW
from hardentui.checks import all_checks
from hardentui.checks.examples import facts_of
from hardentui.features.settings.reading import Document, read_fix_defaults, read_settings
from hardentui.features.settings.showing import template
from hardentui.harden.remedy import From, settings_of
from hardentui.model.check import Checklist
from hardentui.model.plan import Choice
from hardentui.model.settings import Settings
from hardentui.state import settings_file
from hardentui.tui.actions import all_actions, key_name, vocabulary

CHECKS = {check.id: check for check in all_checks()}


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("TEXTUAL_THEME", "HARDENTUI_THEME", "HARDENTUI_ASCII", "HARDENTUI_FOLDER", ONLY_BELOW):
        monkeypatch.delenv(name, raising=False)


def _write(text: str) -> Path:
    path = Path(settings_file())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def _read(text: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    if text is not None:
        _write(text)
    environ = environ or {}
    return read_settings(Document.read(environ), vocabulary(), environ, key_name)


def _notices(settings: Settings) -> list[str]:
    return [f"{notice.place.rpartition(':')[2]}: {notice.message}" for notice in settings.notices]


def test_every_value_can_be_set_and_tells_its_line() -> None:
    settings = _read(
        'theme = "high-contrast"\nascii = true\ncolumns = ["state"]\nfolder = "/srv/units"\n'
        '[keys]\n"home.sort" = "f9, /"\nhome.filter = "ctrl+f"\n'
    )
    assert settings.notices == ()
    assert (settings.theme, settings.ascii, settings.columns) == ("high-contrast", True, ("state",))
    assert settings.folder == "/srv/units"
    assert settings.keys == {"home.sort": "f9,slash", "home.filter": "ctrl+f"}
    places = {name: origin.place.rpartition(":")[2] for name, origin in settings.origins.items()}
    assert places == {
        "theme": "1",
        "ascii": "2",
        "columns": "3",
        "folder": "4",
        "keys.home.sort": "6",
        "keys.home.filter": "7",
    }


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ('theme = "nrod"', "1: theme is not a theme: 'nrod'; did you mean 'nord'?"),
        ("theme = 3", "1: theme must be the name of a theme"),
        ('ascii = "yes"', "1: ascii must be true or false"),
        ('\ncolumns = ["imge"]', "2: columns has no column 'imge'; did you mean 'image'?"),
        ('columns = "image"', "1: columns must be a list of image, engine, unit, state, worst"),
        ('folder = "here"', "1: folder must begin with / or ~"),
        ('folder = "/a\\u001b[31m"', "1: folder must be a path without control characters"),
        ('thme = "nord"', "1: there is no setting 'thme'; did you mean 'theme'?"),
        ("keys = 3", "1: keys must be a table: [keys]"),
        ('[keys]\n"home.srot" = "o"', "2: there is no action 'home.srot'; did you mean 'home.sort'?"),
        ('[keys]\nhome.sort = "nokey"', "2: home.sort: there is no key 'nokey'"),
        ("[keys]\nhome.sort = 3", '2: home.sort: must be a key, or several: "f3", "ctrl+g,s"'),
        ('[keys]\nhome.sort = "r"', "2: home.sort: r is already the key of home.recheck"),
        ('[keys]\nhome.sort = "c"', "2: home.sort: c is already the key of screen.copy"),
        ('[keys]\nhome.sort = "ctrl+c"', "2: home.sort: ctrl+c always quits and cannot be changed"),
        ('theme = "nord"\nbroken', "2: it is not valid TOML, so it is ignored: "),
    ],
)
def test_a_bad_value_is_told_with_its_line_and_the_default_holds(text: str, notice: str) -> None:
    settings = _read(text)
    [said] = _notices(settings)
    assert said.startswith(notice)
    assert not re.search("[\x1b\x07]", str(settings.notices[0]))
    assert (settings.theme, settings.ascii, settings.folder, settings.keys) == ("", False, "~/hardened", {})
    assert settings.columns == Settings().columns


def test_the_environment_wins_and_is_named() -> None:
    environ = {"TEXTUAL_THEME": "nord", "HARDENTUI_THEME": "dracula", "HARDENTUI_ASCII": "0"}
    settings = _read('theme = "monokai"\nascii = true', environ)
    assert (settings.theme, settings.ascii) == ("dracula", False)
    assert str(settings.origin("theme")) == "$HARDENTUI_THEME"
    settings = _read(environ={"HARDENTUI_THEME": "drakula"})
    assert settings.theme == "monokai"
    assert [str(notice) for notice in settings.notices] == [
        "$HARDENTUI_THEME: its value is not a theme: 'drakula'; did you mean 'dracula'?"
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
    defaults = read_fix_defaults(Document.read({}), CHECKS)
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
    with_own = Checklist("mine", "Mine", (), fix_values=own)
    [nofile] = [
        setting
        for setting in settings_of(check, facts, Choice(check.id), with_own)
        if setting.name == "nofile"
    ]
    assert (nofile.value, nofile.said_by) == (9_999_999, From.SETTINGS)
    listed = Checklist("site", "Site", (), {"loose-ulimits": {"nofile": 4096}}, own)
    [nofile] = [
        setting for setting in settings_of(check, facts, Choice(check.id), listed) if setting.name == "nofile"
    ]
    assert (nofile.value, nofile.said_by) == (4096, From.CHECKLIST)


def test_plan_writes_the_users_value_and_tells_what_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _write('[fixes.no-memory-limit]\nmemory = "777m"\n[fixes.no-cpu-limit]\ncpu = "2"\n')
    assert main(["plan", "shop-web", "--demo", "--check", "no-memory-limit"]) == 0
    out, err = capsys.readouterr()
    assert "777m" in out
    assert "settings.toml:4: the fix of no-cpu-limit takes no value 'cpu'; did you mean 'cpus'?" in err


def test_show_tells_each_value_and_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    _write('theme = "nord"\nfoldr = "/x"\n[keys]\nhome.sort = "f9"\n[fixes.no-memory-limit]\nmemory = "1g"\n')
    assert main(["config"]) == 0
    out, err = capsys.readouterr()
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert lines["theme"][0] == "nord"
    assert lines["theme"][1].endswith("settings.toml:1")
    assert lines["ascii"] == ["no", "default"]
    assert lines["keys.home.sort"][0] == "f9"
    assert lines["fixes.no-memory-limit.memory"][0] == "1g"
    assert "keys.home.filter" not in lines
    assert "settings.toml:2: there is no setting 'foldr'; did you mean 'folder'?" in err
    assert main(["config", "--all"]) == 0
    assert "keys.home.filter" in capsys.readouterr().out
    assert main(["config", "show", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "hardentui/settings/1"
    by_name = {setting["name"]: setting for setting in document["settings"]}
    assert by_name["theme"]["source"] == "file"
    assert by_name["keys.home.filter"] == {
        "name": "keys.home.filter",
        "value": "slash",
        "source": "default",
        "place": "",
    }


def test_init_writes_a_template_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init"]) == 0
    path = Path(settings_file())
    assert capsys.readouterr().out.strip() == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("# mine\n")
    assert main(["config", "init"]) == 2
    assert path.read_text() == "# mine\n"
    assert "is not changed" in capsys.readouterr().err


def test_the_template_changes_nothing_and_every_line_of_it_is_valid() -> None:
    text = template(vocabulary(), {action.id: action.tooltip for action in all_actions()}, CHECKS.values())
    assert not any(tomllib.loads(text)["keys"])
    assert _read(text) == Settings()
    live = re.sub(r'^# ("|[a-z_]+ = )', r"\1", text, flags=re.MULTILINE)
    assert live != text
    settings = _read(live)
    defaults = read_fix_defaults(Document.read({}), CHECKS)
    assert settings.notices == ()
    assert defaults.notices == ()
    assert settings.keys == {action.id: action.key for action in all_actions() if action.key}
    taken = {check.id: {name: check.parameters[name] for name in check.takes} for check in CHECKS.values()}
    assert defaults.values == {check: values for check, values in taken.items() if values}
