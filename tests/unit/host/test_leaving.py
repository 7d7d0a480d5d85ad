"""From a toolbox: the command that does on the host what is refused in the container."""

from __future__ import annotations

import os

import pytest

from hardentui.host.leaving import command_on_host, said_to_host
from hardentui.host.place import Place

_APPLY = ("apply", "web", "--url", "unix:///run/host/run/podman/podman.sock")


def no_program(name: str) -> None:
    return None


def test_root_with_the_processes_of_the_host_goes_through_one_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    said = command_on_host(_APPLY, Place("a toolbox container", 1), no_program)
    assert said == (
        "nsenter --target 1 --all --root -- "
        "hardentui apply web --url unix:///run/podman/podman.sock"
    )


@pytest.mark.parametrize(
    ("program", "way"),
    [
        ("distrobox-host-exec", "distrobox-host-exec hardentui harden 'a b'"),
        ("flatpak-spawn", "flatpak-spawn --host hardentui harden 'a b'"),
        ("", "hardentui harden 'a b'"),
    ],
)
def test_others_go_the_way_that_their_toolbox_has(
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    way: str,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    place = Place("a toolbox container")
    said = command_on_host(("harden", "a b"), place, lambda name: name if name == program else None)
    assert said == way
    assert said_to_host(("harden", "x"), place).startswith("Run on the host: ")


@pytest.mark.parametrize(
    ("argument", "there"),
    [
        ("/media/root/etc/plan.toml", "/etc/plan.toml"),
        ("--url=unix:///run/host/run/podman/podman.sock", "--url=unix:///run/podman/podman.sock"),
        ("/home/anna/plan.toml", "/home/anna/plan.toml"),
        ("/hosts", "/hosts"),
        ("a;b\x1b[2J", "'a;b␛[2J'"),
    ],
)
def test_a_path_is_named_as_the_host_names_it_and_a_shell_takes_it_as_one_word(
    argument: str,
    there: str,
) -> None:
    said = command_on_host((argument,), Place("a toolbox container"), no_program)
    assert said == f"hardentui {there}"
