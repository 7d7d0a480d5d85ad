"""Files that one container names: who can change them, besides root and the account of a rootless
engine."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from hardentui.checks.prelude import container, rootless
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.features.looking.once_per_engine import OncePerEngine
from hardentui.features.looking.readers import READERS, Place
from hardentui.features.looking.readers.runtime import RuntimeConfigs
from hardentui.host.files import LocalFiles
from hardentui.model.facts import ContainerFacts, VolumeFacts
from hardentui.model.known import later
from hardentui.model.trust import TrustFacts
from hardentui.options import MOUNTS, Mount
from tests.support.judging import FAIL, NOT_APPLICABLE, PASS, status_of

OWNER = 1000 if os.getuid() == 0 else os.getuid()


@pytest.fixture
def program() -> Iterator[Path]:
    """A file of the engine's account, in a directory of that account that everybody can enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name) / "bin" / "crun"
        path.parent.mkdir(mode=0o755)
        path.parent.parent.chmod(0o755)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        for place in (path, path.parent):
            os.chown(place, OWNER, -1)
        yield path


def looked_at(
    *pairs: Any,
    uid: int = OWNER,
    config: Any = None,
    volumes: Any = None,
    **inspect: Any,
) -> ContainerFacts:
    """The facts with what was added. `config`: the config.json of the runtime."""
    runtime = RuntimeConfigs().read(config or {})
    engine_facts = rootless(trust=TrustFacts(uid=uid))
    facts = container(
        *pairs, inspect=inspect, engine=engine_facts, runtime=runtime, volumes=volumes or {}
    )
    engine = Engine(facts.engine, lambda: RecordedConnection({}, {}))
    once = OncePerEngine(
        engine,
        LocalFiles(),
        cast("Any", None),
        lambda: datetime.now(UTC),
    )
    place = Place(
        engine,
        LocalFiles(),
        once,
        RuntimeConfigs(),
    )
    return facts.replace(**{name: later(read, place) for name, read in READERS.items()})


def named(path: Path, way: str) -> dict[str, Any]:
    if way == "--runtime":
        return {"OCIRuntime": str(path)}
    words = [way, str(path)] if way != "--init-path" else [f"{way}={path}"]
    return {"Config": {"CreateCommand": ["podman", "run", *words, "localhost/web:1"]}}


@pytest.mark.parametrize(
    "way",
    ["--runtime", "--init-path", "--hooks-dir", "--conmon"],
)
def test_a_program_that_others_can_replace_fails_however_it_is_named(
    program: Path,
    way: str,
) -> None:
    check = "replaceable-container-programs"
    assert status_of(check, looked_at(**named(program, way))) is PASS
    program.parent.chmod(0o777)
    assert status_of(check, looked_at(**named(program, way))) is FAIL


@pytest.mark.parametrize("way", ["hook", "init", "interpreter"])
def test_so_does_what_only_the_configuration_of_the_runtime_names(
    program: Path,
    way: str,
) -> None:
    config: dict[str, Any] = {"hooks": {"prestart": [{"path": str(program)}], "poststop": None}}
    if way == "init":
        config = {
            "mounts": [
                {
                    "destination": "/run/podman-init",
                    "source": str(program),
                }
            ]
        }
    elif way == "interpreter":
        script = program.parent.parent / "hook"
        script.write_text(f"#!{program}\n")
        script.chmod(0o755)
        config = {"hooks": {"prestart": [{"path": str(script)}]}}
    check = "replaceable-container-programs"
    assert status_of(check, looked_at(config=config)) is PASS
    program.parent.chmod(0o777)
    assert status_of(check, looked_at(config=config)) is FAIL


@pytest.mark.parametrize(
    "words",
    [
        ("/app/crun",),
        ("sh", "/app/crun"),
        ("sh", "-c", "exec /app/crun --verbose"),
        ("sh", "crun"),
        ("sh", "-c", ". /app/crun; sleep 9"),
    ],
)
def test_so_does_a_script_of_its_own_that_every_account_can_change(
    program: Path,
    words: tuple[str, ...],
) -> None:
    check = "replaceable-container-programs"
    mount = (MOUNTS, (Mount("bind", str(program.parent), "/app"),))
    command: dict[str, Any] = {
        "Path": words[0],
        "Args": list(words[1:]),
        "Config": {"WorkingDir": "/app"},
    }
    assert status_of(check, looked_at(mount, **command)) is NOT_APPLICABLE
    program.chmod(0o766)
    assert status_of(check, looked_at(mount, **command)) is FAIL
    assert status_of(check, looked_at(mount, Path="sleep", Args=["9"])) is NOT_APPLICABLE
    program.chmod(0o755)
    program.parent.chmod(0o777)
    assert status_of(check, looked_at(mount, **command)) is FAIL


@pytest.mark.parametrize("directory", [True, False])
def test_a_secret_by_bind_mount_is_for_its_reader_alone(
    program: Path,
    *,
    directory: bool,
) -> None:
    source, target = (
        (program.parent, "/run/secrets") if directory else (program, "/var/run/secrets/db")
    )
    facts = looked_at((MOUNTS, (Mount("bind", str(source), target, ("ro",)),)))
    assert status_of("loose-secret", facts) is FAIL
    if directory:
        options = {"type": "none", "o": "bind", "device": str(source)}
        volume = VolumeFacts("keys", {"Options": options})
        facts = looked_at(
            (MOUNTS, (Mount("volume", "keys", target),)),
            volumes={"keys": volume},
        )
        assert status_of("loose-secret", facts) is FAIL
    elsewhere = looked_at((MOUNTS, (Mount("bind", str(source), "/etc/app"),)))
    assert status_of("loose-secret", elsewhere) is PASS
    program.chmod(0o640)
    facts = looked_at((MOUNTS, (Mount("bind", str(source), target, ("ro",)),)))
    assert status_of("loose-secret", facts) is PASS


def test_what_it_changed_has_its_owner(tmp_path: Path) -> None:
    """Root needs DAC_OVERRIDE for data of another account."""
    file = tmp_path / "srv" / "order"
    file.parent.mkdir()
    file.write_text("1")
    facts = container(
        inspect={"GraphDriver": {"Data": {"UpperDir": str(tmp_path)}}},
        engine=rootless(local=True),
    )
    answers = {f"/containers/{facts.id}/changes": [{"Path": "/srv/order", "Kind": 1}]}
    engine = Engine(facts.engine, lambda: RecordedConnection(answers, {}))
    once = OncePerEngine(
        engine,
        LocalFiles(),
        cast("Any", None),
        lambda: datetime.now(UTC),
    )
    place = Place(
        engine,
        LocalFiles(),
        once,
        RuntimeConfigs(),
    )
    (change,) = facts.replace(changes=later(READERS["changes"], place)).changes
    assert (change.directory, change.uid) == (False, os.getuid())
