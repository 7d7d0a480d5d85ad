"""Several containers at once: nobody keeps the others back, and together the files stay what was
proven."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.errors import GeneratorError, WriteError
from hardentui.features.fix.batch import Batch, combine, prepare, save_together
from hardentui.features.fix.proofs import prove, prove_by_port
from hardentui.features.views import Report
from hardentui.features.workbench import Workbench
from hardentui.model.draft import Target
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Caution
from hardentui.model.podman_version import Version
from hardentui.quadlet.write.bundle import Bundle
from hardentui.quadlet.write.container import intended
from tests.tui.replayed import Host

HOST = (
    ("shop-api", "shop-api"), ("shop-worker", "shop-worker"),
    ("shop-web", "shop-web"), ("db", "db"), ("cache", "cache"),
)  # fmt: skip


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    bench = Host(*HOST).first_look().workbench()
    bench.surroundings.host()
    yield bench
    bench.close()


def _report(bench: Workbench, name: str) -> Report:
    row = next(row for row in bench.containers.rows() if row.name == name)
    judged = bench.containers.refresh(row.key)
    assert judged is not None
    assert judged.report is not None
    return judged.report


def _batch(
    bench: Workbench,
    *names: str,
    to: Target = Target.QUADLET,
) -> Batch:
    return combine(
        prepare(
            bench,
            _report(bench, name),
            Caution.ALL,
            to=to,
        )
        for name in names
    )


def _texts(batch: Batch) -> dict[str, str]:
    return {file.name: file.text for file in batch.files}


def test_each_container_gets_its_files_and_a_better_score(
    bench: Workbench,
    tmp_path: Path,
) -> None:
    batch = _batch(bench, "db", "shop-api", "cache")
    assert batch.refused == ()
    assert [item.report.subject.name for item in batch.written] == ["db", "shop-api", "cache"]
    for item in batch.written:
        before = item.report.score.value
        assert before is not None
        assert item.after is not None
        assert item.after > before
        assert item.draft is not None
        assert "accepts it" in item.draft.proof
    written, steps = save_together(bench, batch, str(tmp_path / "new"))
    names = {item.report.subject.name: {file.name for file in step.files} for item, step in steps}
    assert names == {name: {f"{name}-take-over.sh"} for name in ("db", "shop-api", "cache")}
    assert {Path(file.path).name for file in written} == {
        *_texts(batch),
        *set().union(*names.values()),
    }
    for name, text in _texts(batch).items():
        assert (tmp_path / "new" / name).read_text() == text
    assert {"db.container", "cache.container", "shop-api.container"} <= set(_texts(batch))


def test_what_cannot_be_written_is_named_and_keeps_nobody_back(
    bench: Workbench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = replace(
        _report(bench, "cache"),
        facts=None,
        findings=(),
        trouble="its engine is gone",
    )

    def refuse_api(
        made: Bundle,
        facts: ContainerFacts,
        version: Version | None,
    ) -> str:
        if facts.name == "shop-api":
            raise GeneratorError("The generator refuses it.", "line 3")
        return prove(made, facts, version)

    monkeypatch.setattr("hardentui.features.fix.drafts.prove", refuse_api)
    reports = (
        _report(bench, "shop-api"),
        broken,
        _report(bench, "db"),
    )
    items = [prepare(bench, report, Caution.ALL) for report in reports]
    batch = combine(items)
    assert [item.report.subject.name for item in batch.refused] == ["shop-api", "cache"]
    refusal, gone = (str(item.trouble) for item in batch.refused)
    assert "The generator refuses it." in refusal
    assert "its engine is gone" in gone
    assert [item.report.subject.name for item in batch.written] == ["db"]
    save_together(bench, batch, str(tmp_path))
    assert (tmp_path / "db.container").exists()
    assert not list(tmp_path.glob("cache*"))


@pytest.mark.parametrize(
    "names",
    [
        ("shop-api", "shop-worker"),
        ("shop-worker", "shop-api"),
    ],
)
def test_members_of_a_pod_do_not_undo_each_other(
    bench: Workbench,
    names: tuple[str, str],
    tmp_path: Path,
) -> None:
    batch = _batch(bench, *names)
    assert batch.refused == ()
    texts = _texts(batch)
    for item in batch.written:
        own = item.files[0]
        assert texts[own.name] == own.text, (
            "the hardened unit, not the copy that the other one carries"
        )
        assert "nothing was hardened" not in texts[own.name]
        assert own.text != next(
            file.text
            for other in batch.written
            if other is not item
            for file in other.files
            if file.name == own.name
        )
    assert "shop.pod" in texts
    _, steps = save_together(bench, batch, str(tmp_path))
    (only,) = steps
    assert only[0].report.subject.name == names[0], "the pod is made anew once"


def test_together_the_units_make_the_same_commands_as_alone(bench: Workbench) -> None:
    batch = _batch(
        bench,
        "shop-api",
        "shop-worker",
        "db",
    )
    together = {file.name: file.text for file in batch.files if file.is_unit}
    for item in batch.written:
        assert item.plan is not None
        assert item.report.facts is not None
        name = item.files[0].name
        alone = {file.name: file.text for file in item.files if file.is_unit}
        argv, version = intended(item.plan.after), item.report.facts.engine.version
        differences = [
            prove_by_port(
                {name: units[name], **units},
                argv,
                version,
                False,
            )
            for units in (alone, together)
        ]
        assert differences[0] == differences[1]


def test_all_or_nothing_is_written(
    bench: Workbench,
    tmp_path: Path,
) -> None:
    batch = _batch(bench, "db", "cache", to=Target.RUN)
    assert {"db.sh", "cache.sh"} <= set(_texts(batch))
    (tmp_path / "db.sh").mkdir()
    with pytest.raises(WriteError):
        save_together(bench, batch, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["db.sh"]
