"""A trial beside the entry of its application: what the twin did wins, and is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hardentui.checks.prelude import container, image
from hardentui.features.applications.comparing import compared
from hardentui.features.applications.drafting import drafted
from hardentui.features.applications.loading import EntryFile, Library, lint
from hardentui.model.facts import ContainerFacts
from hardentui.model.trial import Baseline, How, Kept, Learned, LeftOut, Result, Round, Trial
from hardentui.reading.applications import AskedImage

POSTGRES = Library().find(AskedImage("postgres:17"))
SEEN = Learned(
    capabilities=("CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"),
    writable=("/run/postgresql", "/tmp"),
    listening=("tcp 0.0.0.0:5432", "tcp 127.0.0.1:40000"),
)


def postgres(options: str = "") -> ContainerFacts:
    config = {
        "User": "",
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["postgres"],
    }
    return container(
        f"{options} docker.io/library/postgres:17".strip(),
        application=POSTGRES,
        image=image(inspect={"Config": config}),
    )


def trial(learned: Learned | None = SEEN, **more: object) -> Trial:
    return Trial(
        container="db",
        result=Result.WORKS,
        baseline=Baseline(ready=True, how=How.ALIVE, seconds=1.0),
        learned=learned,
        engine_version="5.4.2",
        **more,  # type: ignore[arg-type]
    )


def sentence(facts: ContainerFacts, tried: Trial) -> str:
    comparison = compared(facts, tried)
    assert comparison is not None
    return comparison.sentence


def test_agreement_is_told_with_its_day() -> None:
    said = sentence(postgres(), trial())
    assert said.startswith("The twin did what is declared by the known application postgres, ")


@pytest.mark.parametrize(
    ("learned", "told"),
    [
        (Learned(capabilities=("CAP_SYS_NICE",)), "it also used SYS_NICE"),
        (Learned(writable=("/srv/dumps",)), "it also wrote to /srv/dumps"),
        (Learned(listening=("tcp 0.0.0.0:9187",)), "it also listens on tcp 9187"),
    ],
)
def test_what_the_entry_does_not_know_is_told(learned: Learned, told: str) -> None:
    said = sentence(postgres(), trial(learned))
    assert told in said
    assert "please report it" in said


def test_a_fix_that_broke_it_although_the_entry_calls_it_right_is_told() -> None:
    left = LeftOut("writable-rootfs", "the twin ended with 1")
    assert "writable-rootfs broke it: the twin ended with 1" in sentence(
        postgres(), trial(left_out=(left,))
    )


def test_a_fix_that_did_not_break_it_although_the_entry_says_so_is_told() -> None:
    vault = Library().find(AskedImage("hashicorp/vault"))
    facts = container("docker.io/hashicorp/vault:1.17", application=vault)
    kept = Kept("writable-rootfs", "--read-only", None, "")
    assert "writable-rootfs did not break it" in sentence(facts, trial(None, kept=(kept,)))


def test_nothing_is_said_without_an_entry_or_without_a_twin_that_works() -> None:
    assert compared(container("docker.io/team/web:1"), trial()) is None
    failed = Trial(
        container="db",
        result=Result.BASELINE_FAILS,
        baseline=Baseline(ready=False, how=How.ALIVE, seconds=1.0),
    )
    assert compared(postgres(), failed) is None


def test_an_entry_is_written_from_a_trial_and_is_valid(tmp_path: Path) -> None:
    facts = container(
        "-v shop:/srv/shop -v /srv/c:/etc/shop:ro -v /run/x.sock:/x.sock "
        "registry.example:5000/team/My_Shop:3",
        image=image(
            inspect={
                "Config": {
                    "User": "",
                    "Entrypoint": ["/bin/run.sh"],
                    "Cmd": ["serve"],
                    "Volumes": {"/srv/shop": {}, "/srv/more": {}},
                }
            }
        ),
    )
    left = LeftOut("root-user", 'it "needs" root\nto bind')
    untried = LeftOut("no-update-path", "the update timer of this host is not active")
    tried = trial(
        left_out=(left, untried),
        rounds=(Round(("root-user", "writable-rootfs"), ready=False, why="it ended"),),
        kept=(
            Kept("writable-rootfs", "read-only", None, ""),
            Kept("missing-health-check", "health-cmd", None, "run.sh check"),
        ),
        exercised=("reload",),
    )
    draft = drafted(facts, tried, date(2026, 12, 1))
    assert draft.name == "my-shop.application.toml"
    file = tmp_path / draft.name
    file.write_text(draft.text)
    entry = lint(str(file)).general
    assert entry.name == "my-shop"
    assert entry.match.repositories == ("team/My_Shop",)
    assert entry.match.entrypoint == "run.sh"
    assert entry.match.command == ("serve",)
    assert entry.capabilities.start == ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID")
    places = [(path.path, path.use.value, path.volume) for path in entry.path]
    assert places == [
        ("/srv/more", "data", True),
        ("/srv/shop", "data", True),
        ("/run/postgresql", "scratch", False),
        ("/tmp", "scratch", False),
    ]
    assert entry.root.works is True
    assert entry.health.command == "run.sh check"
    assert [port.number for port in entry.port] == [5432]
    assert [*entry.breaks] == ["root-user"], "what the twin showed, not what its host lacks"
    assert "reload" in entry.proof.how


@pytest.mark.parametrize(
    "name",
    [
        "registry.example:5000/shop:3",
        "docker.example.org/shop",
        "registry.example/team/shop:3",
        "localhost/shop:3",
        "shop",
    ],
)
def test_the_entry_of_a_trial_is_about_the_image_that_was_tried(name: str, tmp_path: Path) -> None:
    config = {"User": "", "Entrypoint": ["/bin/run.sh"], "Cmd": ["serve"]}
    facts = container(name, image=image(inspect={"Config": config}))
    draft = drafted(facts, trial(), date(2026, 12, 1))
    file = tmp_path / draft.name
    file.write_text(draft.text)
    lint(str(file))
    entry = EntryFile(draft.name, draft.text, site=True)
    application = Library([entry]).of(facts)
    assert application is not None
    assert application.name == "shop"


def test_what_was_not_watched_stays_unknown(tmp_path: Path) -> None:
    draft = drafted(postgres(), trial(None), date(2026, 12, 1))
    file = tmp_path / draft.name
    file.write_text(draft.text)
    entry = lint(str(file)).general
    assert entry.capabilities.start is None
    assert entry.root.works is None
