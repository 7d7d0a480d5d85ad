"""Text from untrusted images may neither act on the terminal nor on the app."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import tomli_w

from hardentui.errors import HardenError
from hardentui.features.views import Attempt
from hardentui.tui.screens.dialogs import AskScreen
from hardentui.tui.screens.explaining import ExplainScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.pages import WaiversScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.status import cell, fit, hanging, plain
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible_in_place
from tests.support.image_archives import image, member, packed
from tests.tui.replayed import CHECKLIST, LIST, Host, nothing
from tests.tui.support import Driver, at_home, drawn, shows, until

ATTACKS = [
    "esc\x1b[2Jape\x1b]52;c;AAAA\x07\x9b31m \U000e0041\ud800 \x00 bidi\u202egnp.\u2066exe\u200b",
    "[@click=app.quit]c[/] [/x] [bold [link=http://x]l[/link] $primary [$error]",
    "line\nbreak\r\ttab" + "漢字" * 30,
    "",
]
FORBIDDEN = frozenset(
    {
        *map(chr, range(0x20)),
        *map(chr, range(0x7F, 0xA0)),
        "\u202e",
        "\u2066",
        "\u200b",
    }
)


def _inspect(pilot: Driver) -> None:
    """No control character and no action in anything that is drawn now."""
    app = pilot.app
    assert app.is_running
    for strip in app.screen._compositor.render_strips(app.size):
        for segment in strip:
            assert not FORBIDDEN & set(segment.text), repr(segment.text)
            if segment.style is not None:
                assert "@click" not in segment.style.meta
                assert not segment.style.link


def _hostile(attack: str, directory: Path) -> Host:
    """A host that says the attack wherever it says anything."""
    attack = attack.encode("utf-8", "replace").decode()
    name = attack or "x"
    host = Host(
        ("backup", name), attempts=(Attempt(attack, attack, attack, attack, attack),), host_name=attack,
        simulated=True,
    )  # fmt: skip
    document = host.inspect(name)
    host.made_of(name, f"img/{attack}", unit=attack)
    document["Config"]["Env"].append(f"A={attack}")
    document["Config"]["Cmd"] = [attack]
    document["NetworkSettings"]["Networks"] = {attack: {"Aliases": [attack]}}
    label = host.labels[0]
    answers = host.answers(label)
    answers["/networks/json"].append(
        {
            **answers["/networks/json"][0],
            "name": attack,
            "driver": attack,
            "subnets": [{"subnet": attack}],
        }
    )
    answers["/images/json"][0]["Names"] = [f"img/{attack}"]
    answers[LIST][0].update(
        Image=f"img/{attack}",
        Status=attack,
    )
    texts = host.document["files"]["text"]
    texts["/etc/containers/policy.json"] = json.dumps(
        {
            "default": [{"type": attack}],
            "transports": {attack: {attack: [{"type": attack, "keyPath": attack}]}},
        }
    )
    texts["/etc/containers/registries.conf"] = tomli_w.dumps(
        {
            "unqualified-search-registries": [attack],
            "registry": [{"prefix": attack, "location": attack}],
        }
    )
    host.archive = image(
        packed(
            member(
                "etc/os-release",
                f'ID="{attack}"\nPRETTY_NAME="{attack}"\n'.encode(),
            ),
            member(
                f"usr/bin/{attack.replace(chr(0), '')}",
                b"x",
                0o4755,
            ),
        )
    )
    steps = tomllib.loads(CHECKLIST.read_text())
    for step in steps["step"]:
        step |= {key: f"{attack}{step[key]}" for key in ("title", "what", "why", "attack", "fix")}
    checklist = directory / "hostile.toml"
    checklist.write_text(tomli_w.dumps(steps))
    host.checklist = str(checklist)
    return host


@pytest.mark.parametrize(
    ("attack", "size"),
    [
        (" ".join(ATTACKS), (80, 24)),
        *((attack, (160, 40)) for attack in ATTACKS),
    ],
    ids=["all", "controls", "markup", "lines", "empty"],
)
async def test_no_screen_lets_hostile_text_through(
    attack: str,
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    async with at_home(_hostile(attack, tmp_path), size) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        _inspect(pilot)
        for keys in (
            ("slash", "x", "escape"),
            ("slash", *"esc:x [/x] score<[", "enter", "escape"),
            ("question_mark", "escape"),
            ("space", "asterisk", "escape"),
            ("app.connection", "escape"),
            ("H", "escape"),
            ("app.waivers", "end", "escape"),
            ("f2", "end", "escape", "app.settings", "end", "escape"),
            ("app.commands", "escape"),
            ("e", "escape"),
            ("container.copy_as", "2", "container.copy_as", "escape"),
            (
                "I",
                "x",
                "enter",
                "end",
                "escape",
                "images.updates",
                "escape",
                "i",
                "x",
                "escape",
                "escape",
            ),
            ("I", "e", "end", "enter", "end", "escape", "escape", "escape"),
            ("M", "e", "end", "escape", "escape"),
            ("M", "enter", "escape", "networks.split", "escape", "escape"),
            ("home.rights", "end", "escape"),
            ("P", "trust.key", "trust.sign", "t", "escape"),
            ("P", "end", "i", "ctrl+s", "end", "escape", "escape"),
            ("m", "end", "escape"),
            ("enter", "right_square_bracket", "right_square_bracket"),
            ("4", "down", "F", "p"),
            ("e", "escape"),
            ("d", "n", "escape"),
            ("w",),
        ):
            for key in keys:
                await pilot.press(key)
                _inspect(pilot)
        while not isinstance(app.screen, HomeScreen):
            await pilot.press("escape")
        await pilot.press("ctrl+p", *"walk")
        _inspect(pilot)


@pytest.mark.parametrize("attack", ATTACKS[:-1])
async def test_a_hostile_container_is_accepted_and_listed_safely(
    attack: str,
    tmp_path: Path,
) -> None:
    attack = attack.encode("utf-8", "replace").decode().replace("\x00", "")
    host = Host(("shop-web", attack))
    checklist = tmp_path / "few.toml"
    checklist.write_text(CHECKLIST.read_text())
    host.checklist = str(checklist)
    async with at_home(host) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        for keys, ready in (
            (
                ("enter", "5"),
                lambda: any(each.current for each in app.screen.query(FindingList)),
            ),
            (
                ("e",),
                lambda: isinstance(app.screen, ExplainScreen) and not app.screen.why_not("accept"),
            ),
            (
                ("W",),
                lambda: isinstance(app.screen.focused, TextField),
            ),
            (
                (*"[/x] $error", "enter", *"[bold", "enter", "enter", "enter"),
                lambda: isinstance(app.screen, WalkScreen),
            ),
            (
                ("app.waivers", "end", "c"),
                lambda: isinstance(app.screen, WaiversScreen),
            ),
        ):
            for key in keys:
                await pilot.press(key)
                _inspect(pilot)
            await until(pilot, ready)
        await until(pilot, lambda: "[/x] $error" in drawn(app))
        _inspect(pilot)


async def test_a_hostile_error_is_told_safely() -> None:
    async with at_home(nothing()) as (app, pilot):
        from hardentui.tui.messages import WorkFailed

        app.session.handle(
            WorkFailed(
                "Looking",
                HardenError("[/x]\x1b[2J went wrong", "[@click=app.quit]hint[/]"),
            )
        )
        await shows(pilot, "went wrong")
        _inspect(pilot)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_gate_takes_everything_literally(attack: str) -> None:
    for made in (plain(attack), cell(attack)):
        assert not made.spans
        assert not FORBIDDEN & set(made.plain)
    for width in (0, 1, 5, 30):
        assert plain(fit(attack, width)).cell_length == width
    assert all(
        "\x1b" not in part[0]
        for part in hanging("l", attack, 20, indent=4)
        if isinstance(part, tuple)
    )


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_field_draws_a_proposed_value_safely_and_keeps_it(attack: str) -> None:
    attack = attack.replace("\n", "").replace("\r", "")
    async with at_home(nothing()) as (app, pilot):
        app.push_screen(
            AskScreen(
                "Which?",
                "\x1b[2J" if not attack else "",
                value=attack,
            )
        )
        await shows(pilot, "Which?")
        field = app.screen.query_one(TextField)
        await pilot.press("end", "home", "right")
        _inspect(pilot)
        assert field.value == attack
        assert len(visible_in_place(attack)) == len(attack)


def test_every_field_is_one_that_draws_safely() -> None:
    tui = Path(__file__).parents[2] / "hardentui" / "tui"
    made = [
        path.name for path in tui.rglob("*.py") if re.search(r"\bInput\(", path.read_text("utf-8"))
    ]
    assert made == [], "TextField is the one that passes the gate"
