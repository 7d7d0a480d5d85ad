"""A registry on this machine that serves one tiny unsigned image under every name. It is read-only.

It replaces any registry while a policy is proven: Podman is configured to redirect names to it.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PATH = re.compile(r"/v2/(?P<name>[a-z0-9._/-]+)/(?P<kind>manifests|blobs)/(?P<what>[A-Za-z0-9._:-]+)")


def _blob(content: bytes, media: str) -> tuple[dict[str, Any], bytes]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": media, "digest": digest, "size": len(content)}, content


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
    json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": _CONFIG, "layers": [_LAYER]}).encode(),
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
            self._answer(_IMAGE_BYTES if known else b"", _MANIFEST, 200 if known else 404)
        else:  # a tag for signatures
            self._answer(b"", "text/plain", 404)

    do_HEAD = do_GET

    def _answer(self, content: bytes, kind: str, status: int = 200) -> None:
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

    def handle_error(self, request: object, client_address: object) -> None:
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
