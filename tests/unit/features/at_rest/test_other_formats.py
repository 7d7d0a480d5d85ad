"""Compose files, run commands and Kubernetes YAML at rest."""

from pathlib import Path

import pytest

from hardentui.features.at_rest.checking import read_services
from hardentui.features.at_rest.services import Service
from hardentui.features.at_rest.sources import find
from hardentui.model.known import Unread
from hardentui.options import *
from tests.unit.features.at_rest.test_checking import Run, finding, report, run, service

__all__ = ["run"]

COMPOSE = """\
x-hard: &hard
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
services:
  web:
    <<: *hard
    image: docker.io/library/nginx:${TAG:-1.27}
    # hardentui: accept wildcard-port until 2999-01 because it is public
    ports:
      - "8080:80"
    volumes:
      - ./html:/usr/share/nginx/html:ro
      - data:/data
    environment:
      DB_PASSWORD: ${PASSWORD}
      MODE: prod
    mem_limit: 64m
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost/"]
  db:
    extends: {file: base.yaml, service: base}
    image: docker.io/library/postgres:17
    user: "999"
    privileged: true
    network_mode: host
volumes:
  data:
"""
BASE = """\
services:
  base:
    image: x
    read_only: true
"""


def services(
    tmp_path: Path,
    files: dict[str, str],
    *paths: str,
) -> dict[str, Service]:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    groups = [*read_services(find([str(tmp_path / path) for path in paths or (".",)]))]
    assert not [refused for group in groups for refused in group.refused]
    return {each.name: each for group in groups for each in group.services}


def test_a_compose_service_has_the_options_of_podman(tmp_path: Path) -> None:
    files = {"compose.yaml": COMPOSE, "base.yaml": BASE, ".env": "PASSWORD='hunter 2'\n"}
    web = services(tmp_path, files)["web"].spec
    assert web[IMAGE] == "docker.io/library/nginx:1.27"
    assert [name.lower() for name in web[CAP_DROP]] == ["all"]
    assert web[NO_NEW_PRIVILEGES] is True
    assert web[MEMORY] == 64 << 20
    assert [port.argument() for port in web[PUBLISH]] == ["8080:80"]
    assert {*web[ENV]} == {"DB_PASSWORD=hunter 2", "MODE=prod"}
    assert web[HEALTH_CMD] == "curl -f http://localhost/"
    project = tmp_path.name.lower()
    assert (f"{tmp_path}/html", ("ro",)) in [(mount.source, mount.options) for mount in web[MOUNTS]]
    assert any(mount.source.endswith("_data") and mount.type == "volume" for mount in web[MOUNTS])
    assert web[NETWORK][0].endswith("_default")
    assert project


def test_extends_reads_a_file_below_the_folder_and_the_last_word_counts(tmp_path: Path) -> None:
    db = services(tmp_path, {"compose.yaml": COMPOSE, "base.yaml": BASE})["db"].spec
    assert (db[IMAGE], db[USER], db[READ_ONLY]) == ("docker.io/library/postgres:17", "999", True)
    assert db[NETWORK] == ("host",)


def test_an_override_is_merged_in_a_folder_and_files_named_together_are(tmp_path: Path) -> None:
    base = "services:\n  web:\n    image: docker.io/a:1\n    ports: ['80:80']\n"
    over = "services:\n  web:\n    read_only: true\n    ports: ['81:81']\n"
    web = services(
        tmp_path,
        {"compose.yaml": base, "compose.override.yaml": over},
    )["web"]
    assert web.spec[READ_ONLY] is True
    assert len(web.spec[PUBLISH]) == 2
    assert web.where(READ_ONLY)[0].span.file.name == "compose.override.yaml"
    (tmp_path / "other").mkdir()
    named = services(
        tmp_path / "other",
        {"compose.yaml": base, "compose.prod.yaml": over},
        "compose.yaml",
        "compose.prod.yaml",
    )
    assert named["web"].spec[READ_ONLY] is True


def test_a_named_file_is_what_its_text_says(tmp_path: Path) -> None:
    stack = "services: {web: {image: docker.io/a:1, read_only: true}}\n"
    assert services(tmp_path, {"stack.yml": stack}, "stack.yml")["web"].spec[READ_ONLY] is True


def test_an_included_file_is_part_of_the_stack(tmp_path: Path) -> None:
    base = "include:\n  - path: more/db.yaml\nservices: {web: {image: docker.io/a:1}}\n"
    (tmp_path / "more").mkdir()
    more = "services: {db: {image: docker.io/b:1, read_only: true}}\n"
    made = services(
        tmp_path,
        {"compose.yaml": base, "more/db.yaml": more},
        "compose.yaml",
    )
    assert made.keys() == {"web", "db"}
    assert made["db"].spec[READ_ONLY] is True


def test_findings_of_compose_stand_at_their_keys(run: Run) -> None:
    document = report(
        run,
        {"s/compose.yaml": COMPOSE, "s/base.yaml": BASE},
        "s",
    )
    db, web = service(document, "db"), service(document, "web")
    assert finding(db, "privileged")["line"] == 24
    assert finding(db, "host-network")["line"] == 25
    assert finding(web, "wildcard-port")["status"] == "waived"
    assert finding(web, "plaintext-secret-env")["line"] == 15
    assert "new-privileges-allowed" in web["passed"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("services: {a: {image: x, extends: a}}\n", "in a circle"),
        ("include: [compose.yaml]\nservices: {a: {image: x}}\n", "in a circle"),
        ("a: &a [*b]\nb: &b [*a]\n", "not YAML"),
        ("a: &a\n  b: *a\nservices: {x: {image: y}}\n", "contains itself"),
        (
            "services: " + "[" * 5000 + "]" * 5000,
            "nested too deeply",
        ),
        ("services:\n  a:\n   - :\n  b", "not YAML"),
        (
            "x0: &x0 [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"x{n}: &x{n} [{','.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 9))
            + "services: {a: {image: x}}\n",
            "values, counting its aliases",
        ),
        (
            "services: {a: {extends: {file: ../../../etc/passwd, service: a}}}\n",
            "outside the given paths",
        ),
    ],
)
def test_hostile_yaml_ends_in_one_line(
    run: Run,
    text: str,
    why: str,
) -> None:
    code, output = run(
        {"q/compose.yaml": text, "q/web.container": "[Container]\nImage=a\n"}, "check", "q"
    )
    lines = [line for line in output.splitlines() if line.startswith("q/compose.yaml: not checked")]
    assert len(lines) == 1, output
    assert why in lines[0]
    assert code == 4
    assert "1 service in 1 file" in output


SCRIPT = """\
#!/bin/sh
IMAGE=docker.io/library/nginx
if true; then  # start it, "quoted
    podman run -d --name web --read-only \\
        -p 127.0.0.1:80:80 "$IMAGE:1" nginx -g 'daemon off;' && echo done
fi
sudo docker run --rm $MORE -e PASSWORD=hunter22 --user=5 docker.io/library/redis
podman pull docker.io/library/redis
"""


def test_run_commands_of_a_script_are_services(tmp_path: Path) -> None:
    made = services(tmp_path, {"start.sh": SCRIPT})
    web, redis = made["web"].spec, made["line 7"].spec
    assert set(made) == {"web", "line 7"}
    assert (web[IMAGE], web[READ_ONLY], web[COMMAND]) == (
        "docker.io/library/nginx:1",
        True,
        ("nginx", "-g", "daemon off;"),
    )
    assert (redis[IMAGE], redis[USER]) == ("docker.io/library/redis", "5")
    assert {ENV, MEMORY} <= redis.unknowable, "$MORE may hold them"
    span = made["web"].where(READ_ONLY)[0].span
    assert SCRIPT[span.start : span.end] == "--read-only"


WORDS = """\
OPTS="--memory 1g --read-only"
MORE=(
  --cap-drop all   # none
  --name "the db"
)
MORE+=(--pids-limit 9)
podman run $OPTS "${MORE[@]}" docker.io/x/y:1 sleep 1
cat <<'EOF'
podman run --privileged an-example
EOF
podman run "$@" docker.io/x/z:1
podman run -d $IMAGE sleep 1
"""


@pytest.mark.parametrize(
    "line",
    [
        "for i in 1 2; do podman run --privileged x; done",
        "if ! podman run --privileged x; then exit; fi",
        "start() { podman run --privileged x; }",
        "ID=$(podman run --privileged x)",
        'echo "$(id -u) $(podman run --privileged x)"',
        "ID=`docker run --privileged x`",
        "sudo -u bob podman run --privileged x",
        "timeout 60 podman run --privileged x",
    ],
)
def test_a_run_command_is_found_wherever_a_script_has_it(run: Run, line: str) -> None:
    document = report(run, {"s/start.sh": f"#!/bin/sh\n{line}\n"}, "./s")
    told = finding(service(document, "line 2"), "privileged")
    assert (told["status"], told["line"]) == ("fail", 2)
    assert told["column"] == line.index("--privileged") + 1
    fixed = run({}, "fix", "./s", "--check", "privileged")[1]
    assert f"+{line.replace(' --privileged', '')}\n" in fixed


def test_a_compose_file_may_be_json(run: Run) -> None:
    text = '{"services": {"web": {"image": "x.example/a:1", "privileged": true}}}'
    document = report(run, {"compose.json": text}, "./compose.json")
    assert finding(service(document, "web"), "privileged")["status"] == "fail"


def test_words_in_variables_count_and_what_only_the_shell_knows_is_open(tmp_path: Path) -> None:
    made = services(tmp_path, {"start.sh": WORDS})
    assert made.keys() == {"the db", "line 11", "line 12"}
    db = made["the db"].spec
    assert (
        db[MEMORY],
        db[READ_ONLY],
        db[CAP_DROP],
        db[PIDS_LIMIT],
    ) == (1 << 30, True, ("all",), 9)
    assert (db[IMAGE], db[COMMAND]) == ("docker.io/x/y:1", ("sleep", "1"))
    with pytest.raises(Unread):
        made["line 11"].spec[READ_ONLY]
    assert (
        made["line 12"].spec[READ_ONLY],
        made["line 12"].spec[COMMAND],
    ) == (
        False,
        ("sleep", "1"),
    )


KUBE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      securityContext: {runAsUser: 7}
      containers:
        - name: web
          image: docker.io/nginx:1
          ports: [{containerPort: 80, hostPort: 8080}]
          resources: {limits: {memory: 128Mi, cpu: 500m}}
          securityContext:
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts: [{name: etc, mountPath: /host, readOnly: true}]
      volumes: [{name: etc, hostPath: {path: /etc}}]
---
kind: ConfigMap
"""


def test_kubernetes_yaml_is_read_as_podman_plays_it(
    run: Run,
    tmp_path: Path,
) -> None:
    (tmp_path / "k").mkdir()
    web = services(tmp_path / "k", {"shop.yaml": KUBE})["web"]
    assert (web.spec[USER], web.spec[MEMORY], web.spec[READ_ONLY]) == ("7", 128 << 20, True)
    told = service(report(run, {}, "k"), "web")
    assert finding(told, "sensitive-host-mount")["line"] == 16
    assert "no-memory-limit" in told["passed"]
