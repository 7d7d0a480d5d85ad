"""The image is pulled without verifying the registry.

What it checks:
Whether the command that created the container says `--tls-verify=false`. Containers without a recorded
command, such as those created through the API, cannot show it.

Why it matters:
The flag lets anyone between this host and the registry serve another image and read the registry password.
It is typed once to get past a certificate error, and then lives on in scripts and unit files.

What may break:
Pulls fail until this host trusts the registry's certificate: put its CA into
`/etc/containers/certs.d/HOST:PORT/ca.crt`.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import TLS_VERIFY


def evaluate(facts: ContainerFacts) -> Verdict:
    if not facts.spec[TLS_VERIFY]:
        return failed("the image is pulled with --tls-verify=false", "--tls-verify=false")
    if TLS_VERIFY in facts.spec.unknowable:
        return unknown("no source shows whether TLS was verified for the pull")
    return passed("TLS is verified")


def remediate(spec: Spec, context: FixContext) -> Spec:
    return spec.without(TLS_VERIFY)


CHECK = Check(
    title="TLS verification off for image pulls",
    severity=Severity.HIGH,  # whoever is on the line chooses the image
    summary="Verify the registry's certificate",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (container(),),
    fails=lambda: (container((TLS_VERIFY, False)),),
    references=("Catalogue S3-08", "CIS Docker 1.6 2.5", "NIST SP 800-190 4.2.1"),
)
