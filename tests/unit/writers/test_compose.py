"""The override file for compose: what it says, and that podman-compose reads in it what was meant."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from hardentui.checks.prelude import container
from hardentui.errors import UsageError
from hardentui.features.fix.apply_ways import compose_override, compose_write
from hardentui.features.fix.compose_draft import compose_draft
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.operations import WriteFile
from hardentui.model.plan import Plan
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.writers.compose import service_override

BASE = """\
services:
  web:
    image: nginx
    cap_add: [NET_RAW, NET_ADMIN]
    cap_drop: [MKNOD]
    security_opt: ["seccomp=unconfined"]
    volumes: ["data:/data"]
  db:
    image: postgres
volumes:
  data: {}
"""
_BEFORE = (
    (CAP_ADD, ("CAP_NET_ADMIN", "CAP_NET_RAW")),
    (CAP_DROP, ("CAP_MKNOD",)),
    (SECCOMP_PROFILE, "unconfined"),
    (MOUNTS, (Mount("volume", "data", "/data"),)),
)


def _web(directory: Path, base: str = "compose.yaml") -> ContainerFacts:
    labels = {
        "io.podman.compose.project": "shop",
        "io.podman.compose.service": "web",
        "com.docker.compose.project.working_dir": str(directory),
        "com.docker.compose.project.config_files": base,
    }
    return container(*_BEFORE, inspect={"Config": {"Labels": labels}})


def _after(facts: ContainerFacts) -> Spec:
    spec = facts.spec
    changes: tuple[tuple[Option[Any], Any], ...] = (
        (CAP_ADD, ("CAP_CHOWN",)),
        (CAP_DROP, ("CAP_MKNOD", "all")),
        (READ_ONLY, True),
        (SECCOMP_PROFILE, "/p/$HOME.json"),
        (NO_NEW_PRIVILEGES, True),
        (MEMORY, 512 << 20),
        (CPUS, 1.5),
        (USER, "yes"),
        (TMPFS, ("/run:rw,size=64m",)),
        (
            MOUNTS,
            (
                Mount("volume", "data", "/data"),
                Mount("volume", "web-cache", "/cache"),
            ),
        ),
        (NETWORK, ("front",)),
    )
    for option, value in changes:
        spec = spec.with_(option, value)
    return spec


def _merged(base: str, override: str) -> dict[str, Any]:
    compose = importlib.import_module("podman_compose")
    documents = [yaml.safe_load(text) for text in (base, override)]
    merged: dict[str, Any] = compose.rec_merge({}, *documents)
    return merged


def test_podman_compose_reads_in_it_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(BASE)
    facts = _web(tmp_path)
    override = compose_override(facts, _after(facts))
    assert override is not None
    assert (override.name, override.directory, override.why_not) == (
        "compose.override.yaml",
        str(tmp_path),
        "",
    )
    assert override.left_out == ("--network",), "what compose has no key for is told"
    merged = _merged(BASE, override.text)
    assert merged["services"]["db"] == {"image": "postgres"}
    assert merged["volumes"] == {"data": {}, "web-cache": {"name": "web-cache"}}
    assert merged["services"]["web"] == {
        "image": "nginx",
        "read_only": True,
        "user": "yes",
        "mem_limit": "512m",
        "cpus": 1.5,
        "cap_add": ["CAP_CHOWN"],
        "cap_drop": ["MKNOD", "all"],
        "security_opt": ["no-new-privileges", "seccomp=/p/$$HOME.json"],
        "tmpfs": ["/run:rw,size=64m"],
        "volumes": ["data:/data", "web-cache:/cache"],
    }


def test_services_of_one_project_share_the_file_and_one_that_is_not_ours_stays(
    tmp_path: Path,
) -> None:
    (tmp_path / "docker-compose.yml").write_text(BASE)
    facts = _web(tmp_path, "docker-compose.yml")
    (write,), _ = compose_write(facts, facts.spec.with_(READ_ONLY, True))
    assert isinstance(write, WriteFile)
    assert write.path == str(tmp_path / "docker-compose.override.yml"), "as compose looks for it"
    ours = write.content.decode()
    again = compose_override(
        facts,
        facts.spec.with_(USER, "33"),
        ours.replace("web:", "db:"),
    )
    assert again is not None
    assert yaml.safe_load(again.text)["services"] == {
        "db": {"read_only": True},
        "web": {"user": "33"},
    }

    theirs = tmp_path / "docker-compose.override.yml"
    theirs.write_text("services: {web: {ports: [80]}}\n")
    operations, notes = compose_write(facts, facts.spec.with_(READ_ONLY, True))
    assert operations == ()
    assert "is not ours" in notes[0]


@pytest.mark.parametrize(
    "gone",
    ["the file", "the label", "others may write"],
)
def test_it_is_not_written_where_a_label_only_says_that_a_project_is(
    tmp_path: Path,
    gone: str,
) -> None:
    (tmp_path / "compose.yaml").write_text(BASE)
    facts = _web(tmp_path)
    if gone == "the file":
        (tmp_path / "compose.yaml").unlink()
    elif gone == "the label":
        facts = _web(Path("relative"))
    else:
        tmp_path.chmod(0o777)
    operations, notes = compose_write(facts, facts.spec.with_(READ_ONLY, True))
    assert operations == ()
    assert notes[0].startswith("compose up makes it anew without the fixes")
    image = ImageFacts(
        id="i",
        inspect={"Config": {"Labels": dict(facts.labels)}},
    )
    claimed = facts.replace(image=image)
    assert compose_write(claimed, facts.spec.with_(READ_ONLY, True)) == ((), ()), (
        "the image says so"
    )
    plain = container()
    assert compose_write(plain, plain.spec.with_(READ_ONLY, True)) == ((), ())


def test_options_of_the_log_are_kept_where_the_driver_is_that_of_the_first_file() -> None:
    before = Spec.of((LOG_DRIVER, "json-file"))
    part, left_out = service_override(before, before.with_(LOG_OPT, ("max-size=10m",)))
    assert part == {"logging": {"options": {"max-size": "10m"}}}
    assert left_out == ()


def test_sizes_are_written_as_people_do() -> None:
    after = Spec.of((MEMORY, 640 << 20), (MEMORY_SWAP, -1))
    part, _ = service_override(Spec(), after)
    assert part == {"mem_limit": "640m", "memswap_limit": "-1"}


def test_a_plan_is_written_as_an_override(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(BASE)
    facts = _web(tmp_path)
    plan = Plan("web", "nginx", (), (), facts.spec, _after(facts))
    (file,) = compose_draft(facts, plan).files
    assert file.name == "compose.override.yaml"
    assert 'mem_limit: "512m"' in file.text
    with pytest.raises(UsageError):
        compose_draft(facts, None)
