"""The signature policy of the host."""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.checks.prelude import POLICY_FILE, REJECT, SIGSTORE
from hardentui.model.trust import Attachments, Certificate, Policy, Requirement
from hardentui.reading.host_words import NO_RELEASE
from hardentui.reading.images import image_name, is_image_id, need_image, reference
from hardentui.reading.repairs import repair
from hardentui.words import own_command

_REGISTRIES = frozenset({"docker", "atomic"})
_SAME_MACHINE = frozenset({"docker-daemon", "containers-storage"})


@Check(
    # a layer is missing: the registry or the line must be taken over first
    gives=Gain.ENTRY.after(2, Origin.IMAGE),
    summary="List the sources you trust, then make `reject` the default of the signature policy",
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (
        engine(rejecting({"quay.io/team": (SIGSTORE,)})),
        engine(
            TrustFacts(
                policy=Policy(
                    POLICY_FILE,
                    (REJECT,),
                    {"docker-daemon": {"": (ACCEPT,)}},
                )
            )
        ),
        engine(TrustFacts(policy=Missing("/etc/containers/policy.json"))),
    ),
    fails=lambda: (
        engine(accepting()),
        engine(rejecting({"": (ACCEPT,), "quay.io/team": (SIGSTORE,)})),
        engine(rejecting({"*.io": (ACCEPT,)})),
        engine(
            TrustFacts(
                policy=Policy(
                    POLICY_FILE,
                    (REJECT,),
                    {"docker-archive": {"": (ACCEPT,)}},
                )
            )
        ),
        engine(TrustFacts(policy=Policy("/root/.config/containers/policy.json", (ACCEPT,)))),
    ),
    references=("CIS Docker 1.6 4.5", "NIST SP 800-190 4.1.5", "OWASP Docker rule 13"),
)
def insecure_default_policy(facts: EngineFacts) -> Verdict:
    """Unsigned images accepted from anywhere.

    What it checks:
    The default rule of this engine's signature policy: the user's own
    `~/.config/containers/policy.json` if there is one, otherwise `/etc/containers/policy.json`, and
    from Podman 6 on also the one in `/usr/share/containers`. The check fails if that rule accepts
    everything (`insecureAcceptAnything`), or if a rule for all images of a transport does: the
    scope `""`, or a pattern for a whole top-level domain (`*.io`). For registries, that counts as
    much as the default; for image files (archives, directories) it counts less, because someone on
    the host has to load them. Images from another store on the same machine (`docker-daemon`,
    `containers-storage`) may be accepted.

    Why it matters:
    Podman consults the policy before it stores an image. With a default that accepts everything,
    whoever can put an image under a name that you pull (a stolen registry account, a hijacked name,
    a compromised mirror) has code running on your host at the next update, and nothing on the host
    will notice. With `reject` as the default, only what you have listed gets in, and a typo in a
    name ends with a refusal instead of someone else's program.

    What may break:
    Every pull from a registry without a rule of its own is refused, including base images for
    builds and, on old versions, the pause image of pods. So first add rules for the registries that
    you use, then change the default. Existing containers keep running; only pulls are affected.
    """
    policy = facts.trust.policy
    if isinstance(policy, Unread):
        return unknown(policy)
    if isinstance(policy, Missing):
        return not_applicable(
            f"{policy.path} does not exist, and without a policy Podman refuses every pull"
        )
    declared = " and ".join(requirement.type for requirement in policy.default)
    evidence = (Evidence(policy.file, f"default: {declared}"),)
    if all(requirement.type == "insecureAcceptAnything" for requirement in policy.default):
        return failed(
            f"the default rule in {policy.file} accepts every image",
            declared,
            evidence=evidence,
            commands=(
                own_command(
                    facts.found_with,
                    "trust",
                    "plan",
                    "--accept-in-use",
                )
                + "   # rules for what runs, then reject; proven by pulls",
                own_command(
                    facts.found_with,
                    "trust",
                    "apply",
                    "--accept-in-use",
                ),
                "podman image trust show",
            ),
        )
    wide = tuple(_accepting_scopes(policy))
    if not wide:
        return passed(declared, evidence=evidence)
    from_registries = [(transport, scope) for transport, scope in wide if transport in _REGISTRIES]
    transport, scope = (from_registries or wide)[0]
    return failed(
        f'the rule for "{scope}" of {transport} in {policy.file} accepts every image',
        declared,
        evidence=(
            *evidence,
            *(
                Evidence(policy.file, f'{kind}, scope "{name}": {ACCEPT.type}')
                for kind, name in wide
            ),
        ),
        gives=None if from_registries else Gain.ENTRY.after(3, Origin.IMAGE),
        commands=(f"# {policy.file}: remove these scopes, or require signedBy or sigstoreSigned",),
    )


def _accepting_scopes(policy: Policy) -> Iterator[tuple[str, str]]:
    """(transport, scope) of each rule that accepts all images from a transport or a top-level
    domain."""
    for transport, scopes in policy.transports.items():
        for scope, requirements in scopes.items():
            everything = scope == "" or (scope.startswith("*.") and scope.count(".") == 1)
            accepted = all(requirement.type == ACCEPT.type for requirement in requirements)
            if everything and accepted and transport not in _SAME_MACHINE:
                yield transport, scope


_DROP_IN = "/etc/containers/registries.d/sigstore.yaml"


@Check(
    gives=Gain.ENTRY.after(
        2, Origin.IMAGE
    ),  # signed images are refused, and people turn the policy off
    summary="Enable sigstore attachments for the scope in registries.d and test with a pull",
    risk=Risk.SAFE,
    passes=lambda: (
        engine(
            rejecting(
                {"quay.io/team": (SIGSTORE,)}, attachments=(Attachments("quay.io", True, _DROP_IN),)
            )
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
                    Attachments(
                        "quay.io/team",
                        False,
                        "/etc/containers/registries.d/team.yaml",
                    ),
                ),
            )
        ),
    ),
    references=("NIST SP 800-190 4.1.5",),
)
def sigstore_attachments_off(facts: EngineFacts) -> Verdict:
    """Sigstore signatures required but not fetched.

    What it checks:
    For every scope of the signature policy that requires `sigstoreSigned`: whether the registries.d
    section for the scope says `use-sigstore-attachments: true`. Only the most specific section
    counts; without any section, attachments are off.

    Why it matters:
    Sigstore signatures are stored beside the image in the registry, and Podman fetches them only if
    this setting is on. Without it, the rule can never be met: every pull is refused, even of
    properly signed images. In practice, someone then relaxes the policy to get the service back,
    and the signatures no longer protect anyone.

    What may break:
    Nothing that works today. Pulls from the scope look for one more object in the registry; very
    old registries that refuse unknown tags may answer with an error.
    """
    policy = facts.trust.policy
    if isinstance(policy, Unread):
        return unknown(policy)
    if isinstance(policy, Missing):
        return not_applicable("there is no signature policy")
    scopes = [
        scope
        for scope, requirements in policy.transports.get("docker", {}).items()
        if any(requirement.type == "sigstoreSigned" for requirement in requirements)
    ]
    if (
        any(requirement.type == "sigstoreSigned" for requirement in policy.default)
        and "" not in scopes
    ):
        scopes.append("")
    if not scopes:
        return not_applicable("no rule in the policy requires a sigstore signature")
    evidence, missing = [], []
    for scope in scopes:
        section = need(_section(facts.trust, scope))
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
    if isinstance(trust.attachments, Unread) or (
        isinstance(default, Attachments) and default.enabled
    ):
        return default
    domain = scope.removeprefix("*")
    below = (
        section for section in trust.attachments if section.scope.partition("/")[0].endswith(domain)
    )
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


_KEY = "/etc/pki/containers/team.pub"
_CLIENT_KEY = "/etc/containers/certs.d/registry.example.com/client.key"
_PRIVATE = 0o077

_SAFE = rejecting(
    {"quay.io/team": (Requirement("sigstoreSigned", (_KEY,)),)},
    keys={_KEY: file(_KEY)},
    certificates=(),
)


@Check(
    gives=Gain.ENTRY.after(1, Origin.ACCOUNT),  # whoever writes the key signs any image
    summary="Make root the owner of the key and certificate files and remove write permission for "
    "others",
    risk=Risk.SAFE,
    passes=lambda: (engine(_SAFE), engine(accepting(certificates=()))),
    fails=lambda: (
        engine(
            TrustFacts(
                policy=Policy(POLICY_FILE, (REJECT,)),
                keys={
                    _KEY: file(
                        _KEY,
                        0o666,
                        Danger(_KEY, "world-writable (0666)", "chmod o-w"),
                    )
                },
                certificates=(),
            )
        ),
        engine(
            TrustFacts(
                policy=Policy(POLICY_FILE, (REJECT,)), keys={_KEY: Missing(_KEY)}, certificates=()
            )
        ),
        engine(
            accepting(
                certificates=(
                    Certificate(
                        "registry.example.com",
                        "key",
                        file(_CLIENT_KEY, 0o644),
                    ),
                )
            )
        ),
    ),
    references=("CIS Docker 1.6 3.7-3.8", "NIST SP 800-190 4.1.5"),
)
def unsafe_trust_keys(facts: EngineFacts) -> Verdict:
    """Trust keys missing or writable by others.

    What it checks:
    Every key and CA file named in the signature policy, and every certificate in the certs.d
    directories: whether it exists, who owns it, and who can write to it or to one of its parent
    directories. Private client keys in certs.d must also be unreadable for others (mode 0400 or
    0600).

    Why it matters:
    Whoever can replace a public key decides which signatures are valid: their own. Whoever can add
    a CA for a registry can impersonate it. A missing key makes every pull under its rule fail,
    which usually ends with the rule being turned off. A private client key that others can read
    lets them pull and push as this host.

    What may break:
    Nothing, if root owns the files and the engine's user can still read them. A rootless engine
    must be able to read the keys that its policy names.
    """
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
    return passed(
        effective=f"{plural(len(known), 'key and certificate file')} with safe owners and modes"
    )


def _failed(
    missing: list[str],
    open_keys: list[FileFact],
    dangers: tuple[Danger, ...],
) -> Verdict:
    reasons = []
    if missing:
        reasons.append(f"{plural(len(missing), 'key')} named in the policy not found")
    if open_keys:
        reasons.append(f"{plural(len(open_keys), 'private key')} readable by others")
    if dangers:
        reasons.append(
            f"{plural(len(dangers), 'path')} where others can change keys or certificates"
        )
    return failed(
        ", ".join(reasons),
        evidence=(
            *(Evidence(path, "does not exist") for path in missing),
            *(Evidence(key.path, f"mode {key.octal}") for key in open_keys),
            *danger_evidence(dangers),
        ),
        commands=(
            *map(_to_bring_back, missing),
            *(f"chmod 0400 -- {shlex.quote(key.path)}" for key in open_keys),
            *(repair(danger, NO_RELEASE) for danger in dangers),
        ),
    )


def _to_bring_back(key: str) -> str:
    """A key below /usr comes with a package; a host may mount that read-only."""
    if key.startswith("/usr/"):
        return f"# {key}: install the package again that it comes with"
    return f"install -D -m 0444 YOUR-COPY-OF-THE-KEY {shlex.quote(key)}"


@Check(
    # a layer is missing: the registry or the line must be taken over first
    gives=Gain.ENTRY.after(2, Origin.IMAGE),
    scope=Kind.SITE,
    summary="Require a signature for the image's repository in the policy",
    fix=FixKind.HOST_FILE,
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (
        container(
            "quay.io/team/shop:1.4",
            engine=engine(rejecting({"quay.io/team": (SIGSTORE,)})),
        ),
        container("localhost/shop:1.4", engine=engine(accepting())),
    ),
    fails=lambda: (
        container("quay.io/team/shop:1.4", engine=engine(accepting())),
        container(
            "docker.io/library/nginx:1.27", engine=engine(rejecting({"docker.io": (ACCEPT,)}))
        ),
    ),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
)
def unsigned_scope_in_use(facts: ContainerFacts) -> Verdict:
    """Image signature not verified.

    What it checks:
    Which rule of the signature policy applies to a pull of this container's image: the most
    specific one of exact reference, repository, namespaces, registry, `*.domain`, all registries,
    and the default. The check fails if that rule does not require a signature (`signedBy`,
    `sigstoreSigned`). A rule that rejects the image passes: nothing unsigned gets in. Images built
    on this host are left out, because they are not pulled.

    Why it matters:
    A tag is a promise by the registry, not by the author. Whoever can write to the repository, or
    get between you and it, can put another image under the same tag; the next pull fetches it and
    runs it with all rights of this container. A signature verified on your host ties the image to a
    key that the registry does not have.

    What may break:
    Pulls fail until the image is signed and the key is in place, and again when the signing key
    changes. Many public images are not signed: mirror them to your own registry and sign them
    there. Running containers are not affected.
    """
    name = facts.image_name or image_name(facts)
    need_image(facts)
    if not name or is_image_id(name):
        return not_applicable("the image has no name, so it cannot be pulled again")
    if reference(name).local:
        return not_applicable("the image has a local name, so it is never pulled")
    rule = need(rule_for(facts.engine.trust, name))
    declared = " and ".join(requirement.type for requirement in rule.requirements)
    if rule.verifies or rule.rejects:
        return passed(declared, evidence=(Evidence(rule.file, rule.explanation),))
    repository = (
        rule.reference.partition("@")[0].rpartition(":")[0] or rule.reference.partition("@")[0]
    )
    return failed(
        rule.explanation.removesuffix(".").replace(
            "The",
            "the",
            1,
        ),
        declared,
        evidence=(Evidence(rule.file, f"{rule.scope or 'docker'}: {declared}"),),
        commands=(
            f"podman image trust set -t sigstoreSigned -f /etc/pki/containers/KEY.pub '{repository}'",
            "podman image trust show",
        ),
    )
