"""Files that leave values open, as Git holds them: only what an open part could turn is unknown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.judging import Judged
from hardentui.model.finding import Finding, Status
from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

SOCKET = "/var/run/docker.sock:/var/run/docker.sock"


def judged(
    folder: Path,
    name: str,
    text: str,
) -> Judged:
    (folder / name).write_text(text)
    (service,) = look(AtRest((str(folder / name),)), date(2026, 1, 1)).services
    return service


def finding(service: Judged, check: str) -> Finding:
    return next(each for each in service.findings if each.check == check)


def compose(lines: str) -> str:
    return f"services:\n  web:\n    image: docker.io/library/nginx:1\n{lines}"


BESIDE = [
    (
        "compose.yaml",
        compose(f'    volumes: ["{SOCKET}", "${{DATA}}/x:/x"]\n'),
        "mounted-engine-socket",
    ),
    ("compose.yaml", compose('    volumes: ["/:/host", "${DATA}/x:/x"]\n'), "sensitive-host-mount"),
    (
        "compose.yaml",
        compose('    cap_add: [SYS_ADMIN, "${CAP}"]\n'),
        "host-takeover-capabilities",
    ),
    ("compose.yaml", compose('    devices: ["/dev/mem:/dev/mem", "${D}"]\n'), "host-devices"),
    (
        "web.container",
        f"[Container]\nImage=docker.io/library/nginx:1\nVolume={SOCKET}\nVolume=${{X}}/x:/x\n",
        "mounted-engine-socket",
    ),
    (
        "web.sh",
        f'podman run -v {SOCKET} -v "$DATA/x:/x" docker.io/library/nginx:1\n',
        "mounted-engine-socket",
    ),
    (
        "web.sh",
        f"podman run $OPTIONS -v {SOCKET} docker.io/library/nginx:1\n",
        "mounted-engine-socket",
    ),
]


@pytest.mark.parametrize(("name", "text", "check"), BESIDE)
def test_a_variable_beside_hides_nothing(
    tmp_path: Path,
    name: str,
    text: str,
    check: str,
) -> None:
    assert finding(judged(tmp_path, name, text), check).status is Status.FAIL


def test_what_the_variable_could_turn_is_unknown_and_names_it(tmp_path: Path) -> None:
    service = judged(tmp_path, "compose.yaml", compose('    volumes: ["${DATA}/x:/x"]\n'))
    open_mount = finding(service, "sensitive-host-mount")
    assert open_mount.status is Status.UNKNOWN
    assert "${DATA}" in open_mount.verdict.reason


def test_what_no_value_could_turn_is_decided(tmp_path: Path) -> None:
    text = compose('    ports: ["127.0.0.1:${PORT}:8080"]\n    mem_limit: ${MEMORY:-64m}\n')
    service = judged(tmp_path, "compose.yaml", text)
    assert finding(service, "wildcard-port").status is Status.PASS
    assert finding(service, "no-memory-limit").status is Status.PASS


def test_options_in_a_variable_leave_what_they_could_protect_unknown(tmp_path: Path) -> None:
    service = judged(tmp_path, "web.sh", "podman run $OPTIONS docker.io/library/nginx:1\n")
    assert finding(service, "no-memory-limit").status is Status.UNKNOWN
    assert finding(service, "mounted-engine-socket").status is Status.UNKNOWN
    service = judged(tmp_path, "web.sh", "podman run $OPTIONS -u 0 docker.io/library/nginx:1\n")
    assert finding(service, "no-memory-limit").status is Status.UNKNOWN


def test_a_password_from_a_variable_is_in_the_environment_like_any_other(tmp_path: Path) -> None:
    text = compose("    environment: {DB_PASSWORD: '${P}', MODE: '${M}'}\n")
    service = judged(tmp_path, "compose.yaml", text)
    assert finding(service, "plaintext-secret-env").status is Status.FAIL


@pytest.mark.parametrize(("name", "text", "check"), BESIDE)
def test_no_value_that_is_only_assumed_is_told(
    tmp_path: Path,
    name: str,
    text: str,
    check: str,
) -> None:
    told = repr([each.verdict for each in judged(tmp_path, name, text).findings])
    assert "correct-horse" not in told


PATHS = compose(
    "    volumes: ['./data/${NAME}:/x', '${D}/y:/y']\n"
    "    env_file: ['${D}/env']\n    secrets: [s]\n    configs: [c]\n"
) + ("secrets: {s: {file: '${DATA}/s'}}\nconfigs: {c: {file: './c/${N}.conf'}}\n")


def test_a_path_that_begins_with_a_variable_gets_no_folder_and_another_one_has_its_own(
    tmp_path: Path,
) -> None:
    """`${DATA}/s` may be absolute; `./data/${NAME}` is below the folder of the file."""
    service = judged(tmp_path, "compose.yaml", PATHS).service
    written = {word.written for each in service.spec.open for word in each.words}
    places = {word.rpartition("=")[2].partition(":")[0] for word in written}
    assert places == {
        f"{tmp_path}/data/${{NAME}}",
        "${D}/y",
        "${D}/env",
        "${DATA}/s",
        f"{tmp_path}/c/${{N}}.conf",
    }


@pytest.mark.parametrize(
    ("lines", "check", "status"),
    [
        ("    mem_limit: 24g\n", "no-memory-limit", Status.UNKNOWN),
        ("    mem_limit: 1g\n", "no-memory-limit", Status.PASS),
        ("    cpus: 2\n", "no-cpu-limit", Status.UNKNOWN),
        ("    cpus: 1.5\n", "no-cpu-limit", Status.PASS),
    ],
)
def test_a_limit_that_a_small_host_does_not_reach_is_unknown(
    tmp_path: Path,
    lines: str,
    check: str,
    status: Status,
) -> None:
    assert finding(judged(tmp_path, "compose.yaml", compose(lines)), check).status is status


def test_a_service_that_is_made_of_a_file_named_by_a_variable(run: Run, tmp_path: Path) -> None:
    """What it writes itself fails and is converted; what the other file could mend is unknown."""
    stack = (
        "services:\n  web:\n    extends: {file: '${ROOT}/base.yml', service: base}\n"
        "    image: docker.io/library/nginx:1.27\n    privileged: true\n"
        "    volumes: ['/var/run/docker.sock:/s']\n  db:\n    image: docker.io/library/redis:7\n"
    )
    code, text = run({"s/compose.yaml": stack}, "check", "./s", "--details")
    assert code == 1
    assert "critical privileged: web:" in text
    assert "critical mounted-engine-socket: web:" in text
    assert "writable-rootfs: web" not in text
    assert "writable-rootfs: db" in text
    assert "${ROOT} may hold --read-only" in text
    _, told = run({}, "fix", "./s", "--to", "quadlet", "-o", "./out")
    unit = (tmp_path / "out/web.container").read_text()
    assert "Volume=/var/run/docker.sock:/s" in unit
    assert "--privileged" in unit
    assert "what ${ROOT}/base.yml gives it is not carried over" in told
    assert "Podman does not report" not in told


def test_a_file_that_is_included_by_a_variable_is_named(run: Run) -> None:
    stack = "include: ['${ROOT}/other.yml']\nservices:\n  web:\n    image: x.example/web:1\n"
    code, text = run({"s/compose.yaml": stack}, "check", "./s")
    assert code == 4
    assert "${ROOT}/other.yml is named by a variable and is not read" in text
