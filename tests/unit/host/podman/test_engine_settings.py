"""What the engine's user has set: defaults of all containers, the policy of images, registries."""

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.host.podman.trust import read_trust
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import Severity, Verdict
from hardentui.model.podman_version import Version
from tests.support.judging import judge
from tests.support.rooted import Rooted

CONF = "/etc/containers/containers.conf"
PASSWD = (
    "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n"
    "ben:x:1001:1001::/home/ben:/bin/sh\n"
)


def judged(
    files: Rooted,
    check_id: str,
    uid: int = 0,
) -> Verdict:
    files.put("/etc/passwd", PASSWD)
    files.put("/etc/group", "root:x:0:\nanna:x:1000:\nben:x:1001:\n")
    home = "/home/anna" if uid else "/root"
    trust = read_trust(
        files,
        home=home,
        uid=uid,
        version=Version(5, 4, 2),
    )
    return judge(check_id, EngineFacts(trust=trust))


@pytest.mark.parametrize(
    ("content", "severity"),
    [
        (
            '[containers]\nannotations = ["run.oci.seccomp_bpf_data=BgAAAAAA/38="]\n',
            Severity.HIGH,
        ),
        (
            '[containers]\nannotations = ["run.oci.keep_original_groups=1"]\n',
            Severity.HIGH,
        ),
        ('[containers]\nannotations = ["org.example.team=web"]\n', None),
        (
            '[containers]\nenv = ["PATH=/bin", "DB_PASSWORD=hunter2hunter2"]\n',
            Severity.HIGH,
        ),
        (
            '[containers]\nenv = ["PATH=/bin", "DB_PASSWORD_FILE=/run/secrets/db"]\n',
            None,
        ),
        (
            '[engine]\nenv = ["https_proxy=http://me:hunter2@proxy:3128"]\n',
            Severity.HIGH,
        ),
        (
            '[containers]\ndefault_sysctls = ["kernel.msgmax=65536"]\n',
            Severity.MEDIUM,
        ),
        ('[containers]\ndefault_sysctls = ["net.ipv4.ping_group_range=0 0"]\n', None),
        ("[containers]\npids_limit = 0\n", Severity.MEDIUM),
        ("[containers]\npids_limit = -1\n", Severity.MEDIUM),
        ("[containers]\npids_limit = 512\n", None),
        (
            '[containers]\ncgroups = "disabled"\n',
            Severity.MEDIUM,
        ),
        ('[containers]\numask = "0000"\n', Severity.MEDIUM),
        ('[containers]\numask = "0027"\n', None),
        ('[network]\nfirewall_driver = "none"\n', Severity.HIGH),
    ],
)
def test_defaults_of_all_containers(
    tmp_path: Path,
    content: str,
    severity: Severity | None,
) -> None:
    files = Rooted(tmp_path)
    files.put(CONF, content)
    verdict = judged(files, "weak-engine-defaults")
    assert (verdict.status, verdict.severity) == ("fail" if severity else "pass", severity)
    assert "hunter2" not in str(verdict)


ACCEPT = [{"type": "insecureAcceptAnything"}]
SIGNED = [{"type": "sigstoreSigned", "keyPath": "/etc/k.pub"}]


@pytest.mark.parametrize(
    ("transports", "expected", "severity"),
    [
        ({"docker": {"": ACCEPT}}, "fail", None),
        ({"docker": {"": SIGNED}}, "pass", None),
        ({"docker": {"quay.io": ACCEPT}}, "pass", None),
        ({"docker": {"*.io": ACCEPT}}, "fail", None),
        ({"atomic": {"": ACCEPT}}, "fail", None),
        ({"docker-archive": {"": ACCEPT}}, "fail", Severity.LOW),
        ({"docker-daemon": {"": ACCEPT}}, "pass", None),
        ({"docker": {"": [*ACCEPT, *SIGNED]}}, "pass", None),
    ],
)
def test_a_scope_that_holds_a_whole_transport(
    tmp_path: Path,
    transports: Any,
    expected: str,
    severity: Severity | None,
) -> None:
    files = Rooted(tmp_path)
    document = {
        "default": [{"type": "reject"}],
        "transports": transports,
    }
    files.put("/etc/containers/policy.json", json.dumps(document))
    verdict = judged(files, "insecure-default-policy")
    assert (verdict.status, verdict.severity) == (expected, severity)


def test_passwords_of_registries_are_as_open_as_all_directories_above_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    files = Rooted(tmp_path)
    place = files.put(
        "/root/.config/containers/auth.json", '{"auths": {"quay.io": {"auth": "c2VjcmV0"}}}'
    )
    place.chmod(0o644)
    assert judged(files, "exposed-registry-credentials").status == "fail"
    (tmp_path / "root").chmod(0o700)
    assert judged(files, "exposed-registry-credentials").status == "pass"
    (tmp_path / "root").chmod(0o755)
    place.chmod(0o640)
    assert judged(files, "exposed-registry-credentials").status == "pass"  # of root's own group
