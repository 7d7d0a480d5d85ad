"""A key or certificate that trust depends on is missing or can be changed by others.

What it checks:
Every key and CA file named in the signature policy, and every certificate in the certs.d directories:
whether it exists, who owns it, and who can write to it or to one of its parent directories. Private client
keys in certs.d must also be unreadable for others (mode 0400 or 0600).

Why it matters:
Whoever can replace a public key decides which signatures are valid: their own. Whoever can add a CA for a
registry can impersonate it. A missing key makes every pull under its rule fail, which usually ends with the
rule being turned off. A private client key that others can read lets them pull and push as this host.

What may break:
Nothing, if root owns the files and the engine's user can still read them. A rootless engine must be able to
read the keys that its policy names.
"""

from __future__ import annotations

import shlex

from hardentui.checks.examples import POLICY_FILE, REJECT, rejecting
from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger, FileFact, Missing
from hardentui.model.trust import Certificate, Policy, Requirement, TrustFacts
from hardentui.reading.hosts import danger_evidence, dangers_of, repair

_KEY = "/etc/pki/containers/team.pub"
_CLIENT_KEY = "/etc/containers/certs.d/registry.example.com/client.key"
_PRIVATE = 0o077


def evaluate(facts: EngineFacts) -> Verdict:
    trust = facts.trust
    certificates = () if isinstance(trust.certificates, Unread) else trust.certificates
    known = [key for key in trust.keys.values() if isinstance(key, FileFact)]
    known += [certificate.file for certificate in certificates]
    missing = sorted(path for path, key in trust.keys.items() if isinstance(key, Missing))
    private = [certificate.file for certificate in certificates if certificate.role == "key"]
    open_keys = [file for file in private if file.mode & _PRIVATE]
    dangers = dangers_of(known)
    if missing or open_keys or dangers:
        return _failed(missing, open_keys, dangers)
    hidden = [trust.policy, trust.certificates, *trust.keys.values()]
    reasons = [part.reason for part in hidden if isinstance(part, Unread)]
    if reasons:
        return unknown("; ".join(reasons))
    if not known:
        return not_applicable("neither the policy nor certs.d names a key or certificate")
    return passed(effective=f"{plural(len(known), 'key and certificate file')} with safe owners and modes")


def _failed(missing: list[str], open_keys: list[FileFact], dangers: tuple[Danger, ...]) -> Verdict:
    reasons = []
    if missing:
        reasons.append(f"{plural(len(missing), 'key')} named in the policy not found")
    if open_keys:
        reasons.append(f"{plural(len(open_keys), 'private key')} readable by others")
    if dangers:
        reasons.append(f"{plural(len(dangers), 'path')} where others can change keys or certificates")
    return failed(
        ", ".join(reasons),
        evidence=(
            *(Evidence(path, "does not exist") for path in missing),
            *(Evidence(key.path, f"mode {key.octal}") for key in open_keys),
            *danger_evidence(dangers),
        ),
        commands=(
            *(f"install -D -m 0444 YOUR-COPY-OF-THE-KEY {shlex.quote(path)}" for path in missing),
            *(f"chmod 0400 -- {shlex.quote(key.path)}" for key in open_keys),
            *(repair(danger) for danger in dangers),
        ),
    )


_SAFE = rejecting(
    {"quay.io/team": (Requirement("sigstoreSigned", (_KEY,)),)}, keys={_KEY: file(_KEY)}, certificates=()
)

CHECK = Check(
    title="Trust keys missing or writable by others",
    severity=Severity.HIGH,  # whoever writes the key signs any image
    kind=Kind.ENGINE,
    summary="Make root the owner of the key and certificate files and remove write permission for others",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (engine(_SAFE), engine(accepting(certificates=()))),
    fails=lambda: (
        engine(
            TrustFacts(
                policy=Policy(POLICY_FILE, (REJECT,)),
                keys={_KEY: file(_KEY, 0o666, Danger(_KEY, "world-writable (0666)", "chmod o-w"))},
                certificates=(),
            )
        ),
        engine(
            TrustFacts(policy=Policy(POLICY_FILE, (REJECT,)), keys={_KEY: Missing(_KEY)}, certificates=())
        ),
        engine(
            accepting(certificates=(Certificate("registry.example.com", "key", file(_CLIENT_KEY, 0o644)),))
        ),
    ),
    references=("CIS Docker 1.6 3.7", "CIS Docker 1.6 3.8", "NIST SP 800-190 4.1.5"),
    catalogue="S3-04",
)
