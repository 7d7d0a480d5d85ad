"""`rule_for` against the real image library: skopeo pulls from a real registry under many policies."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hardentui.features.trust.proof import tiny_registry
from hardentui.features.trust.rule_keys import key_of_nobody
from hardentui.features.trust.sandbox import sandbox
from hardentui.host.files import LocalFiles
from hardentui.host.podman.trust import parse_policy, read_trust
from hardentui.model.known import Unread
from hardentui.model.podman_version import Version
from hardentui.model.trust import Policy, Rule, TrustFacts, rule_for
from hardentui.model.trust_change import PullVerdict, RuleKind
from tests.conftest import cannot_run
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

ACCEPT, REJECT = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]


@dataclass(frozen=True)
class Source:
    """A registry on this machine with a signed image `team/foo:1` and an unsigned one
    `plain/foo:1`."""

    directory: Path
    port: int

    def copy(self, *arguments: str, policy: Path | None = None) -> bool:
        chosen = ["--policy", str(policy)] if policy else ["--insecure-policy"]
        sections = ["--registries.d", str(self.directory / "registries.d")]
        command = ["skopeo", *chosen, *sections, "copy", *arguments]
        return (
            subprocess.run(
                command,
                capture_output=True,
                timeout=60,
                check=False,
            ).returncode
            == 0
        )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    for program, package in (
        ("skopeo", "skopeo"),
        ("docker-registry", "docker-registry"),
    ):
        if not shutil.which(program):
            cannot_run(
                f"{program} is missing; run: sudo apt-get install --no-install-recommends {package}"
            )
    directory = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "blobs")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (directory / "config.yml").write_text(json.dumps(settings))
    server = subprocess.Popen(
        [
            "docker-registry",
            "serve",
            str(directory / "config.yml"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not eventually(lambda: _listens(port)):
            cannot_run("docker-registry does not start here")
        yield _filled(Source(directory, port))
    finally:
        server.terminate()
        server.wait(60)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _filled(source: Source) -> Source:
    directory = source.directory
    (directory / "pass").write_text("not-a-secret\n")
    generate = [
        "skopeo",
        "generate-sigstore-key",
        "--output-prefix",
        "key",
        "--passphrase-file",
        "pass",
    ]
    subprocess.run(
        generate,
        cwd=directory,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (directory / "registries.d").mkdir()
    section = f"docker:\n  127.0.0.1:{source.port}:\n    use-sigstore-attachments: true\n"
    (directory / "registries.d" / "here.yaml").write_text(section)
    layout = _image_layout(directory / "layout")
    signing = [
        f"--sign-by-sigstore-private-key={directory}/key.private",
        f"--sign-passphrase-file={directory}/pass",
    ]
    for name, options in (("team", signing), ("plain", [])):
        target = f"docker://127.0.0.1:{source.port}/{name}/foo:1"
        assert source.copy(
            "--dest-tls-verify=false",
            *options,
            f"oci:{layout}",
            target,
        )
    return source


def _image_layout(directory: Path) -> Path:
    """The smallest image: an OCI layout with an empty layer."""
    (directory / "blobs" / "sha256").mkdir(parents=True)

    def blob(content: bytes, media: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (directory / "blobs" / "sha256" / digest).write_bytes(content)
        kind = f"application/vnd.oci.image.{media}"
        return {
            "mediaType": kind,
            "digest": f"sha256:{digest}",
            "size": len(content),
        }

    layer = blob(bytes(1024), "layer.v1.tar")
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": rootfs,
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": [layer],
    }
    index = {
        "schemaVersion": 2,
        "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")],
    }
    (directory / "index.json").write_text(json.dumps(index))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return directory


SCOPES = (
    "HOST/team/foo:1",
    "HOST/team/foo",
    "HOST/team",
    "HOST/tea",
    "HOST",
    "127.0.0.1",
    "*.0.0.1",
    "*.0.1",
    "*.127.0.0.1",
    "",
)


@pytest.mark.parametrize("scope", SCOPES)
def test_the_rule_that_we_name_is_the_one_that_decides(
    scope: str,
    source: Source,
    tmp_path: Path,
) -> None:
    host = f"127.0.0.1:{source.port}"
    signed = [
        {
            "type": "sigstoreSigned",
            "keyPath": f"{source.directory}/key.pub",
        }
    ]
    policy_file = tmp_path / "policy.json"
    for name in ("team", "plain"):
        reference = f"{host}/{name}/foo:1"
        for default, inner in ((ACCEPT, REJECT), (REJECT, ACCEPT), (REJECT, signed)):
            document = {
                "default": default,
                "transports": {"docker": {scope.replace("HOST", host): inner}},
            }
            policy_file.write_text(json.dumps(document))
            policy = parse_policy(policy_file.read_text(), str(policy_file))
            assert isinstance(policy, Policy)
            rule = rule_for(TrustFacts(policy=policy), reference)
            assert isinstance(rule, Rule)
            accepted = source.copy(
                "--src-tls-verify=false",
                "--remove-signatures",
                f"docker://{reference}",
                f"dir:{tmp_path}/pulled",
                policy=policy_file,
            )
            assert accepted == (not rule.rejects and (not rule.verifies or name == "team")), (
                rule.explanation
            )


def test_our_reading_of_the_settings_agrees_that_attachments_are_on(
    source: Source,
    tmp_path: Path,
) -> None:
    directory = tmp_path / ".config" / "containers"
    directory.mkdir(parents=True)
    (directory / "registries.d").symlink_to(source.directory / "registries.d")
    facts = read_trust(
        LocalFiles(),
        home=str(tmp_path),
        uid=1000,
        version=Version(5, 4, 2),
    )
    section = facts.attachment_for(f"127.0.0.1:{source.port}/team/foo")
    assert not isinstance(section, Unread)
    assert section is not None
    assert section.enabled


@pytest.mark.parametrize("program", ["podman", "skopeo"])
def test_podman_and_skopeo_give_the_same_verdicts_in_the_sandbox(
    program: str,
    source: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not shutil.which(program):
        cannot_run(f"{program} is missing")
    monkeypatch.setattr(
        "hardentui.features.trust.sandbox.puller",
        lambda: program,
    )
    host = f"127.0.0.1:{source.port}"
    settings = tmp_path / ".config" / "containers"
    settings.mkdir(parents=True)
    insecure = f'[[registry]]\nlocation = "{host}"\ninsecure = true\n'
    (settings / "registries.conf").write_text(insecure)
    (settings / "policy.json").write_text(
        json.dumps({"default": REJECT})
    )  # must not be the one that decides
    sections = {"here.yaml": (source.directory / "registries.d" / "here.yaml").read_text()}
    signed = [
        {
            "type": "sigstoreSigned",
            "keyPath": f"{source.directory}/key.pub",
        }
    ]
    other = [
        {
            "type": "sigstoreSigned",
            "keyPath": key_of_nobody(RuleKind.SIGSTORE, str(tmp_path)),
        }
    ]

    def verdict(
        rule: object,
        name: str,
        texts: Mapping[str, str] = sections,
        leads_to: str = "",
    ) -> PullVerdict:
        policy = json.dumps(
            {
                "default": REJECT,
                "transports": {"docker": {f"{host}/team": rule, "x.invalid": rule}},
            }
        )
        pull = box.pull(name, policy, texts, leads_to)
        assert program in pull.by
        assert (pull.output == "") is (pull.verdict is PullVerdict.ACCEPTED)
        return pull.verdict

    with sandbox(str(tmp_path), (), threading.Event()) as box:
        team = f"{host}/team/foo:1"
        assert verdict(signed, team) is PullVerdict.ACCEPTED
        assert verdict(other, team) is PullVerdict.WRONG_KEY
        assert verdict(signed, team, {}) is PullVerdict.UNSIGNED, "attachments are off"
        assert verdict(signed, f"{host}/plain/foo:1") is PullVerdict.REJECTED
        assert (
            verdict(
                signed,
                "x.invalid/some/foo:1",
                sections,
                f"{host}/plain/foo",
            )
            is PullVerdict.UNSIGNED
        )
        assert (
            verdict(
                signed,
                "x.invalid/some/foo:1",
                sections,
                f"{host}/team/foo",
            )
            is PullVerdict.WRONG_IDENTITY
        )
        assert verdict(signed, f"{host}/team/absent:1") is PullVerdict.UNKNOWN
        directory = box.directory
    assert not Path(directory).exists()


def test_the_tiny_registry_has_an_image_under_every_name_that_can_be_pulled(tmp_path: Path) -> None:
    if not shutil.which("skopeo"):
        cannot_run("skopeo is missing; run: sudo apt-get install --no-install-recommends skopeo")
    with tiny_registry() as here:
        for name in ("a/b/c:tag", "x:latest"):
            command = [
                "skopeo",
                "--insecure-policy",
                "copy",
                "--src-tls-verify=false",
                f"docker://{here}/{name}",
            ]
            subprocess.run(
                [*command, f"dir:{tmp_path}/out"], check=True, capture_output=True, timeout=60
            )
        tags = [
            "skopeo",
            "inspect",
            "--tls-verify=false",
            f"docker://{here}/a:sha256-{'0' * 64}.sig",
        ]
        assert (
            subprocess.run(
                tags,
                capture_output=True,
                timeout=60,
                check=False,
            ).returncode
            != 0
        )
    assert not _listens(int(here.rpartition(":")[2]))
