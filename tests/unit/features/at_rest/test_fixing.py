"""`hardentui fix PATH…`: minimal, proven edits that leave everything else byte for byte."""

import difflib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.features.at_rest.test_checking import Run, report, run, service

__all__ = ["run"]

GIT = shutil.which("git") or ""  # of this machine: the tests have no programs in their PATH

QUADLET = """\
# our web server
[Container]
Image=docker.io/library/nginx:1.27
PodmanArgs=--privileged   --cpus=2
Volume=%h/conf:/etc/nginx   
PublishPort=8080:80

[Install]
WantedBy=default.target
"""
COMPOSE = """\
x-env: &env
  MODE: prod   # shared
services:
  web: # the web server
    image: 'nginx:1.27'
    environment:
      <<: *env
    cap_add: [SYS_ADMIN, "NET_ADMIN"]
    ports:
    - "8080:80"  # public
    volumes:
    - ./conf:/etc/nginx   # conf

  # the database
  db:
    image: postgres:17
    privileged: true   # why?
"""


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[:1] in "+-"]


def test_the_diff_is_printed_and_nothing_is_written(
    run: Run,
    tmp_path: Path,
) -> None:
    code, text = run(
        {"q/web.container": QUADLET}, "fix", "./q", "--check", "new-privileges-allowed"
    )
    assert code == 0
    assert "+NoNewPrivileges=true" in text
    assert [line for line in text.splitlines() if line.startswith(("+", "-"))][2:] == [
        "+NoNewPrivileges=true"
    ]
    assert "# new-privileges-allowed: Set no-new-privileges: web" in text
    assert "accepts its keys" in text
    assert (tmp_path / "q/web.container").read_text() == QUADLET


def test_what_may_break_is_not_done_unasked_but_named(run: Run) -> None:
    plain = {"q/web.container": "[Container]\nImage=docker.io/team/web:1.27\n"}
    code, text = run(plain, "fix", "./q")
    assert code == 1
    assert "Nothing is changed" in text
    assert "+++" not in text
    told = {line.partition(":")[0]: line for line in text.splitlines()}
    assert "new-privileges-allowed" in told["--strict also fixes, and may break a service"]
    by_name = next(line for line in text.splitlines() if line.startswith("only by name"))
    assert "no-cpu-limit" in by_name
    assert "no-memory-limit" in by_name
    assert "also fixes" not in run(plain, "fix", "./q", "--all")[1]
    named = run(plain, "fix", "./q", "--check", "no-cpu-limit")[1]
    assert "also fixes" not in named
    assert "--cpus=1.5 is a suggestion" in named


def test_a_quadlet_is_changed_in_place_with_a_backup(
    run: Run,
    tmp_path: Path,
) -> None:
    code, text = run(
        {"q/web.container": QUADLET},
        "fix",
        "q",
        "--all",
        "--in-place",
        "--podman-version",
        "5.8",
    )
    assert code == 0, text
    after = (tmp_path / "q/web.container").read_text()
    gone = [line for line in changed(QUADLET, after) if line.startswith("-")]
    assert gone == ["- PodmanArgs=--privileged   --cpus=2", "- Volume=%h/conf:/etc/nginx   "]
    assert "PodmanArgs=--cpus=2" in after
    assert "Volume=%h/conf:/etc/nginx:" in after
    backups = [path for path in (tmp_path / "q").iterdir() if path.name != "web.container"]
    assert [path.read_text() for path in backups] == [QUADLET]
    web = service(report(run, {}, "q"), "web")
    for check in (
        "privileged",
        "writable-rootfs",
        "default-capabilities-kept",
    ):
        assert check in web["passed"], check


def test_the_version_decides_which_keys_exist(run: Run) -> None:
    files = {"q/web.container": QUADLET}
    _, old = run(
        files,
        "fix",
        "q",
        "--check",
        "no-memory-limit",
        "--podman-version",
        "4.9",
    )
    _, new = run(
        files,
        "fix",
        "q",
        "--check",
        "no-memory-limit",
        "--podman-version",
        "5.8",
    )
    _, usual = run(
        files,
        "fix",
        "q",
        "--check",
        "no-memory-limit",
    )
    assert "+PodmanArgs=--memory=512m" in old
    assert "+Memory=512m" in new
    assert "+PodmanArgs=--memory=512m" in usual
    hinted = {"q/web.container": "# hardentui: podman 5.8\n" + QUADLET}
    assert (
        "+Memory=512m"
        in run(
            hinted,
            "fix",
            "q",
            "--check",
            "no-memory-limit",
        )[1]
    )


def test_a_drop_in_that_sets_an_option_is_changed_where_it_is(
    run: Run,
    tmp_path: Path,
) -> None:
    files = {
        "q/web.container": QUADLET.replace("--privileged", "--init"),
        "q/web.container.d/x.conf": "[Container]\nAddCapability=SYS_ADMIN\n",
    }
    run(
        files,
        "fix",
        "q",
        "--check",
        "host-takeover-capabilities",
        "--in-place",
    )
    assert "SYS_ADMIN" not in (tmp_path / "q/web.container.d/x.conf").read_text()
    assert (tmp_path / "q/web.container").read_text() == files["q/web.container"]


def test_a_compose_file_keeps_comments_order_anchors_and_quotes(
    run: Run,
    tmp_path: Path,
) -> None:
    code, text = run(
        {"s/compose.yaml": COMPOSE},
        "fix",
        "s",
        "--all",
        "--in-place",
    )
    assert code == 0, text
    after = (tmp_path / "s/compose.yaml").read_text()
    gone = [line[2:] for line in changed(COMPOSE, after) if line.startswith("- ")]
    assert gone == [
        '    cap_add: [SYS_ADMIN, "NET_ADMIN"]',
        "    - ./conf:/etc/nginx   # conf",
        "    privileged: true   # why?",
    ]
    assert any(line.startswith("    - ./conf:/etc/nginx:") for line in after.splitlines()), after
    assert after.count("   # conf") == 1
    document = report(run, {}, "s")
    for name in ("web", "db"):
        passed = service(document, name)["passed"]
        for check in (
            "writable-rootfs",
            "default-capabilities-kept",
            "privileged",
        ):
            assert check in passed, (name, check)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_letters_and_line_ends_of_others_stay(
    run: Run,
    tmp_path: Path,
    ends: str,
) -> None:
    text = (
        "# caf\u00e9 \U0001f433\nservices:\n  web: {image: a}\n  db: # \U0001f433\n    image: b\n"
    )
    text = text.replace("\n", ends)
    (tmp_path / "s").mkdir()
    (tmp_path / "s/compose.yaml").write_bytes(text.encode())
    run(
        {},
        "fix",
        "s",
        "--check",
        "no-memory-limit",
        "--in-place",
    )
    after = (tmp_path / "s/compose.yaml").read_bytes().decode()
    assert after == text + f"    mem_limit: 512m{ends}"


def test_what_an_anchor_shares_is_not_changed_for_others(
    run: Run,
    tmp_path: Path,
) -> None:
    text = """\
x-base: &base
  image: docker.io/nginx:1
  cap_add: [SYS_ADMIN]
services:
  a: {<<: *base}
  b:
    <<: *base
    read_only: true
"""
    code, output = run(
        {"s/compose.yaml": text}, "fix", "s", "--check", "host-takeover-capabilities"
    )
    assert code == 1
    assert "a, b: not changed: host-takeover-capabilities" in output
    assert (tmp_path / "s/compose.yaml").read_text() == text


@pytest.mark.skipif(not GIT, reason="git is not installed")
def test_what_git_holds_gets_no_backup_in_its_work_tree(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that differs from HEAD, or that Git does not know, keeps its backup."""

    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run([GIT, *who, *words], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "q").mkdir()
    for name in ("kept", "changed"):
        (tmp_path / f"q/{name}.container").write_text(QUADLET)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "units")
    (tmp_path / "q/changed.container").write_text(f"{QUADLET}# mine\n")
    monkeypatch.setenv("PATH", str(Path(GIT).parent))
    code, text = run({"q/untracked.container": QUADLET}, "fix", "q", "--all", "--in-place")
    assert code == 0, text
    backups = {path.name for path in (tmp_path / "q").iterdir() if ".bak" in path.name}
    assert backups == {"changed.container.bak", "untracked.container.bak"}
    assert (tmp_path / "q/kept.container").read_text() != QUADLET
    assert "q/kept.container: the previous file is the one of Git's HEAD" in text
    assert "previous file: " in next(
        line for line in text.splitlines() if "changed.container: " in line and ".bak" in line
    )


def test_a_service_that_another_extends_is_not_changed_for_both(
    run: Run,
    tmp_path: Path,
) -> None:
    text = "services:\n  a: &a\n    image: docker.io/nginx:1\n  b:\n    <<: *a\n    user: '5'\n"
    _, output = run(
        {"s/compose.yaml": text}, "fix", "s", "--check", "no-memory-limit", "--in-place"
    )
    assert "shares it, by an anchor or extends" in output
    after = (tmp_path / "s/compose.yaml").read_text()
    assert after == text.rstrip() + "\n    mem_limit: 512m\n"


def test_a_service_of_an_included_file_is_changed_there(
    run: Run,
    tmp_path: Path,
) -> None:
    files = {
        "s/compose.yaml": "include: [web.yaml]\nservices:\n  other: {image: b}\n",
        "s/web.yaml": COMPOSE,
    }
    run(
        files,
        "fix",
        "s",
        "--check",
        "no-memory-limit",
        "--in-place",
    )
    assert (tmp_path / "s/compose.yaml").read_text() == files["s/compose.yaml"]
    assert (tmp_path / "s/web.yaml").read_text().count("mem_limit: 512m") == 2


def test_a_fix_is_made_whole_or_not_at_all(run: Run) -> None:
    """Capabilities dropped without those that the service needs would break it."""
    text = COMPOSE.replace(
        'cap_add: [SYS_ADMIN, "NET_ADMIN"]',
        "cap_add: &c [SYS_ADMIN]",
    )
    text += "    cap_add: *c\n"
    _, output = run(
        {"s/compose.yaml": text},
        "fix",
        "s",
        "--check",
        "default-capabilities-kept",
    )
    for part in output.split("not changed"):
        assert "cap_drop" not in part or "cap_add" in part


def test_two_units_that_make_one_service_are_left(run: Run) -> None:
    files = {"q/web.container": QUADLET, "q/web.kube": "[Kube]\nYaml=web.yaml\n"}
    _, text = run(
        files,
        "fix",
        "q",
        "--check",
        "new-privileges-allowed",
    )
    assert "Another unit of its folder makes a service of the same name" in text


SCRIPT = """\
#!/bin/sh
IMAGE=docker.io/a/b:1
# first
podman run -d --name a -v "$HOME/x:/y" \\
    --privileged -p 8080:80 \\
    "$IMAGE" sleep 1   # trailing
sudo docker run --rm --cap-add SYS_ADMIN docker.io/c/d:2 'echo hi'
"""


def test_a_command_of_a_script_is_changed_and_nothing_else(
    run: Run,
    tmp_path: Path,
) -> None:
    checks = (
        "--check",
        "privileged",
        "--check",
        "host-takeover-capabilities",
        "--check",
        "no-memory-limit",
    )
    code, text = run(
        {"q/start.sh": SCRIPT},
        "fix",
        "q",
        *checks,
        "--in-place",
    )
    assert code == 0, text
    after = SCRIPT.replace(
        "--privileged -p 8080:80 \\\n",
        "-p 8080:80 \\\n    --memory=512m \\\n",
    )
    after = after.replace("--cap-add SYS_ADMIN docker", "--memory=512m docker")
    assert (tmp_path / "q/start.sh").read_text() == after


def test_what_docker_lacks_or_a_variable_says_is_left(run: Run) -> None:
    files = {"q/start.sh": "docker run --name a -v $A:/x docker.io/c/d:2\n"}
    _, text = run(
        files,
        "fix",
        "q",
        "--check",
        "unhealthy",
        "--check",
        "writable-mount",
    )
    assert "+" not in text.replace("a/", "")


@pytest.mark.parametrize("option", ["--plan", "--trial"])
def test_what_belongs_to_a_container_is_refused_for_files(
    run: Run,
    option: str,
) -> None:
    code, text = run(
        {"q/web.container": QUADLET},
        "fix",
        "q",
        option,
        "x.toml",
    )
    assert (code, "belong to a container" in text) == (2, True)


def test_a_container_still_needs_a_choice(run: Run) -> None:
    code, text = run({}, "fix", "web")
    assert (code, "Name the fixes" in text) == (2, True)


KUBE = """\
# the shop
apiVersion: v1
kind: Pod
metadata:
  name: shop
spec:
  containers:
    - image: docker.io/team/web:1.27   # web
    - name: db
      image: docker.io/team/db:17
      securityContext:
        privileged: true # why?
        allowPrivilegeEscalation: true
        capabilities:
          add: [SYS_ADMIN, NET_ADMIN]
      resources:
        limits:
          cpu: "2"
  securityContext:
    runAsUser: 0
"""


def test_a_container_of_a_pod_is_changed_and_nothing_else(
    run: Run,
    tmp_path: Path,
) -> None:
    wanted = (
        "new-privileges-allowed",
        "privileged",
        "host-takeover-capabilities",
        "no-memory-limit",
    )
    checks = [word for check in wanted for word in ("--check", check)]
    code, text = run(
        {"pod.yaml": KUBE},
        "fix",
        "./pod.yaml",
        "--in-place",
        *checks,
    )
    assert code == 0, text
    assert changed(KUBE, (tmp_path / "pod.yaml").read_text()) == [
        "+       securityContext:",
        "+         allowPrivilegeEscalation: false",
        "+       resources:",
        "+         limits:",
        "+           memory: 512Mi",
        "-         privileged: true # why?",
        "-         allowPrivilegeEscalation: true",
        "+         allowPrivilegeEscalation: false",
        "-           add: [SYS_ADMIN, NET_ADMIN]",
        "+           add: [NET_ADMIN]",
        "+           memory: 512Mi",
    ]


def test_a_user_of_a_pod_must_be_chosen(
    run: Run,
    tmp_path: Path,
) -> None:
    _, text = run(
        {"pod.yaml": KUBE},
        "fix",
        "./pod.yaml",
        "--in-place",
        "--check",
        "root-user",
    )
    assert "the user to run as must be chosen" in text
    assert (tmp_path / "pod.yaml").read_text() == KUBE


OF_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  hostPID: true
  securityContext:
    seccompProfile: {type: Unconfined}
  containers:
    - name: web
      image: docker.io/team/web:1.27
      volumeMounts:
        - {name: data, mountPath: /tmp}
    - name: db
      image: docker.io/team/db:17
  volumes:
    - name: data
      emptyDir: {}
"""


def test_what_a_pod_decides_is_fixed_for_all_or_in_each_container(
    run: Run,
    tmp_path: Path,
) -> None:
    """The root is read-only with what Podman keeps writable in memory, which a cluster does not."""
    wanted = ("host-pid", "seccomp-unconfined", "writable-rootfs")
    checks = [word for check in wanted for word in ("--check", check)]
    code, text = run(
        {"pod.yaml": OF_POD},
        "fix",
        "./pod.yaml",
        "--in-place",
        *checks,
    )
    assert code == 0, text
    context = [
        "+       securityContext:",
        "+         readOnlyRootFilesystem: true",
        "+         seccompProfile:",
        "+           type: RuntimeDefault",
    ]
    in_memory = [f"db-{name}" for name in ("run", "tmp", "var-tmp")]
    assert changed(OF_POD, (tmp_path / "pod.yaml").read_text()) == [
        "-   hostPID: true",
        "+         - {name: web-run, mountPath: /run}",
        "+         - {name: web-var-tmp, mountPath: /var/tmp}",
        *context,
        *context,
        "+       volumeMounts:",
        "+         - {name: db-run, mountPath: /run}",
        "+         - {name: db-tmp, mountPath: /tmp}",
        "+         - {name: db-var-tmp, mountPath: /var/tmp}",
        *(
            f"+     - {{name: {name}, emptyDir: {{medium: Memory}}}}"
            for name in ("web-run", "web-var-tmp", *in_memory)
        ),
    ]
    _, text = run({}, "check", "./pod.yaml", "--details")
    assert not any(f" {check}: " in text for check in wanted), text
