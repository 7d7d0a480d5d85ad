"""Whose throw-away objects may be removed: those of processes that have ended."""

import os
import subprocess

import pytest

from hardentui.engine.change.copying import is_abandoned, owner_label


def test_what_a_living_process_made_is_not_abandoned() -> None:
    label = owner_label().partition("=")[2]
    boot, pid, start = label.split(":")
    assert not is_abandoned(label)
    assert is_abandoned(f"{boot}:{pid}:{int(start) - 1}")
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert is_abandoned(f"{boot}:{ended.pid}:1")


def test_nor_is_that_of_an_account_whose_processes_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """As /proc mounted with hidepid shows it to an ordinary user: nothing there, yet it may not be killed."""
    label = owner_label().partition("=")[2]
    boot = label.partition(":")[0]

    def refused(pid: int, number: int) -> None:
        raise PermissionError(pid, number)

    monkeypatch.setattr(os, "kill", refused)
    assert not is_abandoned(f"{boot}:{1 << 22}:77")
