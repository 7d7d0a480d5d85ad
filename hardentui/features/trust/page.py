"""Trust: what one engine's user trusts, as a page to read, and the tasks that change and prove it."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unread, known
from hardentui.model.trust import Policy, Registries, Requirement, TrustFacts, registry_of, rule_for
from hardentui.words import plural

SCHEMA = "hardentui/trust/1"

_KINDS = {
    "insecureAcceptAnything": "accept everything, signed or not",
    "reject": "refuse",
    "signedBy": "a GPG signature is required",
    "sigstoreSigned": "a sigstore signature is required",
}


def trust_page(
    engine: EngineFacts,
    images: Iterable[str],
) -> tuple[PageSection, ...]:
    """Everything about trust for one engine. `images`: references of the running images, as
    requested."""
    trust = known(lambda: engine.trust)
    if isinstance(trust, Unread):
        return (
            PageSection(
                "Policy",
                (PageLine("", f"unknown: {trust.reason}", Tone.MUTED),),
            ),
        )
    wanted = tuple(dict.fromkeys(images))
    sections = [
        PageSection("Policy", tuple(_policy(trust))),
        PageSection("Rule for each running image", tuple(_rules(trust, wanted))),
        PageSection("Registries", tuple(_registries(trust, wanted))),
        PageSection("Keys, certificates, credentials", tuple(_files(trust))),
    ]
    return tuple(sections)


def formats_page(engine: EngineFacts) -> tuple[PageSection, ...]:
    """Which signatures Podman reads, and where it looks for them on this host."""
    attachments = known(lambda: engine.trust.attachments)
    if isinstance(attachments, Unread):
        where = PageLine(
            "",
            "whether registries.d enables them is unknown",
            Tone.MUTED,
        )
    else:
        on = [section.scope or "every registry" for section in attachments if section.enabled]
        places = (
            ", ".join(on)
            if on
            else "nowhere yet; a rule with a sigstore key enables them for its scope"
        )
        where = PageLine(
            "",
            f"looked for: {places}",
            Tone.PLAIN if on else Tone.MUTED,
        )
    lines = (
        PageLine(
            "read",
            "sigstore attachments: the tag sha256-DIGEST.sig beside the image",
        ),
        where,
        PageLine(
            "read",
            "GPG signatures, in a directory or on a web server (lookaside)",
        ),
        PageLine(
            "not read",
            "sigstore bundles, the default of cosign 3: cosign sign --new-bundle-format=false",
        ),
        PageLine(
            "name",
            'podman and skopeo sign name and tag; cosign does not sign the tag, which needs "any '
            'tag"',
        ),
        PageLine(
            "measured", f"measured with Podman 5.4.2; this engine is {engine.version}", Tone.MUTED
        ),
    )
    return (PageSection("Signatures that Podman reads", lines),)


def _policy(trust: TrustFacts) -> Iterable[PageLine]:
    policy = trust.policy
    if isinstance(policy, Unread):
        yield PageLine("file", f"unknown: {policy.reason}", Tone.BAD)
    elif isinstance(policy, Missing):
        yield PageLine(
            "file",
            f"there is no {policy.path}: Podman rejects every pull",
            Tone.BAD,
        )
    else:
        yield PageLine("file", policy.file)
        yield PageLine(
            "default",
            _requirements(policy.default),
            _tone(policy.default),
        )
        yield from _scopes(policy)


def _scopes(policy: Policy) -> Iterable[PageLine]:
    for transport, scopes in policy.transports.items():
        for scope, requirements in scopes.items():
            name = f"{transport}:{scope}" if scope else f"all of {transport}"
            yield PageLine(
                "rule",
                f"{name}: {_requirements(requirements)}",
                _tone(requirements),
            )


def _requirements(requirements: tuple[Requirement, ...]) -> str:
    return (
        " and ".join(_KINDS.get(requirement.type, requirement.type) for requirement in requirements)
        or "no requirement"
    )


def _tone(requirements: tuple[Requirement, ...]) -> Tone:
    accepts = all(requirement.type == "insecureAcceptAnything" for requirement in requirements)
    return Tone.BAD if accepts else Tone.GOOD


def _rules(
    trust: TrustFacts,
    images: tuple[str, ...],
) -> Iterable[PageLine]:
    for image in images:
        rule = rule_for(trust, image)
        if isinstance(rule, Unread):
            yield PageLine("?", f"{image}: {rule.reason}", Tone.MUTED)
        elif rule.rejects:
            yield PageLine("refused", rule.explanation, Tone.GOOD)
        elif rule.verifies:
            yield PageLine("verified", rule.explanation, Tone.GOOD)
        else:
            yield PageLine("anything", rule.explanation, Tone.BAD)
    if not images:
        yield PageLine("", "no container runs", Tone.MUTED)


_SHORT_NAME_MODES = {
    "enforcing": "an ambiguous name is refused unless somebody chooses a registry",
    "permissive": "without a terminal, the first search registry that has the name is used",
    "disabled": "the first search registry that has the name is used",
}
"""What `short-name-mode` means for a name without a registry (containers-registries.conf(5))."""


def _registries(
    trust: TrustFacts,
    images: tuple[str, ...],
) -> Iterable[PageLine]:
    used: dict[str, int] = {}
    for image in images:
        try:
            host = registry_of(image)
        except ValueError:
            continue
        used[host] = used.get(host, 0) + 1
    listed = ", ".join(f"{host} ({plural(count, 'image')})" for host, count in used.items())
    yield PageLine("in use", listed or "none")
    registries = trust.registries
    if isinstance(registries, Unread):
        yield PageLine(
            "files",
            f"unknown: {registries.reason}",
            Tone.MUTED,
        )
        return
    yield PageLine("files", ", ".join(registries.files) or "no registries.conf")
    yield PageLine(
        "search",
        ", ".join(registries.search) or "none: short names are rejected",
    )
    mode = registries.short_name_mode
    meaning = f"{mode}: {_SHORT_NAME_MODES[mode]}" if mode in _SHORT_NAME_MODES else mode
    yield PageLine(
        "short names",
        meaning,
        Tone.PLAIN if mode == "enforcing" else Tone.BAD,
    )
    yield from _tables(registries)


def _tables(registries: Registries) -> Iterable[PageLine]:
    for registry in registries.registries:
        words = [
            word
            for word, on in (
                ("no TLS check", registry.insecure),
                ("blocked", registry.blocked),
            )
            if on
        ]
        words += [
            f"mirror {mirror.location}{' without TLS check' * mirror.insecure}"
            for mirror in registry.mirrors
        ]
        bad = registry.insecure or any(mirror.insecure for mirror in registry.mirrors)
        prefix, location = registry.prefix, registry.location
        where = f" at {location}" if location and location != prefix else ""
        settings = ", ".join(words) or "default settings"
        text = f"{prefix or location}{where}: {settings} ({registry.file})"
        yield PageLine(
            "registry",
            text,
            Tone.BAD if bad else Tone.PLAIN,
        )


def _files(trust: TrustFacts) -> Iterable[PageLine]:
    count = 0
    for path, key in trust.keys.items():
        count += 1
        if isinstance(key, Unread):
            yield PageLine("key", f"{path}: {key.reason}", Tone.MUTED)
        elif isinstance(key, Missing):
            yield PageLine(
                "key", f"{path}: the file is missing, so it cannot verify anything", Tone.BAD
            )
        else:
            yield _file("key", key)
    for what, many in (
        ("certificate", trust.certificates),
        ("credentials", trust.auth_files),
    ):
        if isinstance(many, Unread):
            yield PageLine(what, f"unknown: {many.reason}", Tone.MUTED)
            continue
        for entry in many:
            count += 1
            yield _file(what, entry.file)
    if not count:
        yield PageLine(
            "",
            "no key, certificate or credential file is in use",
            Tone.MUTED,
        )


def _file(label: str, file: FileFact) -> PageLine:
    if file.dangers:
        return PageLine(
            label,
            f"{file.path}: {'; '.join(map(str, file.dangers))}",
            Tone.BAD,
        )
    return PageLine(
        label,
        f"{file.path} ({file.octal}): only its owner can change it",
        Tone.GOOD,
    )
