"""A rule requires sigstore signatures, but Podman is not configured to fetch them.

What it checks:
For every scope of the signature policy that requires `sigstoreSigned`: whether the registries.d section for
the scope says `use-sigstore-attachments: true`. Only the most specific section counts; without any section,
attachments are off.

Why it matters:
Sigstore signatures are stored beside the image in the registry, and Podman fetches them only if this setting
is on. Without it, the rule can never be met: every pull is refused, even of properly signed images. In
practice, somebody then relaxes the policy to get the service back, and the signatures no longer protect
anyone.

What may break:
Nothing that works today. Pulls from the scope look for one more object in the registry; very old registries
that refuse unknown tags may answer with an error.
"""

from __future__ import annotations

from hardentui.checks.examples import SIGSTORE, rejecting
from hardentui.checks.prelude import *
from hardentui.model.configuration import Missing
from hardentui.model.known import Known
from hardentui.model.trust import Attachments, TrustFacts

_DROP_IN = "/etc/containers/registries.d/sigstore.yaml"


def evaluate(facts: EngineFacts) -> Verdict:
    policy = facts.trust.policy
    if isinstance(policy, Unread):
        return unknown(policy.reason)
    if isinstance(policy, Missing):
        return not_applicable("there is no signature policy")
    scopes = [
        scope
        for scope, requirements in policy.transports.get("docker", {}).items()
        if any(requirement.type == "sigstoreSigned" for requirement in requirements)
    ]
    if any(requirement.type == "sigstoreSigned" for requirement in policy.default) and "" not in scopes:
        scopes.append("")
    if not scopes:
        return not_applicable("no rule in the policy requires a sigstore signature")
    evidence, missing = [], []
    for scope in scopes:
        section = _section(facts.trust, scope)
        if isinstance(section, Unread):
            return unknown(section.reason)
        name = scope or "all registries"
        if section is None or not section.enabled:
            missing.append(name)
            where = section.file if section else "registries.d"
            evidence.append(Evidence(where, f"{name}: use-sigstore-attachments is not set to true"))
    if not missing:
        return passed(f"on for {', '.join(scope or 'all registries' for scope in scopes)}")
    return failed(
        f"signatures for {', '.join(missing)} are required but not fetched, so these pulls fail",
        evidence=tuple(evidence),
        commands=_commands(missing),
    )


def _section(trust: TrustFacts, scope: str) -> Known[Attachments | None]:
    """registries.d has no wildcards: for `*.example.com`, any section below the domain counts."""
    default = trust.attachment_for("")
    if not scope.startswith("*."):
        return trust.attachment_for(scope)
    if isinstance(trust.attachments, Unread) or (isinstance(default, Attachments) and default.enabled):
        return default
    domain = scope.removeprefix("*")
    below = (section for section in trust.attachments if section.scope.partition("/")[0].endswith(domain))
    return next((section for section in below if section.enabled), None)


def _commands(missing: list[str]) -> tuple[str, ...]:
    lines = [f"# {_DROP_IN}"]
    if "all registries" in missing:
        lines += ["default-docker:", "  use-sigstore-attachments: true"]
    named = [scope for scope in missing if scope != "all registries"]
    if named:
        lines.append("docker:")
        for scope in named:
            lines += [f"  {scope}:", "    use-sigstore-attachments: true"]
    return tuple(lines)


CHECK = Check(
    title="Sigstore signatures required but not fetched",
    severity=Severity.MEDIUM,  # signed images are refused, and people turn the policy off
    kind=Kind.ENGINE,
    summary="Enable sigstore attachments for the scope in registries.d and test with a pull",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        engine(
            rejecting({"quay.io/team": (SIGSTORE,)}, attachments=(Attachments("quay.io", True, _DROP_IN),))
        ),
        engine(accepting(attachments=())),
    ),
    fails=lambda: (
        engine(rejecting({"quay.io/team": (SIGSTORE,)}, attachments=())),
        engine(
            rejecting(
                {"quay.io/team": (SIGSTORE,)},
                attachments=(
                    Attachments("", True, _DROP_IN),
                    Attachments("quay.io/team", False, "/etc/containers/registries.d/team.yaml"),
                ),
            )
        ),
    ),
    references=("CIS Docker 1.6 4.12", "NIST SP 800-190 4.1.5"),
    catalogue="S3-03",
)
