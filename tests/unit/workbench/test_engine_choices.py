"""What the terminal UI offers to look at."""

import json

import pytest

from hardentui.engine.locate import Environment
from hardentui.features.engine_choices import engine_choices
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection

_FILE = "/home/anna/.config/containers/podman-connections.json"


def test_each_choice_opens_what_it_says_and_keeps_the_checklist(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Selection] = []
    monkeypatch.setattr(FirstLook, "open", opened.append)
    text = json.dumps({"Connection": {"Connections": {"prod": {"URI": "ssh://root@prod/run/podman.sock"}}}})
    environment = Environment({}, 0, "/home/anna", read={_FILE: text}.get)
    began = Selection(url="unix:///mine.sock", checklist="pci.toml")
    choices = engine_choices(began, environment)
    for choice in choices:
        choice.open()
    assert [choice.name for choice in choices] == ["unix:///mine.sock", "prod", "the rootful socket"]
    assert opened == [
        began,
        Selection(connection="prod", checklist="pci.toml"),
        Selection(url="unix:///run/podman/podman.sock", checklist="pci.toml"),
    ]


def test_the_beginning_has_a_name_of_its_own() -> None:
    nowhere = Environment({}, 0, "/root")
    names = [
        engine_choices(selection, nowhere)[0].name
        for selection in (Selection(), Selection(demo=True), Selection(facts_file="host.json"))
    ]
    assert names == ["automatic search", "simulated host", "host.json"]
