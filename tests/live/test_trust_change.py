"""The trust assistant on a real Podman, a real registry and real signatures, before and after it
holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.bench_registry import HOST, Answer, Registry, started
from tests.support.podman import BUSYBOX, Bench
from tests.support.schemas import validated
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

POLICY = "/etc/containers/policy.json"
OURS = "/etc/containers/registries.d/50-hardentui.yaml"


@pytest.fixture(scope="module")
def registry(
    podman: Bench,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Registry]:
    """`team/app:1`, signed with `directory`/release, `team/plain:1`, `other/app:1`."""
    yield from _filled(
        started(
            podman,
            tmp_path_factory.mktemp("trust"),
            "cosign",
            "gpg",
        )
    )


def _filled(registry: Registry) -> Iterator[Registry]:
    directory = registry.directory
    try:
        for name in ("team/app:1", "team/plain:1", "other/app:1"):
            registry.bench.podman(
                "push",
                "-q",
                BUSYBOX,
                f"{HOST}/{name}",
            )
        assert (
            registry.hardentui(
                "trust",
                "key",
                "release",
                "-o",
                str(directory),
            ).code
            == 0
        )
        signed = registry.hardentui(
            "trust", "sign", f"{HOST}/team/app:1", "--key", f"{directory}/release.private", "--yes"
        )
        assert "a pull that requires this key was accepted (podman" in signed.out
        yield registry
    finally:
        registry.bench.podman(
            "rmi", "-f", "-i", *(f"{HOST}/{name}" for name in ("team/app:1", "team/plain:1"))
        )


@pytest.fixture
def rule(registry: Registry) -> Sequence[str]:
    return (
        f"{HOST}/team={registry.directory}/release.pub",
        "--signed",
        f"{HOST}/team/app:1",
    )


def cases(answer: Answer) -> dict[str, str]:
    proofs = validated(json.loads(answer.out))["proofs"]
    return {proof["case"]: proof["verdict"] for proof in proofs}


def test_four_pulls_prove_the_plan_and_nothing_is_written(
    registry: Registry,
    rule: Sequence[str],
) -> None:
    before, images = registry.file(POLICY), registry.bench.podman("images", "-q")
    pulls = _directories_of_pulls()
    answer = registry.trust(
        "plan",
        *rule,
        "--format",
        "json",
    )
    left = _directories_of_pulls() - pulls
    assert answer.code == 0, answer.err
    assert cases(answer) == {
        "signed": "accepted",
        "wrong key": "refused: signed with another key",
        "unsigned": "refused: no signature",
        "other repository": "refused by policy",
    }
    assert all("podman" in proof["by"] for proof in json.loads(answer.out)["proofs"])
    assert registry.file(POLICY) == before
    assert not registry.there(OURS)
    assert registry.bench.podman("images", "-q") == images
    assert eventually(lambda: not left & _directories_of_pulls()), (
        "other plans on this host clean up too"
    )


def _directories_of_pulls() -> set[Path]:
    return {
        path
        for directory in ("/tmp", "/var/tmp")
        for path in Path(directory).glob("hardentui-pull-*")
    }


def test_a_plan_does_not_touch_the_locks_of_containers(
    registry: Registry,
    rule: Sequence[str],
) -> None:
    registry.bench.run(
        "locked",
        "--network",
        "none",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        assert registry.trust("plan", *rule).code == 0
        inspected = registry.bench.podman(
            "inspect", "locked", "--format", "{{.State.Status}} {{.LockNumber}}"
        )
        assert inspected.startswith("running ")
        registry.bench.run(
            "second",
            "--network",
            "none",
            BUSYBOX,
            "sleep",
            "600",
        )
        second = registry.bench.podman(
            "inspect",
            "second",
            "--format",
            "{{.LockNumber}}",
        )
        assert second != inspected.split()[1]
    finally:
        registry.bench.remove("locked", "second")


def test_apply_makes_it_true_and_undo_takes_it_back(
    registry: Registry,
    rule: Sequence[str],
) -> None:
    before = registry.file(POLICY)
    assert registry.pulls("team/plain:1")
    answer = registry.trust("apply", *rule, "--yes")
    assert answer.code == 0, answer.err
    try:
        assert registry.pulls("team/app:1")
        assert not registry.pulls("team/plain:1")
        assert not registry.pulls("other/app:1")
        assert "use-sigstore-attachments: true" in registry.file(OURS)
        again = registry.trust("apply", *rule, "--yes")
        assert "already up to date" in again.out
        entry = json.loads(registry.hardentui("journal", "--format", "json").out)["entries"][0]
        assert (entry["action"], entry["container"], entry["state"]) == ("trust", POLICY, "done")
        assert len(entry["proof"]) == 4
        checked = registry.trust(
            "check", f"{HOST}/team/app:1", f"{HOST}/team/plain:1", f"{HOST}/other/app:1"
        )
        assert checked.code == 1
        lines = checked.out.splitlines()
        assert lines[0] == f"{HOST}/team/app:1"
        assert lines[1].split()[:2] == ["verdict", "accepted"]
        assert "sigstore attachment" in lines[3]
        assert "is rejected by policy" in checked.out
    finally:
        assert registry.hardentui("undo", "--yes").code == 0
    assert registry.file(POLICY) == before
    assert not registry.there(OURS)
    assert registry.pulls("team/plain:1")


@pytest.mark.parametrize("image", ["team/plain:1", "team/wrong:1"])
def test_what_the_rule_would_refuse_is_never_applied(
    registry: Registry,
    image: str,
) -> None:
    directory = registry.directory
    if image == "team/wrong:1" and not (directory / "other.private").exists():
        registry.bench.podman(
            "push",
            "-q",
            BUSYBOX,
            f"{HOST}/{image}",
        )
        registry.hardentui(
            "trust",
            "key",
            "other",
            "-o",
            str(directory),
        )
        registry.hardentui(
            "trust", "sign", f"{HOST}/{image}", "--key", f"{directory}/other.private", "--yes"
        )
    before = registry.file(POLICY)
    sigstore = f"{HOST}/team={directory}/release.pub"
    answer = registry.trust(
        "apply",
        sigstore,
        "--signed",
        f"{HOST}/{image}",
        "--yes",
    )
    assert answer.code == 1
    assert f"the pull 'signed' of {HOST}/{image} was refused" in answer.out
    assert registry.file(POLICY) == before
    assert not registry.there(OURS)


def test_an_image_that_runs_is_not_shut_out(
    registry: Registry,
    rule: Sequence[str],
) -> None:
    registry.bench.run(
        "outside",
        "--network",
        "none",
        f"{HOST}/other/app:1",
        "sleep",
        "600",
    )
    try:
        answer = registry.trust("apply", *rule, "--yes")
        assert answer.code == 1
        assert f"{HOST}/other/app:1 is in use and could no longer be pulled" in answer.out
        answer = registry.trust(
            "plan",
            *rule,
            "--accept-in-use",
            "--format",
            "json",
        )
        assert answer.code == 0
        document = json.loads(answer.out)
        assert document["unsigned"] == [f"{HOST}/other/app:1"]
        policy = json.loads(
            next(file["text"] for file in document["files"] if file["path"] == POLICY)
        )
        assert policy["transports"]["docker"][f"{HOST}/other/app"] == [
            {"type": "insecureAcceptAnything"}
        ]
    finally:
        registry.bench.remove("outside")


def test_an_unsigned_image_that_runs_in_the_scope_is_found_by_its_pull(
    registry: Registry,
    rule: Sequence[str],
) -> None:
    registry.bench.run(
        "inside",
        "--network",
        "none",
        f"{HOST}/team/plain:1",
        "sleep",
        "600",
    )
    try:
        answer = registry.trust("plan", *rule)
        assert answer.code == 1
        assert f"the pull 'signed' of {HOST}/team/plain:1 was refused: no signature" in answer.out
        assert (
            registry.trust(
                "plan",
                f"{HOST}/team/plain accept",
                *rule,
            ).code
            == 0
        )
    finally:
        registry.bench.remove("inside")


def test_what_cosign_signs_needs_any_tag(registry: Registry) -> None:
    image = f"{HOST}/cosign/app:1"
    registry.bench.podman(
        "push",
        "-q",
        BUSYBOX,
        image,
    )
    plain = (
        "--yes",
        "--tlog-upload=false",
        "--allow-insecure-registry",
        "--allow-http-registry",
    )
    make = f"cd {registry.directory} && export COSIGN_PASSWORD=pw && cosign generate-key-pair"
    registry.bench.execute(
        "sh", "-c", f"{make} && cosign sign {' '.join(plain)} --key cosign.key {image}"
    )
    rule = (
        f"{HOST}/cosign={registry.directory}/cosign.pub",
        "--signed",
        image,
    )
    answer = registry.trust("plan", *rule)
    assert answer.code == 1
    assert "refused: signed under another name" in answer.out
    assert "accept any tag" in answer.out
    assert registry.trust("plan", *rule, "--any-tag").code == 0


def test_gpg_signatures_in_a_lookaside(registry: Registry) -> None:
    image, directory = f"{HOST}/gpg/app:1", registry.directory
    section = f"docker:\n  {HOST}/gpg:\n    lookaside-staging: file://{directory}/side\n"
    registry.bench.execute(
        "sh",
        "-c",
        f"mkdir -p /etc/containers/registries.d {directory}/side; mkdir -m 700 {directory}/g",
    )
    staging = "/etc/containers/registries.d/00-staging.yaml"
    registry.bench.execute(
        "sh",
        "-c",
        f"printf '{section}' > {staging}",
    )
    key = (
        "gpg --batch --quiet --passphrase '' --quick-gen-key bench@example.test default default "
        "never"
    )
    export = f"gpg --export --armor bench@example.test > {directory}/public.gpg"
    push = f"podman push -q --remove-signatures --sign-by bench@example.test {BUSYBOX} {image}"
    registry.bench.execute(
        "sh", "-c", f"export GNUPGHOME={directory}/g; {key} && {export} && {push}"
    )
    registry.bench.execute("rm", staging)
    rule = (
        f"{HOST}/gpg={directory}/public.gpg",
        "--signed",
        image,
    )
    without = registry.trust("plan", *rule)
    assert without.code == 1
    assert "refused: no signature" in without.out
    beside = (f"{rule[0]} file://{directory}/side", *rule[1:])
    answer = registry.trust(
        "plan",
        *beside,
        "--format",
        "json",
    )
    assert answer.code == 0, answer.err
    assert cases(answer)["wrong key"] == "refused: signed with another key"


def test_a_section_of_another_file_has_to_be_changed_there(
    registry: Registry,
    rule: Sequence[str],
) -> None:
    other = "/etc/containers/registries.d/other.yaml"
    registry.bench.execute(
        "mkdir",
        "-p",
        "/etc/containers/registries.d",
    )
    registry.bench.execute(
        "sh", "-c", f"printf 'docker:\\n  {HOST}/team:\\n    lookaside: file:///x\\n' > {other}"
    )
    try:
        answer = registry.trust("apply", *rule, "--yes")
    finally:
        registry.bench.execute("rm", other)
    assert answer.code == 1
    assert f"{other} has a section for {HOST}/team already" in answer.out


def test_only_a_bundle_is_told_as_what_podman_cannot_read(registry: Registry) -> None:
    """The tag under which registries without the referrers API keep what cosign 3 makes stands for
    it."""
    image = f"{HOST}/bundle/app:1"
    registry.bench.podman(
        "push",
        "-q",
        BUSYBOX,
        image,
    )
    digest = registry.bench.execute(
        "skopeo", "inspect", "--format", "{{.Digest}}", f"docker://{image}"
    )
    tag = f"docker://{HOST}/bundle/app:{digest.replace(':', '-')}"
    registry.bench.execute(
        "skopeo",
        "--insecure-policy",
        "copy",
        "-q",
        f"docker://{image}",
        tag,
    )
    answer = registry.trust("check", image)
    assert "only a sigstore bundle, which Podman cannot read" in answer.out


def test_a_signature_of_the_list_alone_does_not_count(registry: Registry) -> None:
    image, directory = f"{HOST}/several/app:1", registry.directory
    plain = (
        "--yes",
        "--tlog-upload=false",
        "--allow-insecure-registry",
        "--allow-http-registry",
    )
    registry.bench.podman("manifest", "create", "several")
    try:
        registry.bench.podman(
            "manifest",
            "add",
            "several",
            f"docker://{HOST}/team/plain:1",
        )
        registry.bench.podman(
            "manifest",
            "push",
            "-q",
            "--all",
            "several",
            f"docker://{image}",
        )
    finally:
        registry.bench.podman("manifest", "rm", "several")
    make = (
        f"cd {directory} && export COSIGN_PASSWORD=pw && cosign generate-key-pair "
        "--output-key-prefix list"
    )
    sign = f"cosign sign {' '.join(plain)} --key list.key"
    registry.bench.execute(
        "sh",
        "-c",
        f"{make} && {sign} {image}",
    )
    assert "only the manifest list is signed" in registry.trust("check", image).out
    rule = (
        f"{HOST}/several={directory}/list.pub",
        "--any-tag",
        "--signed",
        image,
    )
    assert registry.trust("plan", *rule).code == 1
    registry.bench.execute(
        "sh", "-c", f"cd {directory} && export COSIGN_PASSWORD=pw && {sign} --recursive {image}"
    )
    assert registry.trust("plan", *rule).code == 0


AUTHORITY = """\
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=Root \\
  -keyout root.key -out root.pem -addext basicConstraints=critical,CA:TRUE \\
  -addext keyUsage=critical,keyCertSign
echo subjectAltName=email:build@example.test,DNS:ci.example.test > leaf.ext
echo extendedKeyUsage=codeSigning >> leaf.ext
echo keyUsage=digitalSignature >> leaf.ext
COSIGN_PASSWORD=pw cosign generate-key-pair
openssl x509 -new -force_pubkey cosign.pub -subj /CN=signer -CA root.pem -CAkey root.key -days 30 \\
  -extfile leaf.ext -out leaf.pem
"""
"""An authority, and the certificate of a signer whose key cosign made."""
COSIGN = "--yes --tlog-upload=false --allow-insecure-registry --allow-http-registry"


def test_a_keyless_rule_is_read_and_refuses_what_has_no_certificate(registry: Registry) -> None:
    """That a signature of Fulcio is accepted cannot be shown offline: here its refusals are."""
    image, directory = f"{HOST}/keyless/app:1", f"{registry.directory}/keyless"
    registry.bench.podman(
        "push",
        "-q",
        BUSYBOX,
        image,
    )
    registry.bench.execute(
        "sh",
        "-c",
        f"mkdir {directory}; cd {directory}; {AUTHORITY}",
    )
    sign = f"COSIGN_PASSWORD=pw cosign sign {COSIGN} --key cosign.key {image}"
    registry.bench.execute(
        "sh",
        "-c",
        f"cd {directory}; {sign}",
    )
    who = f"{HOST}/keyless keyless build@example.test https://accounts.example.test"
    rule = (
        f"{who} {directory}/root.pem {directory}/cosign.pub",
        "--signed",
        image,
    )
    answer = registry.trust(
        "plan",
        *rule,
        "--format",
        "json",
    )
    assert answer.code == 1
    told = cases(answer)
    assert told["unsigned"] == "refused: no signature", "the rule is read"
    assert told["signed"] == "refused: signed with another key"
    assert told["other repository"] == "refused by policy"
