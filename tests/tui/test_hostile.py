"""Text from untrusted images may neither act on the terminal nor on the app."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from hardentui.errors import HardenError
from hardentui.model.configuration import Danger, FileFact
from hardentui.model.facts import EngineFacts, NetworkFacts
from hardentui.model.image import FoundFile, ImageInventory, LayerSize
from hardentui.model.trust import Policy, Registries, Registry, Requirement, TrustFacts
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.text import cell, fit, hanging, plain
from hardentui.workbench.views import Attempt
from tests.tui.stand_in import CHECKS, StandIn, facts
from tests.tui.support import make_app, running, shows, until

ATTACKS = [
    "esc\x1b[2Jape\x1b]52;c;AAAA\x07\x9b31m \U000e0041\ud800 \x00 bidi\u202egnp.\u2066exe\u200b",
    "[/x] [bold",
    "[@click=app.quit]click[/]",
    "[link=http://x]l[/link] $primary [$error]",
    "line\nbreak\r\ttab",
    "漢字" * 30,
    "",
]
FORBIDDEN = frozenset({*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u202e", "\u2066", "\u200b"})


def _inspect(pilot: Pilot[Any]) -> None:
    """No control character and no action in anything that is drawn now."""
    app = pilot.app
    assert app.is_running
    for strip in app.screen._compositor.render_strips(app.size):
        for segment in strip:
            assert not FORBIDDEN & set(segment.text), repr(segment.text)
            if segment.style is not None:
                assert "@click" not in segment.style.meta
                assert not segment.style.link


def _hostile(attack: str) -> StandIn:
    policy = Policy(attack, (Requirement(attack),), {attack: {attack: (Requirement(attack),)}})
    registries = Registries((attack,), attack, registries=(Registry(attack, attack, True),), files=(attack,))
    keys = {attack: FileFact(attack, dangers=(Danger(attack, attack, attack),))}
    trust = TrustFacts(policy=policy, registries=registries, keys=keys)
    engine = EngineFacts(label=f"eng {attack}", url=f"unix://{attack}", trust=trust)
    tried = (Attempt(attack, attack, attack, attack, attack),)
    network = NetworkFacts(attack, {"driver": attack, "subnets": [{"subnet": attack}]}, (attack,), engine)
    bench = StandIn.of(
        facts(attack or "x", engine=engine, image=f"img/{attack}", networks={attack: network}),
        engine_facts=(engine,),
        attempts=tried,
        inside=ImageInventory(
            {"ID": attack, "PRETTY_NAME": attack},
            {attack: 3},
            tools=(FoundFile(attack, attack),),
            weak_accounts=(attack,),
            layers=(LayerSize(attack, 3),),
            gaps=(attack,),
        ),
        host_name=attack,
        simulated=True,
    )
    steps = tuple(
        replace(step, title=f"{attack}{step.title}", what=attack, why=attack, attack=attack, fix=attack)
        for step in bench.checklist.steps
    )
    bench.checklist = replace(bench.checklist, steps=steps)
    return bench


@pytest.mark.parametrize(
    ("attack", "size"),
    [*((attack, (80, 24)) for attack in ATTACKS), *((one, (160, 40)) for one in ATTACKS[:2])],
)
async def test_no_screen_lets_hostile_text_through(attack: str, size: tuple[int, int]) -> None:
    app = make_app(_hostile(attack))
    async with running(app, size) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        _inspect(pilot)
        for keys in (
            ("slash", "x", "escape"),
            ("question_mark", "escape"),
            ("c", "escape"),
            ("H", "escape"),
            ("at", "escape"),
            ("e", "escape"),
            ("I", "o", "enter", "end", "escape", "escape"),
            ("M", "enter", "escape", "escape"),
            ("P", "end", "escape"),
            ("enter", "right_square_bracket", "right_square_bracket"),
            ("4", "down", "F", "f"),
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


async def test_a_hostile_error_is_told_safely() -> None:
    app = make_app(StandIn())
    async with running(app) as pilot:
        from hardentui.tui.messages import WorkFailed

        app.session.handle(
            WorkFailed("Looking", HardenError("[/x]\x1b[2J went wrong", "[@click=app.quit]hint[/]"))
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
        "\x1b" not in part[0] for part in hanging("l", attack, 20, indent=4) if isinstance(part, tuple)
    )


def test_the_checks_of_the_stand_in_cover_every_status() -> None:
    """The screens above have shown each of them."""
    assert {check.kind for check in CHECKS} >= {"container", "host"}
