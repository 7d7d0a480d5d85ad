"""What an entry knows is used by fixes and checks: memory, secrets, ports for administrators."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.checks import CHECKS
from hardentui.checks.prelude import container
from hardentui.errors import CannotFix
from hardentui.features.applications.loading import Library
from hardentui.features.at_rest.checking import AtRest, look
from hardentui.harden.remedy import remedied
from hardentui.model.application import Family
from hardentui.model.check import FixContext, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Severity, Status, Verdict
from hardentui.model.spec import Spec
from hardentui.options import ENV, MEMORY, MOUNTS, SECRETS
from hardentui.reading.applications import AskedImage
from hardentui.reading.containers import is_root, known_application

_MIB = 1 << 20


def of_image(image: str, options: str = "", **more: Any) -> ContainerFacts:
    return container(
        f"{options} docker.io/{image}".strip(),
        application=Library().find(AskedImage(f"docker.io/{image}")),
        **more,
    )


def fixed(check: str, facts: ContainerFacts, **chosen: str) -> Spec:
    values = {**CHECKS[check].parameters, **chosen}
    context = FixContext(facts, Parameters(values), chosen=frozenset(chosen))
    return remedied(CHECKS[check], facts.spec, context)


def judged(check: str, facts: ContainerFacts) -> Verdict:
    return CHECKS[check].verdict(facts, Parameters(CHECKS[check].parameters))


def test_no_memory_limit_is_proposed_below_the_floor() -> None:
    assert fixed("no-memory-limit", of_image("library/postgres:17"))[MEMORY] == 512 * _MIB
    assert fixed("no-memory-limit", of_image("library/nextcloud:31"))[MEMORY] >= 512 * _MIB
    assert fixed("no-memory-limit", of_image("library/sonarqube:25"))[MEMORY] > 512 * _MIB


def test_a_limit_that_somebody_chose_is_taken() -> None:
    facts = of_image("library/sonarqube:25")
    assert fixed("no-memory-limit", facts, memory="200m")[MEMORY] == 200 * _MIB


def test_a_limit_below_the_floor_is_told() -> None:
    below = judged("no-memory-limit", of_image("library/postgres:17", "--memory=64m"))
    assert below.status is Status.PASS
    told = " ".join(str(evidence) for evidence in below.evidence)
    assert "it needs at least 256m of memory, declared by the known application postgres" in told
    enough = judged("no-memory-limit", of_image("library/postgres:17", "--memory=1g"))
    assert "needs at least" not in " ".join(map(str, enough.evidence))


@pytest.mark.parametrize(
    ("image", "port", "severity"),
    [
        ("library/traefik:3", "8080:8080", Severity.MEDIUM),
        ("library/phpmyadmin:5", "8081:80", Severity.MEDIUM),
        ("prom/alertmanager:v0.28.1", "9093:9093", Severity.MEDIUM),
        ("library/rabbitmq:4", "15672:15672", Severity.HIGH),
    ],
)
def test_a_port_for_administrators_is_judged(image: str, port: str, severity: Severity) -> None:
    verdict = judged("exposed-admin-port", of_image(image, f"-p {port}"))
    assert verdict.status is Status.FAIL
    assert (verdict.severity or CHECKS["exposed-admin-port"].severity) is severity
    inside = judged("exposed-admin-port", of_image(image, f"-p 127.0.0.1:{port}"))
    assert inside.status is Status.PASS


def test_a_port_for_clients_is_not() -> None:
    facts = of_image("library/traefik:3", "-p 80:80 -p 443:443")
    assert judged("exposed-admin-port", facts).status is Status.PASS


def test_a_secret_of_a_known_application_becomes_a_file() -> None:
    facts = of_image(
        "library/postgres:17", "--name db -e POSTGRES_PASSWORD=correct-horse -e TZ=UTC"
    )
    after = fixed("plaintext-secret-env", facts)
    (secret,) = after[SECRETS]
    name = secret.partition(",")[0]
    assert secret == f"{name},type=mount,uid=999,mode=0400"
    assert [*after[ENV]] == ["TZ=UTC", f"POSTGRES_PASSWORD_FILE=/run/secrets/{name}"]
    assert judged("plaintext-secret-env", facts.planned(after)).status is Status.PASS


def test_a_secret_that_the_engine_does_not_have_is_made_first() -> None:
    facts = of_image("library/postgres:17", "-e POSTGRES_PASSWORD=correct-horse", secret_drivers={})
    with pytest.raises(CannotFix, match="there is no engine secret") as error:
        fixed("plaintext-secret-env", facts)
    assert "podman secret create" in str(error.value.hint)


@pytest.mark.parametrize(
    ("image", "variable"),
    [("library/postgres:17", "MY_API_KEY"), ("library/redis:7", "REDIS_PASSWORD")],
)
def test_a_variable_that_the_entry_does_not_name_stays(image: str, variable: str) -> None:
    with pytest.raises(CannotFix):
        fixed("plaintext-secret-env", of_image(image, f"-e {variable}=correct-horse-7"))


def test_no_file_is_told_where_the_entry_says_that_there_is_none() -> None:
    facts = of_image("library/rabbitmq:4", "-e RABBITMQ_DEFAULT_PASS=correct-horse")
    commands = judged("plaintext-secret-env", facts).commands
    assert any("type=env" in command for command in commands)
    assert not any("_FILE" in command for command in commands)


def test_an_image_is_explained_by_its_tag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "docker.io/library/postgres:17-alpine"]) == 0
    assert "it can start as 70:70" in capsys.readouterr().out
    assert main(["explain", "docker.io/somebody/thing:1"]) == 3
    assert "No known application has the image" in capsys.readouterr().err


VARIED = [family for family in Library().all() if len(family.variants) > 1]


@pytest.mark.parametrize("family", VARIED, ids=lambda family: str(family.name))
def test_what_is_told_of_an_open_tag_holds_for_every_tag(family: Family) -> None:
    told = family.of_any_tag
    for each in (variant.application for variant in family.variants):
        own = each.capabilities.start
        assert told.capabilities.start is None or {*(own or ())} <= {*told.capabilities.start}
        known_to_need = own is not None or not is_root(each.user.image)
        assert told.capabilities.start is None or known_to_need
        assert told.user.image in ("", each.user.image)
        assert told.user.start_as in ("", each.user.start_as)
        assert told.root.works is not True or each.root.works
        assert told.health.command in ("", each.health.command)
        assert told.stop.seconds >= each.stop.seconds
        assert {path.path for path in told.path} <= {path.path for path in each.path}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx:${TAG}", "nginx"),
        ("nginx:1.27-${FLAVOUR}", "nginx"),
        ("docker.io/library/postgres:$PG", "postgres"),
        ("redis@${DIGEST}", "redis"),
        ("registry.example:5000/grafana/grafana:${V:?say it}", "grafana"),
        ("nginx${SUFFIX}", ""),
        ("${REPOSITORY}/nginx:1", ""),
        ("somebody/${NAME}:1", ""),
    ],
)
def test_an_application_is_known_where_only_its_tag_is_open(
    tmp_path: Path,
    image: str,
    name: str,
) -> None:
    (tmp_path / "compose.yaml").write_text(f'services: {{it: {{image: "{image}"}}}}')
    (judged,) = look(AtRest((str(tmp_path),)), date(2026, 12, 1)).services
    application = known_application(judged.facts)
    assert (application.name if application is not None else "") == name


def test_an_ordinary_user_needs_no_capability_whatever_the_tag_is() -> None:
    """The users of its tags differ, none is root."""
    known = Library().find(AskedImage(f"docker.io/prom/prometheus@sha256:{'ab' * 32}"))
    assert known is not None
    assert known.user.image == ""
    assert known.capabilities.start == ()


def test_a_postgres_of_an_unknown_tag_gets_no_user() -> None:
    """That of Alpine is another one than that of Debian."""
    (family,) = (family for family in VARIED if family.name == "postgres")
    facts = container("docker.io/library/postgres:1", application=family.of_any_tag)
    with pytest.raises(CannotFix):
        fixed("root-user", facts)


@pytest.mark.parametrize(
    ("image", "options", "after"),
    [
        (
            "library/nginx:1.27",
            "-v /srv/c:/etc/nginx/conf.d -v /srv/w:/usr/share/nginx/html",
            "ro ro",
        ),
        ("prom/prometheus:v3.1.0", "-v /srv/p.yml:/etc/prometheus/prometheus.yml:Z", "Z,ro"),
        ("library/postgres:17", "-v /srv/i:/docker-entrypoint-initdb.d", "ro"),
        # its entry point fills templates in there
        (
            "library/nginx:1.27",
            "-v /srv/t:/etc/nginx/templates -v /srv/c:/etc/nginx/conf.d",
            "ro nodev,noexec,nosuid",
        ),
        ("library/nginx:1.27", "-v /srv/nginx:/etc", "nodev,noexec,nosuid"),
        ("library/postgres:17", "-v /srv/d:/var/lib/postgresql/data", "nodev,noexec,nosuid"),
    ],
)
def test_what_it_only_reads_is_mounted_read_only(image: str, options: str, after: str) -> None:
    facts = of_image(image, options)
    mounts = fixed("writable-mount", facts)[MOUNTS]
    assert sorted(",".join(mount.options) for mount in mounts) == sorted(after.split())


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ("-v /srv/c:/etc/nginx/conf.d", True),
        ("-v /srv/c:/etc/nginx/conf.d:rw", False),  # somebody said so
        ("-v /srv/c:/etc/nginx/conf.d -v /srv/cache:/srv/cache", False),
    ],
)
def test_it_is_a_default_fix_where_the_entry_knows_all_mounts(
    options: str,
    taken: bool,
    tmp_path: Path,
) -> None:
    file = tmp_path / "web.sh"
    file.write_text(f"podman run -d --name web {options} docker.io/library/nginx:1.27\n")
    assert main(["fix", str(file), "--in-place", "--quiet"]) == 0
    assert ("/etc/nginx/conf.d:ro" in file.read_text()) is taken
