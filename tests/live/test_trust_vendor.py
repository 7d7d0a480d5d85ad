"""Signatures in SUSE's form, verified by the rule that its overlay proposes: RSA keys, made once and
kept in a package as PEM; sigstore signatures beside the image; the repository in them, without a tag.

Form and rule are those of openSUSE-policy.json in the package libcontainers-common. A registry of the
bench stands for SUSE's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from hardentui.features.vendors.loading import overlays
from hardentui.features.vendors.telling import vendor_sections
from tests.support.bench_registry import HOST, Registry, started
from tests.support.podman import BUSYBOX, Bench

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

SIGNED, OTHER_KEY, UNSIGNED, OUTSIDE = (
    f"{HOST}/suse/multi-linux-manager/5.1/x86_64/server:5.1.1",
    f"{HOST}/suse/multi-linux-manager/5.1/x86_64/server-postgresql:5.1.1",
    f"{HOST}/suse/multi-linux-manager/5.1/x86_64/proxy-ssh:5.1.1",
    f"{HOST}/elsewhere/app:1",
)
_KEYS = """\
set -e
cd {directory}
sign() {{
  openssl genrsa -out $1.rsa 4096
  openssl rsa -in $1.rsa -pubout -out $1.pub
  cosign generate $http $2 >$1.payload
  openssl dgst -sha256 -sign $1.rsa $1.payload | base64 -w0 >$1.signature
  cosign attach signature $http --payload $1.payload --signature $1.signature $2
}}
http="--allow-insecure-registry --allow-http-registry"
sign vendor {signed}
sign other {other}
"""
"""As a build service signs: the payload goes to what has the key, the signature to the registry."""


@pytest.fixture(scope="module")
def registry(podman: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """With all four images; one is signed with the vendor's key, one with another."""
    registry = started(podman, tmp_path_factory.mktemp("vendor"), "cosign", "openssl")
    images = (SIGNED, OTHER_KEY, UNSIGNED, OUTSIDE)
    for image in images:
        podman.podman("push", "-q", BUSYBOX, image)
    keys = _KEYS.format(directory=registry.directory, signed=SIGNED, other=OTHER_KEY)
    podman.execute("sh", "-c", keys)
    yield registry
    podman.podman("rmi", "-f", "-i", *images)


def proposed(registry: Registry) -> list[str]:
    """The words after `trust plan` that `explain uyuni` shows, for the registry of the bench."""
    (vendor,) = (vendor for vendor in overlays() if vendor.name == "uyuni")
    (suse,) = (each for each in vendor.signed if each.scope == "registry.suse.com")
    here = replace(suse, scope=f"{HOST}/suse", key=f"{registry.directory}/vendor.pub")
    told = dict(vendor_sections(replace(vendor, signed=(here,)), ""))
    (line,) = told["Signed images, and the key that verifies them"]
    return line.partition("trust plan ")[2].split()


def test_the_proposed_rule_accepts_what_the_vendor_signed_and_refuses_the_rest(
    registry: Registry,
) -> None:
    rule = (*proposed(registry), "--signed", SIGNED)
    planned = registry.trust("plan", *rule, "--format", "json")
    assert planned.code == 0, planned.out + planned.err
    verdicts = {proof["case"]: proof["verdict"] for proof in json.loads(planned.out)["proofs"]}
    assert verdicts["signed"] == "accepted"
    assert verdicts["wrong key"] == "refused: signed with another key"
    assert registry.trust("apply", *rule, "--yes").code == 0
    try:
        pulled = {
            image: registry.pulls(image.removeprefix(f"{HOST}/"))
            for image in (SIGNED, OTHER_KEY, UNSIGNED)
        }
        assert pulled == {SIGNED: True, OTHER_KEY: False, UNSIGNED: False}
        checked = registry.trust("check", SIGNED, OTHER_KEY, UNSIGNED)
        assert checked.code == 1
        assert checked.out.count("accepted") == 1
    finally:
        assert registry.hardentui("undo", "--yes").code == 0
    assert registry.pulls(UNSIGNED.removeprefix(f"{HOST}/"))


def test_without_the_tag_being_left_open_the_same_signature_is_refused(registry: Registry) -> None:
    """Why the proposed rule says --any-tag: the signature names the repository alone."""
    words = [word for word in proposed(registry) if word != "--any-tag"]
    answer = registry.trust("plan", *words, "--signed", SIGNED)
    assert answer.code == 1
    assert "refused: signed under another name" in answer.out
