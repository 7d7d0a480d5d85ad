"""The pulls that prove a policy before it takes effect: signed, unsigned, wrong key, other
repository.

A passing `cosign verify` proves nothing for Podman, which reads other formats and compares other
names. So Podman itself pulls with the drafted files.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec.structs import replace

from hardentui.do import Flag, Sentence
from hardentui.features.trust.policy import with_rules
from hardentui.features.trust.rule_keys import key_of_nobody
from hardentui.features.trust.sandbox import Sandbox
from hardentui.model.trust_change import Pull, PullProof, PullVerdict, RuleKind, ScopeRule

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PATH = re.compile(
    r"/v2/(?P<name>[a-z0-9._/-]+)/(?P<kind>manifests|blobs)/(?P<what>[A-Za-z0-9._:-]+)"
)


def _blob(content: bytes, media: str) -> tuple[dict[str, Any], bytes]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {
        "mediaType": media,
        "digest": digest,
        "size": len(content),
    }, content


_LAYER, _LAYER_BYTES = _blob(bytes(1024), "application/vnd.oci.image.layer.v1.tar")
_CONFIG, _CONFIG_BYTES = _blob(
    json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_LAYER["digest"]]},
        }
    ).encode(),
    "application/vnd.oci.image.config.v1+json",
)
_IMAGE, _IMAGE_BYTES = _blob(
    json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _CONFIG,
            "layers": [_LAYER],
        }
    ).encode(),
    _MANIFEST,
)
_BLOBS = {_LAYER["digest"]: _LAYER_BYTES, _CONFIG["digest"]: _CONFIG_BYTES}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self._answer(b"{}", "application/json")
            return
        asked = _PATH.fullmatch(self.path)
        if asked is None:
            self._answer(b"", "text/plain", 404)
        elif asked["kind"] == "blobs" and asked["what"] in _BLOBS:
            self._answer(_BLOBS[asked["what"]], "application/octet-stream")
        elif asked["kind"] == "manifests" and not asked["what"].startswith("sha256-"):
            known = not asked["what"].startswith("sha256:") or asked["what"] == _IMAGE["digest"]
            self._answer(
                _IMAGE_BYTES if known else b"",
                _MANIFEST,
                200 if known else 404,
            )
        else:  # a tag for signatures
            self._answer(b"", "text/plain", 404)

    do_HEAD = do_GET

    def _answer(
        self,
        content: bytes,
        kind: str,
        status: int = 200,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if content is _IMAGE_BYTES:
            self.send_header("Docker-Content-Digest", _IMAGE["digest"])
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Logs nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(
        self,
        request: object,
        client_address: object,
    ) -> None:
        """Podman disconnects once it knows enough; that is not an error."""


@contextmanager
def tiny_registry() -> Iterator[str]:
    """Run a registry; yields its address, `127.0.0.1:PORT`."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(
        target=server.serve_forever, args=(0.05,), daemon=True, name="hardentui-registry"
    )
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


NOBODY = "nobody@hardentui.invalid"
_ELSEWHERE = "elsewhere.hardentui.invalid/some/image:1"
_TAG = "hardentui-unsigned"
_HINTS: Mapping[PullVerdict, Sentence] = {
    PullVerdict.WRONG_IDENTITY: (
        "cosign signs without the tag: accept any tag",
        Flag("--any-tag"),
    ),
    PullVerdict.UNSIGNED: "Podman reads signatures stored as tag sha256-DIGEST.sig beside the image, not "
    "bundles: sign with `hardentui trust sign`, podman, skopeo, or cosign --recursive "
    "--new-bundle-format=false (an image for several architectures needs one signature for each)",
    PullVerdict.WRONG_KEY: "the image was signed with a key other than the rule's",
    PullVerdict.REJECTED: "no rule allows this image",
    PullVerdict.ACCEPTED: (
        "nothing would be verified: look for a more specific rule that accepts it"
    ),
    PullVerdict.UNKNOWN: "the pull failed for another reason, so nothing is proven",
}


def prove(
    box: Sandbox,
    policy: str,
    sections: Mapping[str, str],
    signed: Mapping[str, tuple[ScopeRule, Sequence[str]]],
    on_proof: Callable[[PullProof], None],
    *,
    rejects: bool,
) -> tuple[PullProof, ...]:
    """Make the pulls; each is reported as it ends.

    Args:
        policy, sections: the drafted texts.
        signed: scope -> its rule and the images that it must accept, at least one; only rules that
            verify.
        rejects: images without a rule must be rejected.
    """
    proofs: list[PullProof] = []

    def add(
        case: str,
        scope: str,
        wanted: PullVerdict,
        pull: Pull,
    ) -> None:
        proof = PullProof(case, scope, wanted, pull)
        proof = proof if proof.holds else replace(proof, hint=hint_for(proof))
        proofs.append(proof)
        on_proof(proof)

    with ExitStack() as kept:
        here = kept.enter_context(tiny_registry())
        for scope, (rule, references) in signed.items():
            for reference in references:
                add(
                    "signed",
                    scope,
                    PullVerdict.ACCEPTED,
                    box.pull(reference, policy, sections),
                )
            other = with_rules(
                policy,
                [_of_another(rule, box.directory)],
                reject=False,
            )
            add(
                "wrong key",
                scope,
                PullVerdict.WRONG_KEY,
                box.pull(references[0], other, sections),
            )
            pull = box.pull(
                unsigned_in(scope),
                policy,
                sections,
                f"{here}/unsigned",
            )
            add(
                "unsigned",
                scope,
                PullVerdict.UNSIGNED,
                pull,
            )
        if rejects:
            pull = box.pull(
                _ELSEWHERE,
                policy,
                sections,
                f"{here}/elsewhere",
            )
            add(
                "other repository",
                "default",
                PullVerdict.REJECTED,
                pull,
            )
    return tuple(proofs)


def hint_for(proof: PullProof) -> Sentence:
    """What helps; a pull that had to be rejected is never helped by accepting more."""
    if (
        proof.wanted is not PullVerdict.ACCEPTED
        and proof.pull.verdict is PullVerdict.WRONG_IDENTITY
    ):
        return (
            "it is rejected, but for the name in its signature: name an image that has no signature"
        )
    return _HINTS[proof.pull.verdict]


def unsigned_in(scope: str) -> str:
    """A name that matches the rule of this scope."""
    if scope.startswith("*."):
        return f"unsigned{scope[1:]}/hardentui/image:{_TAG}"
    if "/" not in scope:
        return f"{scope}/hardentui/image:{_TAG}"
    name = scope.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] else f"{name}:{_TAG}"


def _of_another(rule: ScopeRule, directory: str) -> ScopeRule:
    """The same rule for another signer."""
    if rule.kind is RuleKind.KEYLESS:
        return replace(rule, email=NOBODY)
    return replace(rule, key=key_of_nobody(rule.kind, directory))
