"""`fix` with several names, on the simulated host."""

from pathlib import Path

import pytest

from hardentui.errors import GeneratorError
from hardentui.features.fix.proofs import prove
from hardentui.model.facts import ContainerFacts
from hardentui.model.podman_version import Version
from hardentui.quadlet.write.bundle import Bundle
from tests.unit.cli.conftest import Run


def test_several_containers_are_written_in_one_go(
    run: Run,
    tmp_path: Path,
) -> None:
    answer = run(
        "fix", "db", "shop-api", "shop-worker", "--demo", "--all", "-o", str(tmp_path / "new")
    )
    assert answer.code == 0
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert {"db.container", "shop-api.container", "shop-worker.container", "shop.pod"} <= names
    for name in ("shop-api", "shop-worker"):
        assert "nothing was hardened" not in (tmp_path / "new" / f"{name}.container").read_text()
    assert "db: score " in answer.err
    assert "next, for db:" in answer.err
    assert answer.out.count("shop-api.container: new") == 1


def test_a_refused_container_is_named_and_the_others_are_written(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse_db(
        made: Bundle,
        facts: ContainerFacts,
        version: Version | None,
    ) -> str:
        if facts.name == "db":
            raise GeneratorError("The generator refuses it.")
        return prove(made, facts, version)

    monkeypatch.setattr("hardentui.features.fix.drafts.prove", refuse_db)
    answer = run(
        "fix",
        "db",
        "cache",
        "--demo",
        "--likely",
        "--quiet",
        "-o",
        str(tmp_path),
    )
    assert answer.code == 4
    assert "not written: db: The generator refuses it." in answer.err
    assert [path.name for path in tmp_path.glob("*.container")] == ["cache.container"]


def test_one_fix_by_name_goes_to_all_that_need_it(
    run: Run,
    tmp_path: Path,
) -> None:
    answer = run(
        "fix",
        "db",
        "cache",
        "--demo",
        "--check",
        "no-memory-limit",
        "-o",
        str(tmp_path),
    )
    assert answer.code == 0
    assert all("emory=" in (tmp_path / f"{name}.container").read_text() for name in ("db", "cache"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--all",), "add -o DIR"),
        (
            ("--plan", "x.toml", "-o", "x"),
            "belong to one container",
        ),
        (
            ("--all", "--to", "unit", "-o", "x"),
            "changes the unit of one container",
        ),
        (("--check", "nonsense", "-o", "x"), "nonsense"),
    ],
)
def test_what_does_not_go_with_several_is_a_mistake(
    run: Run,
    words: tuple[str, ...],
    why: str,
) -> None:
    answer = run("fix", "db", "cache", "--demo", *words)
    assert answer.code == 2
    assert why in answer.err


def test_an_unknown_name_stops_before_anything_is_written(
    run: Run,
    tmp_path: Path,
) -> None:
    answer = run(
        "fix",
        "db",
        "nobody",
        "--demo",
        "--all",
        "-o",
        str(tmp_path / "new"),
    )
    assert answer.code == 2
    assert not (tmp_path / "new").exists()
