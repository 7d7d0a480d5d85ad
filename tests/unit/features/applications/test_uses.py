"""What an entry knows is used by fixes and checks: memory, secrets, ports for administrators."""

from __future__ import annotations

from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.checks import CHECKS
from hardentui.checks.prelude import container
from hardentui.errors import CannotFix
from hardentui.features.applications.loading import Library
from hardentui.harden.remedy import remedied
from hardentui.model.check import FixContext, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Severity, Status, Verdict
from hardentui.model.spec import Spec
from hardentui.options import ENV, MEMORY, SECRETS
from hardentui.reading.applications import AskedImage

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
