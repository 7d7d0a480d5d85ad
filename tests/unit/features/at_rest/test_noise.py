"""What is no finding of a file, and what is told although it is low."""

import re
from itertools import takewhile

import pytest

from hardentui.checks import all_checks
from tests.unit.features.at_rest.test_checking import Run, finding, report, run, service

__all__ = ["run"]

COMPOSE = "services:\n  web:\n    image: nginx:1.27\n"


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("s/compose.yaml", COMPOSE, "not-applicable"),
        ("s/podman-compose.yaml", COMPOSE, "fail"),
        ("s/run.sh", "docker run --name web nginx:1.27\n", "not-applicable"),
        ("s/run.sh", "podman run --name web nginx:1.27\n", "fail"),
        ("s/web.container", "[Container]\nImage=nginx:1.27\n", "fail"),
    ],
)
def test_docker_has_one_registry_for_short_names(
    run: Run,
    name: str,
    text: str,
    status: str,
) -> None:
    web = service(report(run, {name: text}, "s"), "web")
    failing = [each["check"] for each in web["findings"] if each["status"] == "fail"]
    assert ("short-image-name" in failing) == (status == "fail")
    assert ("short-image-name" in web["not_applicable"]) == (status != "fail")


@pytest.mark.parametrize(
    ("tag", "moves"),
    [
        ("latest", True),
        ("stable-alpine", True),
        ("dev", True),
        ("1.29-alpine", False),
        ("v2-develop", False),
        ("alpine", False),
    ],
)
def test_a_tag_that_moves_is_told(run: Run, tag: str, moves: bool) -> None:
    files = {"s/compose.yaml": f"services:\n  web:\n    image: docker.io/library/web:{tag}\n"}
    said = run(files, "check", "./s")[1]
    assert (f"mutable-image-tag: web: the tag {tag} moves" in said) is moves


def test_what_is_not_decided_takes_three_lines_and_names_as_many_checks_as_it_counts(
    run: Run,
) -> None:
    variables = '    user: "${WHO}"\n    cap_add: ["${CAP}"]\n    volumes: ["${DATA}:/data"]\n'
    ports = '    ports: ["${PORT}:80"]\n    pid: "${PROCESSES}"\n'
    _, text = run({"s/compose.yaml": COMPOSE + variables + ports}, "check", "./s", "--details")
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("Only the image, "))
    count = re.search(r"can tell (\d+) checks", " ".join(lines[first : first + 2]))
    assert count is not None
    listed = list(takewhile(lambda line: not line.startswith("Exit code"), lines[first + 1 :]))
    assert sum(re.match(r"  \S", line) is not None for line in listed) == 3, text
    checks = {check.id for check in all_checks()}
    named = [word for word in re.findall(r"[a-z-]+", "\n".join(listed)) if word in checks]
    assert (len(named), len(set(named))) == (int(count[1]), int(count[1])), text
    for variable in ("WHO", "CAP", "DATA", "PORT", "PROCESSES"):
        assert text.count(f"${{{variable}}}") == 1, text


@pytest.mark.parametrize(
    "path",
    ["%h/.config/containers/volumes/db", "%h/.config/containers/storage/app", "%h/data"],
)
def test_a_directory_of_container_data_is_no_sensitive_place(run: Run, path: str) -> None:
    unit = f"[Container]\nImage=docker.io/library/web:1\nVolume={path}:/data\n"
    web = service(report(run, {"q/web.container": f"# hardentui: rootless\n{unit}"}, "q"), "web")
    assert "sensitive-host-mount" in web["passed"]


@pytest.mark.parametrize(
    "path",
    ["%h/.config/containers", "%h/.config/containers/systemd", "%h/.config/containers/auth.json"],
)
def test_the_configuration_of_the_engine_is_one(run: Run, path: str) -> None:
    unit = f"[Container]\nImage=docker.io/library/web:1\nVolume={path}:/data\n"
    web = service(report(run, {"q/web.container": f"# hardentui: rootless\n{unit}"}, "q"), "web")
    assert finding(web, "sensitive-host-mount")["status"] == "fail"


def test_a_writable_log_directory_is_no_takeover(run: Run) -> None:
    unit = "[Container]\nImage=docker.io/library/web:1\nVolume=/var/log:/var/log\n"
    web = service(report(run, {"q/web.container": f"# hardentui: rootful\n{unit}"}, "q"), "web")
    told = finding(web, "sensitive-host-mount")
    assert told["status"] == "fail"
    assert told["severity"] != "critical"
    assert web["level"] != "takeover"


def test_what_most_services_have_alike_is_told_once(run: Run) -> None:
    unit = "[Container]\nImage=docker.io/library/web:1\n"
    files = {f"q/w{number}.container": unit for number in range(8)}
    files["q/w0.container"] += "PodmanArgs=--privileged\nPodmanArgs=--memory=64m\n"
    said = run(files, "check", "./q")[1]
    assert said.count("no-memory-limit") == 1
    assert "7 of 8 services: medium no-memory-limit: " in said
    assert "./q/w0.container:3:12: critical privileged: " in said
    assert run(files, "check", "./q", "--details")[1].count(" no-memory-limit: ") == 7
    few = {name: files[name] for name in list(files)[1:5]}
    assert run(few, "check", *(f"./{name}" for name in few))[1].count(" no-memory-limit: ") == 4


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("POSTGRES_PASSWORD=${DB_PASSWORD}", False),
        ("JAVA_OPTS=${OPTS}", True),  # may hold -Xmx
    ],
)
def test_an_open_variable_stands_in_the_way_of_the_fixes_that_it_may_decide(
    run: Run,
    variable: str,
    told: bool,
) -> None:
    text = f"services:\n  db:\n    image: x.example/db:1\n    environment: ['{variable}']\n"
    said = run({"s/compose.yaml": text}, "fix", "./s", "--check", "no-memory-limit")[1]
    assert ("not changed: no-memory-limit: " in said) is told
    assert ("+    mem_limit: 512m" in said) is not told
