"""Keys, signatures and the verdict of the policy in the terminal UI; real ones are in tests/live."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from textual.widgets import Input

from hardentui.errors import UsageError
from hardentui.features.trust import signing, tasks
from hardentui.features.trust.change import TrustChange
from hardentui.features.trust.signing import SigningFailed
from hardentui.model.trust_change import Pull, PullVerdict
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.trust import KeyScreen, SignScreen, TrustScreen
from tests.tui.replayed import some
from tests.tui.support import Driver, at_home, drawn, screen_text, until

SIZES = [(60, 16), (80, 24), (200, 60)]
HOSTILE = "said\x1b[2J [/x]\u202e"
SECRET = "correct horse"


async def _trust(pilot: Driver) -> None:
    await pilot.press("P")
    await until(pilot, lambda: isinstance(pilot.app.screen, TrustScreen))


def _fill(app: HardenApp, **values: str) -> None:
    for name, value in values.items():
        app.screen.query_one(f"#{name}", Input).value = value


def _clean(app: HardenApp) -> None:
    assert not [sign for sign in ("\x1b", "\u202e", SECRET) if sign in screen_text(app)]


@pytest.mark.parametrize("size", SIZES)
async def test_a_key_is_made_with_a_passphrase_that_no_screen_shows(
    size: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[tuple[str, int]] = []

    def make(
        directory: str,
        name: str,
        passphrase_file: str,
        *,
        stop: threading.Event,
    ) -> tuple[str, str]:
        path = Path(passphrase_file)
        given.append((path.read_text(), stat.S_IMODE(path.stat().st_mode)))
        assert str(tmp_path) == directory
        return f"{directory}/{name}.private", f"{directory}/{name}.pub"

    monkeypatch.setattr(tasks, "new_key", make)
    async with at_home(some(), size) as (app, pilot):
        await _trust(pilot)
        await pilot.press(
            "trust.key",
            opens=KeyScreen,
            shows=("Name", "Directory", "Passphrase", "Again", "sigstore key pair"),
        )
        await pilot.press("ctrl+s", shows="The name of a key is a file name")
        _fill(
            app,
            name="release",
            directory=str(tmp_path / "none"),
        )
        await pilot.press("ctrl+s", shows="There is no directory")
        _fill(
            app,
            directory=str(tmp_path),
            passphrase=SECRET,
            again="another",
        )
        await pilot.press("ctrl+s", shows="The two passphrases are different.")
        _fill(app, again=SECRET)
        await pilot.pause()
        _clean(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "keep it secret" in " ".join(drawn(app).split()))
        assert "has no passphrase" not in drawn(app)
        _clean(app)
        await pilot.press("r", shows="It is done.")
        await pilot.press("y", "escape")
        assert SECRET not in app.clipboard
        await until(pilot, lambda: isinstance(app.screen, TrustScreen))
    assert given == [(f"{SECRET}\n", 0o600)]


@pytest.mark.parametrize("size", SIZES)
async def test_an_image_is_signed_after_a_question_and_the_proof_is_shown(
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[str, str, str]] = []
    outcomes = [PullVerdict.ACCEPTED, PullVerdict.WRONG_KEY]

    def sign(
        image: str,
        private: str,
        passphrase_file: str,
        public: str,
        *,
        stop: threading.Event,
    ) -> Pull:
        calls.append((image, private, Path(passphrase_file).read_text()))
        if private == "wrong":
            raise SigningFailed(f"{image} was not signed: {HOSTILE}.")
        return Pull(
            image,
            outcomes.pop(0),
            HOSTILE,
            "podman 5.4.2",
        )

    monkeypatch.setattr(tasks, "sign_and_prove", sign)
    async with at_home(some(), size) as (app, pilot):
        await _trust(pilot)
        for verdict in ("accepted", "refused: signed with another key"):
            await pilot.press("trust.sign", opens=SignScreen)
            await pilot.press("ctrl+s", shows="Name an image.")
            _fill(app, image="quay.io/team/app:1")
            await pilot.press("ctrl+s", shows="Name the file of a key.")
            _fill(app, key="wrong", passphrase=SECRET)
            await pilot.press("ctrl+s", shows="Add a signature to quay.io/team/app:1?")
            await pilot.press("y")
            await until(pilot, lambda: "was not signed: said" in drawn(app))
            _clean(app)
            await pilot.press("escape", opens=SignScreen)
            _fill(app, key="/keys/release.private")
            await pilot.press(
                "ctrl+s",
                "escape",
                "ctrl+s",
                "y",
            )
            await until(
                pilot,
                lambda v=verdict: f"this key was {v}" in " ".join(drawn(app).split()),  # type: ignore[misc]
            )
            _clean(app)
            await pilot.press("escape", opens=TrustScreen)
    assert calls[1] == (
        "quay.io/team/app:1",
        "/keys/release.private",
        f"{SECRET}\n",
    )
    assert len(calls) == 4


@pytest.mark.parametrize("size", SIZES)
async def test_an_image_is_tested_against_the_policy_in_force_and_that_can_be_stopped(
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Event()

    def check(
        change: TrustChange,
        image: str,
        stop: threading.Event,
    ) -> None:
        while not gate.wait(0.01):
            if stop.is_set():
                raise UsageError("stopped")
        raise UsageError(f"{image}: {HOSTILE}")

    monkeypatch.setattr(TrustChange, "check", check)
    monkeypatch.setattr(
        tasks,
        "trust_change_of",
        lambda *_: object.__new__(TrustChange),
    )
    async with at_home(some(), size) as (app, pilot):
        await _trust(pilot)
        await pilot.press(
            "t",
            *"quay.io/a:1",
            "enter",
            opens=JobScreen,
            shows="esc stops",
        )
        await pilot.press("escape")
        await until(pilot, lambda: "Stopped." in drawn(app))
        gate.set()
        await pilot.press("r")
        await until(pilot, lambda: "quay.io/a:1: said" in drawn(app))
        _clean(app)


@pytest.mark.parametrize("key", ["trust.key", "trust.sign", "t"])
async def test_a_simulated_host_signs_nothing(key: str) -> None:
    async with at_home(some(simulated=True), (100, 30)) as (app, pilot):
        await _trust(pilot)
        await pilot.press(key, shows="This host is simulated")
        assert isinstance(app.screen, TrustScreen)


def test_a_typed_passphrase_is_in_a_private_file_only_while_it_is_needed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with signing.passphrase_file(SECRET) as name:
        path = Path(name)
        assert path.parent == tmp_path
        assert path.read_text() == f"{SECRET}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()
    with signing.passphrase_file("") as name:
        assert name == ""
