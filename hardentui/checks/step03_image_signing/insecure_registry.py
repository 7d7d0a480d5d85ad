"""A registry that Podman uses without verifying its identity.

What it checks:
Whether the effective registries.conf has `insecure = true` for a registry or one of its mirrors. Registries
on the host itself (`localhost`, `127.0.0.1`, `::1`) are left out, since nobody can sit in between. So are
blocked registries.

Why it matters:
Insecure means: accept any certificate, and fall back to plain HTTP. Anyone on the way (a rogue access point,
a hijacked DNS answer, a neighbour on the same network segment) can then serve another image and read your
registry password. A digest or a signature protects the image, but not the password.

What may break:
Pulls from the registry fail until it has a certificate that this host trusts. Put your own CA into
`/etc/containers/certs.d/HOST:PORT/ca.crt`; nothing else has to change.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.trust import Mirror, Registries, Registry

_LOCAL = Registry("localhost:5000", "localhost:5000", insecure=True)
_MIRRORED = Registry("docker.io", "docker.io", mirrors=(Mirror("example.com:5000", True),))
_PLAIN = Registry("example.com", "example.com", True, file="/etc/containers/registries.conf")
_HERE = ("localhost", "127.0.0.1", "[::1]")


def evaluate(facts: EngineFacts) -> Verdict:
    registries = facts.trust.registries
    if isinstance(registries, Unread):
        return unknown(registries.reason)
    insecure = [
        (location, registry.file)
        for registry in registries.registries
        if not registry.blocked
        for location in _insecure(registry)
    ]
    if not insecure:
        return passed(f"{plural(len(registries.registries), 'registry', 'registries')} configured")
    files = {location.partition("/")[0]: file for location, file in insecure}
    return failed(
        f"certificates are not verified for {', '.join(files)}",
        evidence=tuple(Evidence(file, f"insecure = true for {location}") for location, file in insecure),
        commands=tuple(
            line
            for host, file in files.items()
            for line in (
                f"# in {file}: insecure = false",
                f"install -D -m 0644 YOUR-CA.crt '/etc/containers/certs.d/{host}/ca.crt'",
            )
        ),
    )


def _insecure(registry: Registry) -> list[str]:
    locations = [registry.location or registry.prefix] if registry.insecure else []
    locations += [mirror.location for mirror in registry.mirrors if mirror.insecure]
    return [location for location in locations if not _is_here(location)]


def _is_here(location: str) -> bool:
    host = location.partition("/")[0]
    return host in _HERE or host.rpartition(":")[0] in _HERE


CHECK = Check(
    title="Registry configured as insecure",
    severity=Severity.HIGH,  # whoever is on the line chooses the image
    kind=Kind.ENGINE,
    summary="Give the registry a certificate that this host trusts and remove `insecure = true`",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        engine(accepting(registries=Registries())),
        engine(accepting(registries=Registries(registries=(_LOCAL,)))),
    ),
    fails=lambda: (
        engine(accepting(registries=Registries(registries=(_PLAIN,)))),
        engine(accepting(registries=Registries(registries=(_MIRRORED,)))),
    ),
    references=("CIS Docker 1.6 2.5", "NIST SP 800-190 4.2.1"),
    catalogue="S3-08",
)
