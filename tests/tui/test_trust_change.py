"""The trust assistant: rules as they are typed, the plan, and what a simulated host cannot do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from hardentui.features.trust.change import TrustChange, simulated_trust_change
from hardentui.model.journal import JournalEntry
from hardentui.model.trust_change import Pull, PullProof, PullVerdict
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.trust import TrustForm, TrustScreen
from tests.tui.replayed import some
from tests.tui.support import Driver, at_home, drawn, make_app, running, shows, until

ACCEPT = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})


async def _open(pilot: Driver) -> None:
    await pilot.press("P")
    await until(pilot, lambda: isinstance(pilot.app.screen, TrustScreen))
    await pilot.press("i")
    await until(pilot, lambda: isinstance(pilot.app.screen, TrustForm))


def _notices(app: HardenApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


async def _plan(pilot: Driver, rules: str) -> None:
    await pilot.press(*rules, "ctrl+s")
    await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))


async def test_trust_says_which_signatures_podman_reads() -> None:
    async with running(make_app(some()), (120, 40)) as pilot:
        await pilot.press("P")
        await until(
            pilot,
            lambda: "sigstore bundles, the default of cosign 3" in drawn(pilot.app),
        )
        assert "looked for: nowhere yet" in drawn(pilot.app)


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_the_plan_of_a_simulated_host_is_drafted_and_no_pull_is_made(
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be pulled")

    monkeypatch.setattr(TrustChange, "prove", fail)
    async with at_home(some(simulated=True), size) as (app, pilot):
        await _open(pilot)
        await _plan(pilot, "quay.io/team reject")
        await until(
            pilot,
            lambda: "nothing is pulled or written" in " ".join(drawn(app).split()),
        )
        text = " ".join(drawn(app).split())
        assert "quay.io/team: refused" in text
        assert '"quay.io/team": [{"type": "reject"}]' in text
        assert "unsigned docker.io/library/redis:7.4 is in use" in text
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, JobScreen), "there is nothing to apply"


@pytest.mark.parametrize(
    ("rules", "tags", "told"),
    [
        (
            "quay.io/team=/keys/team.pub",
            "no",
            "quay.io/team: must be signed (sigstore) with /keys/team.pub ",
        ),
        ("quay.io/team=/keys/team.pub", "yes", "with /keys/team.pub, for any tag"),
        (
            "quay.io/team accept; quay.io/b reject",
            "no",
            "quay.io/team: accepted without a signature",
        ),
        ("", "no", "none of your own"),
    ],
)
async def test_rules_are_told_as_they_are_planned(
    rules: str,
    tags: str,
    told: str,
) -> None:
    async with at_home(some(simulated=True), (120, 40)) as (app, pilot):
        await _open(pilot)
        app.screen.query_one("#tags", Input).value = tags
        await _plan(pilot, rules)
        await until(pilot, lambda: told in " ".join(drawn(app).split()) + " ")


KEYLESS = (
    "quay.io/team keyless anna@example.com https://accounts.example.com /etc/fulcio.pem "
    "/etc/rekor.pub"
)


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
@pytest.mark.parametrize(
    ("rule", "told", "requirement"),
    [
        (
            KEYLESS,
            (
                "must be signed (keyless) by anna@example.com of https://accounts.example.com, for "
                "any tag"
            ),
            {
                "type": "sigstoreSigned",
                "fulcio": {
                    "caPath": "/etc/fulcio.pem",
                    "oidcIssuer": "https://accounts.example.com",
                    "subjectEmail": "anna@example.com",
                },
                "rekorPublicKeyPath": "/etc/rekor.pub",
            },
        )
    ],
)
async def test_a_rule_without_a_key_is_typed_told_and_planned(
    rule: str,
    told: str,
    requirement: dict[str, Any],
    size: tuple[int, int],
) -> None:
    async with at_home(some(simulated=True), size) as (app, pilot):
        await _open(pilot)
        await _plan(pilot, rule)
        await until(
            pilot,
            lambda: "nothing is pulled or written" in " ".join(drawn(app).split()),
        )
        assert f"quay.io/team: {told}" in " ".join(drawn(app).split()), (
            "such a signature never has a tag"
        )
        assert _planned(drawn(app))["quay.io/team"] == [{**requirement, **_ANY_TAG}]


_ANY_TAG = {"signedIdentity": {"type": "matchRepository"}}


def _planned(text: str) -> Any:
    """The rules for registries in the policy of a drawn plan, out of its added lines."""
    added = "".join(line.strip()[1:] for line in text.splitlines() if line.strip().startswith("+"))
    _, _, rules = added.partition('"docker": ')
    return json.JSONDecoder().raw_decode(rules)[0]


@pytest.mark.parametrize(
    ("rule", "complaints"),
    [
        (
            "quay.io/team keyless anna@example.com https://a.example",
            ("A keyless rule has", "REKOR-FILE"),
        ),
        (
            "nginx accept",
            ("has no registry", "docker.io/library/nginx"),
        ),
        ("[/x] $error", ("is not a rule", "SCOPE=KEYFILE")),
        (
            "quay.io/a accept; quay.io/a reject",
            ("Two rules name quay.io/a",),
        ),
    ],
)
async def test_a_slip_in_a_rule_is_told_on_a_small_terminal(
    rule: str,
    complaints: tuple[str, ...],
) -> None:
    async with at_home(some(simulated=True), (60, 16)) as (app, pilot):
        await _open(pilot)
        await pilot.press(*rule, "ctrl+s")
        await shows(pilot, *complaints)
        assert isinstance(app.screen, TrustForm)


class Pulls:
    """Stands for the pulls, which need a registry: each waits at a gate."""

    def __init__(self, verdicts: dict[str, PullVerdict]) -> None:
        self.verdicts = verdicts
        self.gate = threading.Event()

    def prove(
        self,
        change: TrustChange,
        draft: object,
        named: object,
        told: Callable[[PullProof], None],
        stop: threading.Event,
    ) -> tuple[PullProof, ...]:
        proofs = []
        for case, verdict in self.verdicts.items():
            pull = Pull(
                "[/x]\x1b[2J.io/a:1",
                verdict,
                "said\x1b[2J",
                "podman 5.4.2",
            )
            proofs.append(
                PullProof(
                    case,
                    "default",
                    PullVerdict.REJECTED,
                    pull,
                    hint="look [bold]closer",
                )
            )
            told(proofs[-1])
        while not self.gate.wait(0.01) and not stop.is_set():
            pass
        return tuple(proofs)


@contextmanager
def _real(
    monkeypatch: pytest.MonkeyPatch,
    **verdicts: PullVerdict,
) -> Iterator[Pulls]:
    """The assistant as on a real host, but for the pulls."""
    pulls = Pulls({case.replace("_", " "): verdict for case, verdict in verdicts.items()})
    monkeypatch.setattr(
        "hardentui.features.trust.tasks.trust_change_of",
        simulated_trust_change,
    )
    monkeypatch.setattr(
        TrustChange,
        "prove",
        lambda *arguments: pulls.prove(*arguments),
    )
    yield pulls
    pulls.gate.set()


async def test_pulls_are_told_as_they_come_and_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(some())
    with _real(monkeypatch, other_repository=PullVerdict.REJECTED):
        async with running(app, (120, 50)) as pilot:
            await _open(pilot)
            await _plan(pilot, "")
            await until(pilot, lambda: "[/x]␛[2J.io/a:1 refused by policy" in drawn(app))
            await shows(pilot, "esc stops")
            await pilot.press("escape", shows="Stopped.")
            await pilot.press("ctrl+s")
            assert isinstance(app.screen, JobScreen), "there is nothing to apply"
            await pilot.press("escape")
            assert isinstance(app.screen_stack[-1], TrustForm)


async def test_a_pull_that_comes_out_otherwise_stops_the_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(some())
    with _real(monkeypatch, other_repository=PullVerdict.ACCEPTED) as pulls:
        pulls.gate.set()
        async with running(app, (120, 50)) as pilot:
            await _open(pilot)
            await _plan(pilot, "")
            await until(pilot, lambda: "Not applied" in drawn(app))
            assert "look [bold]closer" in drawn(app)
            await pilot.press("ctrl+s")
            assert isinstance(app.screen, JobScreen), "there is nothing to apply"


async def test_a_proven_policy_is_written_with_a_way_back(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(ACCEPT)
    policy.chmod(0o644)
    app = make_app(some())
    with _real(monkeypatch, other_repository=PullVerdict.REJECTED) as pulls:
        pulls.gate.set()

        def here(parts: object, in_use: object) -> TrustChange:
            change = simulated_trust_change(parts, in_use)  # type: ignore[arg-type]
            monkeypatch.setattr(change, "_policy_path", str(policy))
            monkeypatch.setattr(
                change, "_text", lambda path: ACCEPT if path == str(policy) else None
            )
            return change

        asked, apply = threading.Event(), TrustChange.apply

        def slowly(*arguments: Any) -> JournalEntry | None:
            assert asked.wait(60)
            return apply(*arguments)

        monkeypatch.setattr(TrustChange, "apply", slowly)
        monkeypatch.setattr(
            "hardentui.features.trust.tasks.trust_change_of",
            here,
        )
        async with running(app, (120, 60)) as pilot:
            await _open(pilot)
            await _plan(pilot, "")
            await until(pilot, lambda: "Every pull ended as expected" in drawn(app))
            await pilot.press("ctrl+s", shows="The journal (J) undoes it")
            await pilot.press("y")
            await pilot.press("ctrl+s", shows="It is done.")
            asked.set()
            await until(pilot, lambda: "u in the journal (J)" in _notices(app))
            assert '"default": [{"type": "reject"}]' in policy.read_text()
            await pilot.press("J", shows=("trust", "u undoes it"))
            await pilot.press("u", "y")
            await until(pilot, lambda: policy.read_text() == ACCEPT)
