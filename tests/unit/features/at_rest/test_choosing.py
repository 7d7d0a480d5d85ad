"""What `fix` at rest does unasked, what it only does when asked, and what it says of it."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from hardentui.checks import all_checks
from hardentui.features.at_rest.browsing import FilesLook, Services
from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.fixing import Fixed, fix_all
from hardentui.features.at_rest.heads import DiffHead
from hardentui.model.plan import Caution
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import CAP_ADD, MOUNTS, NETWORK, RESTART, USER
from tests.unit.features.at_rest.stacks import EXAMPLES, TODAY, write
from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

QUADLET = """\
[Container]
Image=docker.io/library/web:1
Network=host
# sudo needs it
NoNewPrivileges=false
PublishPort=8080:80

[Service]
Restart=always
"""
_FIXED = ("fix", "./s", "--check", "writable-rootfs", "--in-place")
INVENTED = ("--cpus", "--memory", "--pids-limit", "--ulimit", "--shm-size")


def fixed(folder: Path, caution: Caution) -> list[tuple[str, Spec, Spec]]:
    """Of each changed service of a folder: its name, its spec before and after the fixes."""
    looked = look(AtRest((str(folder),)), TODAY)
    return [
        (each.service.name, each.service.spec.literal, each.taken[-1].after)
        for each in fix_all(looked, Wanted((), caution), Version(5, 8))
        if each.taken
    ]


@pytest.mark.parametrize("caution", list(Caution))
@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_no_level_takes_a_restart_away_or_invents_a_limit(
    tmp_path: Path,
    example: str,
    caution: Caution,
) -> None:
    for name, before, after in fixed(write(tmp_path, example), caution):
        assert before[RESTART] == after[RESTART], name
        for option in after.settings:
            if option.flag in INVENTED:
                assert before[option] == after[option], (name, option.flag)


@pytest.mark.parametrize("caution", list(Caution))
@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_what_a_fix_names_is_defined(
    tmp_path: Path,
    example: str,
    caution: Caution,
) -> None:
    """A network that a service newly joins has a unit or stands in the file."""
    folder = write(tmp_path, example)
    looked = look(AtRest((str(folder),)), TODAY)
    for each in fix_all(looked, Wanted((), caution), Version(5, 8)):
        if not each.taken:
            continue
        service = each.service
        new = {*each.taken[-1].after[NETWORK]} - {*service.spec.literal[NETWORK]}
        written = "\n".join(text for path, text in each.files.items() if path.endswith(".network"))
        for network in new:
            assert network in service.networks or f"NetworkName={network}" in written


def test_the_three_levels_by_their_names(run: Run) -> None:
    files = {"s/compose.yaml": EXAMPLES["notes"], "s/web.container": QUADLET}
    said = {word: run(files, "fix", "./s", word) for word in ("--recommended", "--strict")}
    assert said["--recommended"] == run(files, "fix", "./s")
    assert said["--strict"] == run(files, "fix", "./s", "--all")
    assert said["--strict"] != said["--recommended"]


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_each_level_makes_what_the_one_before_makes(tmp_path: Path, example: str) -> None:
    look_at = FilesLook((str(write(tmp_path, example)),), "")
    services = look_at.workbench().containers
    assert isinstance(services, Services)
    made: dict[tuple[str, str], set[str]] = {}
    for level in Caution:
        for each in services.fixed(Wanted((), level))[0]:
            key = (each.service.file.path, each.service.name)
            assert made.get(key, set()) <= {*each.made}, level.level
            made[key] = {*each.made}


def test_nothing_that_stands_in_a_file_is_replaced_unasked(run: Run) -> None:
    code, text = run({"q/web.container": QUADLET}, "fix", "./q")
    assert code == 1, text
    assert "Nothing is changed" in text


SPELLED_OUT = {
    "web.container": "[Container]\nImage=x.example/web:1\nReadOnly=false\nNoNewPrivileges=false\n",
    "web.service": (
        "[Service]\nExecStart=/usr/bin/podman run --read-only=false --pid=host x.example/web:1\n"
    ),
    "compose.yaml": "services:\n  web:\n    image: x.example/web:1\n    read_only: false\n",
}
"""Defaults that somebody wrote down, and a namespace of the host."""
MEANT = (
    "ReadOnly=false",
    "NoNewPrivileges=false",
    "--read-only=false",
    "--pid=host",
    "read_only: false",
)


@pytest.mark.parametrize("name", SPELLED_OUT)
@pytest.mark.parametrize("level", ["--safe", "--recommended", "--strict"])
def test_no_level_replaces_a_default_that_is_spelled_out_or_what_names_its_need(
    run: Run,
    name: str,
    level: str,
) -> None:
    files = {f"q/{name}": SPELLED_OUT[name]}
    _, said = run(files, "fix", "./q", level, "--podman-version", "5.4")
    lines = said.splitlines()
    lost = "\n".join(line for line in lines if line.startswith("-"))
    added = "\n".join(line for line in lines if line.startswith("+"))
    for word in MEANT:
        assert word not in lost or word in added
    _, said = run(files, "fix", "./q", "--check", "writable-rootfs", "--podman-version", "5.4")
    assert "it replaces" in said, "by name it is made"


def test_what_is_replaced_is_told_with_the_comment_beside(run: Run) -> None:
    named = ("--check", "new-privileges-allowed", "--podman-version", "5.8")
    _, text = run({"q/web.container": QUADLET}, "fix", "./q", *named)
    head = text[text.index("# new-priv") : text.index("---")]
    assert "web: it replaces NoNewPrivileges=false (./q/web.container:5)" in head
    assert 'beside it stands: "sudo needs it"' in head
    assert "Programs that need those bits" in head


def test_what_is_removed_is_not_said_to_be_replaced(run: Run) -> None:
    unit = "Volume=/run/podman/podman.sock:/run/podman/podman.sock\nPublishPort=0.0.0.0:8443:8443\n"
    files = {"q/web.container": f"[Container]\nImage=x.example/web:1\n{unit}"}
    named = ("--check", "mounted-engine-socket", "--check", "wildcard-port")
    text = run(files, "fix", "./q", *named)[1]
    assert "web: it removes Volume=/run/podman/podman.sock:/run/podman/podman.sock (" in text
    assert "web: it replaces PublishPort=0.0.0.0:8443:8443 (./q/web.container:4)" in text


def test_what_is_replaced_in_a_command_is_told_as_the_argument_alone(run: Run) -> None:
    script = (
        "podman run -d --name db \\\n  --security-opt=no-new-privileges=false --network \\\n"
        "    host --privileged docker.io/library/web:1\n"
    )
    named = (
        "--check",
        "new-privileges-allowed",
        "--check",
        "privileged",
        "--check",
        "host-network",
    )
    text = run({"q/run.sh": script}, "fix", "./q", *named)[1]
    assert "db: it replaces --security-opt=no-new-privileges=false (./q/run.sh:2)" in text
    assert "db: it removes --privileged (./q/run.sh:3)" in text or (
        "db: it replaces --privileged (./q/run.sh:3)" in text
    )


def head_of(fixed: Iterable[Fixed], *, explained: bool) -> list[str]:
    head = DiffHead(explained=explained)
    for each in fixed:
        head.add([each])
    return [*head.lines()]


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_the_head_of_a_diff_is_short_and_names_each_fix_and_what_it_replaces(
    run: Run,
    tmp_path: Path,
    example: str,
) -> None:
    folder = write(tmp_path, example)
    fixed = fix_all(look(AtRest((str(folder),)), TODAY), Wanted((), Caution.ALL), Version(5, 8))
    head = head_of(fixed, explained=False)
    checks = {taken.check.id for each in fixed for taken in each.taken}
    to_weigh = {text for each in fixed for taken in each.taken for text in taken.to_weigh}
    assert {line.partition(":")[0] for line in head if not line.startswith(" ")} >= checks
    assert len(head) <= 5 * len(checks) + 3 * len(to_weigh) + 1
    joined = " ".join(" ".join(head).split())
    assert all(" ".join(text.split()) in joined for text in to_weigh)
    assert len(head_of(fixed, explained=True)) >= len(head) - 1


def test_what_fails_because_of_a_variable_alone_is_not_said_to_be_fixed(tmp_path: Path) -> None:
    text = "services: {db: {image: postgres:17, environment: {POSTGRES_PASSWORD: '${DB}'}}}"
    (tmp_path / "compose.yaml").write_text(text)
    looked = look(AtRest((str(tmp_path),)), TODAY)
    (fixed,) = fix_all(looked, Wanted((), Caution.ALL), Version(5, 8))
    failing = {finding.check for finding in looked.services[0].findings if finding.failing}
    assert "plaintext-secret-env" in failing
    assert "plaintext-secret-env" not in fixed.made


def test_a_network_that_a_fix_names_gets_its_unit(run: Run) -> None:
    files = {"q/web.container": QUADLET}
    _, text = run(files, "fix", "./q", "--check", "host-network", "--podman-version", "5.8")
    assert "+Network=web-net.network" in text
    assert "+++ b/q/web-net.network" in text
    assert "+NetworkName=web-net" in text


def test_a_volume_that_a_fix_names_gets_its_unit(run: Run) -> None:
    """Caddy writes its certificates into /data, says its entry."""
    files = {"q/web.container": "[Container]\nImage=docker.io/library/caddy:2.8\n"}
    _, text = run(files, "fix", "./q", "--check", "writable-rootfs", "--podman-version", "5.8")
    assert "+Volume=web-data-data.volume:/data" in text
    assert "+VolumeName=web-data-data" in text
    assert "the volume at /data is new and starts empty" in text


@pytest.mark.parametrize(
    ("above", "below", "after"),
    [
        ("", "", "\nvolumes:\n  web-data-data:\n  web-config-data:\n"),
        ("", "volumes:\n  old:\n", "volumes:\n  old:\n  web-data-data:\n  web-config-data:\n"),
        (
            "volumes:\n  old: {}\n",
            "",
            "  old: {}\n  web-data-data:\n  web-config-data:\nservices:\n",
        ),
    ],
)
def test_a_volume_that_a_fix_names_is_declared_in_the_compose_file(
    run: Run,
    tmp_path: Path,
    above: str,
    below: str,
    after: str,
) -> None:
    """Without the declaration, compose refuses the file; two stacks share no volume."""
    stack = f"{above}services:\n  web:\n    image: docker.io/library/caddy:2.8\n{below}"
    _, told = run({"s/compose.yaml": stack}, *_FIXED)
    text = (tmp_path / "s/compose.yaml").read_text()
    assert after in text, told
    assert "- web-data-data:/data\n" in text
    service = next(iter(look(AtRest((str(tmp_path / "s"),)), TODAY).services)).service
    assert {mount.source for mount in service.spec[MOUNTS]} == {
        "s_web-data-data",
        "s_web-config-data",
    }
    assert {*service.volumes} >= {"s_web-data-data", "s_web-config-data"}
    assert run({}, *_FIXED)[1].count("web-data") == 0
    assert (tmp_path / "s/compose.yaml").read_text() == text


CADDIES = """\
services:
  a:
    image: docker.io/library/caddy:2.8


  # the other one
  b:
    image: docker.io/library/caddy:2.8

"""


@pytest.mark.parametrize("below", ["", "volumes:\n  old:\n\n# the end\n", "networks:\n  n:\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_volumes_of_several_services_are_declared_together_and_no_line_is_lost(
    run: Run,
    tmp_path: Path,
    below: str,
    line_end: str,
) -> None:
    stack = (CADDIES + below).replace("\n", line_end)
    (tmp_path / "s").mkdir()
    (tmp_path / "s/compose.yaml").write_bytes(stack.encode())
    run({}, *_FIXED)
    text = (tmp_path / "s/compose.yaml").read_bytes().decode()
    new = iter(text.split(line_end))
    assert all(line in new for line in stack.rstrip().split(line_end)), text
    assert text.count("volumes:") == 3
    declared = ["a-data-data", "a-config-data", "b-data-data", "b-config-data"]
    names = [line.strip(" :") for line in text.split(line_end) if line.endswith("-data:")]
    assert sorted(names) == sorted(declared)
    assert "\n" not in text.replace("\r\n", "") or line_end == "\n"


def test_a_volume_is_declared_in_the_file_of_its_service(run: Run, tmp_path: Path) -> None:
    """Also where other files of the stack declare some, above and below its own place."""
    caddy = "services:\n  {}:\n    image: docker.io/library/caddy:2.8\n{}"
    files = {
        "s/compose.yaml": "include: [a.yaml, b.yaml]\n" + caddy.format("c", "volumes:\n  old:\n"),
        "s/a.yaml": "volumes:\n  first:\n" + caddy.format("a", "networks:\n  n:\n"),
        "s/b.yaml": "# of b\n" * 20 + caddy.format("b", ""),
    }
    _, told = run(files, *_FIXED)
    for name in ("a", "b"):
        text = (tmp_path / f"s/{name}.yaml").read_text()
        assert f"  {name}-data-data:\n" in text, told
        assert f"- {name}-data-data:/data\n" in text
    assert "  c-data-data:\n" in (tmp_path / "s/compose.yaml").read_text()
    services = look(AtRest((str(tmp_path / "s"),)), TODAY).services
    assert {judged.service.name for judged in services} == {"a", "b", "c"}
    assert len({mount.source for each in services for mount in each.service.spec[MOUNTS]}) == 6


def test_a_default_with_a_colon_hinders_no_fix_of_a_mount(run: Run, tmp_path: Path) -> None:
    """And the spelling stays, without quotes."""
    stack = (
        "services:\n  web:\n    image: docker.io/library/nginx:1.27\n    volumes:\n"
        "      - ${BASE:-/srv}/x:/usr/share/nginx/html\n      - ${A:-${B:-/b}}/x:/data:rw\n"
    )
    _, told = run(
        {"s/compose.yaml": stack}, "fix", "./s", "--check", "writable-mount", "--in-place"
    )
    text = (tmp_path / "s/compose.yaml").read_text()
    assert "- ${BASE:-/srv}/x:/usr/share/nginx/html:ro\n" in text, told
    assert "- ${A:-${B:-/b}}/x:/data:rw,nodev,noexec,nosuid\n" in text


def test_what_depends_on_a_missing_environment_file_says_so(run: Run) -> None:
    stack = "services:\n  web:\n    image: docker.io/library/redis:7\n    env_file: [conf/.env]\n"
    _, told = run({"s/compose.yaml": stack}, "fix", "./s", "--check", "no-memory-limit")
    assert "the environment file .env is not here" in told
    assert "do not set .env" not in told


def test_where_the_volumes_are_in_braces_nothing_is_changed(run: Run, tmp_path: Path) -> None:
    stack = "services:\n  web:\n    image: docker.io/library/caddy:2.8\nvolumes: {old: {}}\n"
    _, told = run({"s/compose.yaml": stack}, *_FIXED)
    assert "it needs the volume web-" in told
    assert (tmp_path / "s/compose.yaml").read_text() == stack


def test_where_no_unit_can_name_the_network_nothing_is_changed(run: Run) -> None:
    files = {"q/web.container": QUADLET}
    code, text = run(files, "fix", "./q", "--check", "host-network", "--podman-version", "4.4")
    assert code == 1
    assert "has no unit for a network of that name" in text


def test_a_script_names_no_network_that_nobody_makes(run: Run) -> None:
    files = {"q/run.sh": "podman run -d --name web --network host -p 80:80 docker.io/a/b:1\n"}
    code, text = run(files, "fix", "./q", "--check", "host-network")
    assert code == 1
    assert "it needs the network web-net, which this file does not define" in text


def test_a_service_of_compose_goes_back_to_the_network_of_its_project(
    run: Run,
    tmp_path: Path,
) -> None:
    files = {
        "s/compose.yaml": (
            "services:\n"
            "  web:\n"
            "    image: docker.io/a/b:1\n"
            "    network_mode: host\n"
            "    ports: ['80:80']\n"
        )
    }
    code, text = run(files, "fix", "./s", "--check", "host-network", "--in-place")
    assert code == 0, text
    after = (tmp_path / "s/compose.yaml").read_text()
    assert after == files["s/compose.yaml"].replace("    network_mode: host\n", "")


def test_a_restart_policy_is_only_changed_by_name(run: Run) -> None:
    files = {
        "s/compose.yaml": "services:\n  web:\n    image: docker.io/a/b:1\n    restart: always\n"
    }
    assert "on-failure" not in run(files, "fix", "./s", "--all")[1]
    _, text = run(files, "fix", "./s", "--check", "unbraked-restart")
    assert "+    restart: on-failure:5" in text
    assert "stays down after a successful exit" in text


def test_every_fix_of_a_check_can_be_told() -> None:
    """The head of a diff quotes what may break; every check that fixes says so."""
    assert all(check.section("What may break") for check in all_checks() if check.remediate)


def test_a_mount_whose_source_is_a_variable_may_belong_to_anybody(tmp_path: Path) -> None:
    """Only root in the entry point gives a directory of the host to the database."""
    service = "  {}:\n    image: postgres:16\n    volumes: ['{}:/var/lib/postgresql/data']\n"
    sources = {"host": "./data", "variable": "${DATA}", "volume": "pg", "default": "${X:-pg}"}
    text = "".join(service.format(name, source) for name, source in sources.items())
    (tmp_path / "compose.yaml").write_text(f"services:\n{text}volumes: {{pg: {{}}}}\n")
    users = {name: after[USER] for name, _, after in fixed(tmp_path, Caution.ALL)}
    assert users == {"host": "", "variable": "", "volume": "999:999", "default": "999:999"}


def test_a_port_of_the_host_that_is_a_variable_hinders_no_fix(tmp_path: Path) -> None:
    """Which capabilities are needed depends on the number in the container; where that is open too,
    they stay."""
    service = "  {}:\n    image: nginx:1.27\n    ports: {}\n"
    ports = {
        "host": '["${ADDR}:${PORT:?set it}:80"]',
        "both": '["${PORT}:443/tcp", "${X}"]',
        "none": '["8080:80"]',
    }
    text = "".join(service.format(name, each) for name, each in ports.items())
    (tmp_path / "compose.yaml").write_text(f"services:\n{text}")
    kept = {name: after[CAP_ADD] for name, _, after in fixed(tmp_path, Caution.LIKELY)}
    assert kept["host"] == kept["none"]
    assert not kept.get("both")
    assert any(each.endswith("NET_BIND_SERVICE") for each in kept["host"])


def test_what_another_project_extends_is_not_changed_for_itself_alone(run: Run) -> None:
    """The base alone may run as the owner of a volume; what is made of it has a directory of the
    host, which root owns."""
    base = "services:\n  db:\n    image: docker.io/library/postgres:16\n"
    files = {
        "s/base/compose.yaml": base,
        "s/app/compose.yaml": "services:\n  db:\n    extends:\n      file: ../base/compose.yaml\n"
        "      service: db\n    volumes: [/srv/db:/var/lib/postgresql/data]\n",
    }
    said = run(files, "fix", "./s")[1]
    assert "./s/base/compose.yaml: db: not changed: ./s/app/compose.yaml extends it" in said
    assert "+++ b/s/app/compose.yaml" in said
    assert "+++ b/s/base/compose.yaml" not in said
    alone = run({}, "fix", "./s/base")[1]
    assert "+++ b/s/base/compose.yaml" in alone


def test_what_is_off_in_kubernetes_yaml_stays_off_unless_it_is_named(run: Run) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: db\n"
        "    image: docker.io/library/postgres:16\n    securityContext:\n"
        "      readOnlyRootFilesystem: false\n      allowPrivilegeEscalation: true\n"
    )
    said = run({"k/pod.yaml": pod}, "fix", "./k", "--strict")[1]
    assert "allowPrivilegeEscalation: false" not in said
    assert "readOnlyRootFilesystem: true" not in said
    named = ("--check", "new-privileges-allowed", "--check", "writable-rootfs")
    said = run({}, "fix", "./k", *named)[1]
    assert "+      allowPrivilegeEscalation: false\n" in said
    assert "db: it replaces readOnlyRootFilesystem: false (./k/pod.yaml:9)" in said
