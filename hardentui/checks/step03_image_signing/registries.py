"""Registries: encryption, approval, credentials, short names."""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.model.trust import (
    AuthFile,
    Mirror,
    Registries,
    Registry,
    full_reference,
    registry_of,
    scopes_of,
)
from hardentui.options.argv import parse_create_command
from hardentui.reading.access import EVERYBODY
from hardentui.reading.host_words import NO_RELEASE
from hardentui.reading.images import image_name, is_image_id, need_image, reference
from hardentui.reading.repairs import repair

_DROP_IN = "/etc/containers/registries.conf.d/900-short-names.conf"


@Check(
    gives=Gain.ENTRY.after(2, Origin.IMAGE),  # a typing error can pull from a stranger's registry
    summary="Search one registry at most, in enforcing mode",
    passes=lambda: (
        engine(accepting(registries=Registries(("docker.io",), "enforcing"))),
        engine(accepting(registries=Registries())),
    ),
    fails=lambda: (
        engine(accepting(registries=Registries(("docker.io", "quay.io"), "enforcing"))),
        engine(accepting(registries=Registries(("docker.io",)))),
    ),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
)
def ambiguous_short_names(facts: EngineFacts) -> Verdict:
    """Short image names can resolve to other registries.

    What it checks:
    The effective registries.conf, main file and drop-ins: whether `short-name-mode` is `enforcing`,
    and whether at most one registry is searched for names without a registry. If nothing is set,
    Podman uses `permissive`. With an empty search list, a short name without an alias is refused,
    which passes.

    Why it matters:
    With several search registries and no terminal, permissive mode takes the first registry that
    has the name. A script, a timer or the API then runs whatever someone put there first.
    `enforcing` refuses to guess.

    What may break:
    Scripts that pull by short name stop with an error if the name is ambiguous. Give them full
    names, or add an alias to registries.conf.
    """
    registries = need(facts.trust.registries)
    search = registries.search
    evidence = (
        Evidence(
            registries.mode_file or "Podman's default",
            f"short-name-mode: {registries.short_name_mode}",
        ),
        Evidence(
            registries.search_file or "Podman's default", f"search: {', '.join(search) or 'none'}"
        ),
    )
    declared = f"{registries.short_name_mode}, {len(search)} searched"
    if not search:
        return passed(
            declared, evidence=evidence, reason="no registry is searched, so only aliases resolve"
        )
    if len(search) > 1:
        reason = (
            f"a short name may come from any of {plural(len(search), 'registry', 'registries')}"
        )
    elif registries.short_name_mode != "enforcing":
        reason = f"the mode is {registries.short_name_mode}: an ambiguous name is not refused"
    else:
        return passed(declared, evidence=evidence)
    return failed(
        reason,
        declared,
        evidence=evidence,
        commands=_commands(search),
    )


def _commands(search: tuple[str, ...]) -> tuple[str, ...]:
    return (
        f"# {_DROP_IN}",
        f'unqualified-search-registries = ["{search[0]}"]',
        'short-name-mode = "enforcing"',
    )


_FILE = "/root/.config/containers/auth.json"
_PLAIN = "containers-auth.json"


@Check(
    gives=Gain.SECRETS.after(1, Origin.ACCOUNT),  # another account of this host can pull or push
    summary="Set the credentials file to mode 0600, or use a credential helper",
    risk=Risk.SAFE,
    passes=lambda: (
        engine(
            accepting(
                auth_files=(AuthFile(file(_FILE, 0o600), ("quay.io",)),), registries=Registries()
            )
        ),
        # readable by mode, and below a home that nobody else may enter
        engine(
            accepting(
                auth_files=(AuthFile(file(_FILE, 0o644), ("quay.io",)),), registries=Registries()
            )
        ),
        engine(accepting(auth_files=())),
    ),
    fails=lambda: (
        engine(
            accepting(
                auth_files=(
                    AuthFile(
                        file(_FILE, 0o644),
                        ("quay.io",),
                        readers=(EVERYBODY,),
                    ),
                ),
                registries=Registries(),
            )
        ),
        engine(
            accepting(
                auth_files=(
                    AuthFile(
                        file(_FILE, 0o600),
                        ("quay.io",),
                        ("secretservice",),
                    ),
                ),
                registries=Registries(),
            )
        ),
    ),
    references=("NIST SP 800-190 4.2.3",),
)
def exposed_registry_credentials(facts: EngineFacts) -> Verdict:
    """Registry credentials readable by others.

    What it checks:
    The files in which Podman looks for registry credentials (`auth.json`, `~/.docker/config.json`):
    whether accounts other than the owner can read or change them (mode, ACLs and all parent
    directories count), and whether they contain passwords although a credential helper is
    configured. HardenTUI looks only at the names of the registries and does not keep the
    credentials.

    Why it matters:
    The file contains user names and passwords in a form that anyone can decode. Whoever reads it
    can pull your private images and, with push access, plant a modified image where your hosts will
    fetch it.

    What may break:
    Nothing for the owner. A tool that runs as another user and borrowed the file needs its own
    credentials. After moving a password into a helper, log in again.
    """
    registries, files = facts.trust.registries, need(facts.trust.auth_files)
    if not files:
        return not_applicable("there are no registry credentials in files")
    holding = [auth for auth in files if auth.inline or auth.helpers]
    wide = [auth for auth in holding if auth.inline and auth.readers]
    dangers = dangers_of(auth.file for auth in holding)
    helpers = () if isinstance(registries, Unread) else registries.credential_helpers
    real = any(helper != _PLAIN for helper in helpers)
    idle = [auth for auth in holding if auth.inline and (auth.helpers or real)]
    if not (wide or dangers or idle):
        return passed(effective=f"{plural(len(files), 'file')} closed to others")
    return _failed(wide, dangers, idle)


def _failed(
    wide: list[AuthFile],
    dangers: tuple[Danger, ...],
    idle: list[AuthFile],
) -> Verdict:
    reasons = []
    if wide:
        reasons.append(f"{plural(len(wide), 'file')} with registry passwords readable by others")
    if dangers:
        reasons.append("others can change the credentials")
    if idle:
        reasons.append("passwords are in a file although a credential helper is configured")
    evidence = [
        Evidence(
            auth.file.path,
            f"mode {auth.file.octal}, {_names(auth)}{_readers(auth)}",
        )
        for auth in (*wide, *idle)
    ]
    return failed(
        "; ".join(reasons),
        evidence=(*dict.fromkeys(evidence), *danger_evidence(dangers)),
        gives=None if wide or dangers else Gain.SECRETS.after(2, Origin.ACCOUNT),
        commands=(
            *(f"chmod 600 -- {shlex.quote(auth.file.path)}" for auth in wide),
            *(repair(danger, NO_RELEASE) for danger in dangers),
            *(
                f"podman logout {shlex.quote(host)} && podman login {shlex.quote(host)}"
                for host in dict.fromkeys(host for auth in idle for host in auth.inline)
            ),
        ),
    )


def _readers(auth: AuthFile) -> str:
    more = " and more" if auth.readers[5:] else ""
    return f", readable by {', '.join(auth.readers[:5])}{more}" if auth.readers else ""


def _names(auth: AuthFile) -> str:
    return f"credentials for {', '.join(auth.inline)}"


_LOCAL = Registry(
    "localhost:5000",
    "localhost:5000",
    insecure=True,
)
_MIRRORED = Registry(
    "docker.io",
    "docker.io",
    mirrors=(Mirror("example.com:5000", True),),
)
_INSECURE = Registry(
    "example.com",
    "example.com",
    True,
    file="/etc/containers/registries.conf",
)
_HERE = ("localhost", "127.0.0.1", "[::1]")


@Check(
    gives=Gain.ENTRY.after(1, Origin.NETWORK),  # whoever is on the line chooses the image
    summary="Give the registry a certificate that this host trusts and remove `insecure = true`",
    passes=lambda: (
        engine(accepting(registries=Registries())),
        engine(accepting(registries=Registries(registries=(_LOCAL,)))),
    ),
    fails=lambda: (
        engine(accepting(registries=Registries(registries=(_INSECURE,)))),
        engine(accepting(registries=Registries(registries=(_MIRRORED,)))),
    ),
    references=("CIS Docker 1.6 2.5", "NIST SP 800-190 4.2.1"),
)
def insecure_registry(facts: EngineFacts) -> Verdict:
    """Registry configured as insecure.

    What it checks:
    Whether the effective registries.conf has `insecure = true` for a registry or one of its
    mirrors. Registries on the host itself (`localhost`, `127.0.0.1`, `::1`) are left out, since
    nobody can sit in between. So are blocked registries.

    Why it matters:
    Insecure means: accept any certificate, and fall back to plain HTTP. Anyone on the way (a rogue
    access point, a hijacked DNS answer, a neighbour on the same network segment) can then serve
    another image and read your registry password. A digest or a signature protects the image, but
    not the password.

    What may break:
    Pulls from the registry fail until it has a certificate that this host trusts. Put your own CA
    into `/etc/containers/certs.d/HOST:PORT/ca.crt`; nothing else has to change.
    """
    registries = need(facts.trust.registries)
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
        evidence=tuple(
            Evidence(file, f"insecure = true for {location}") for location, file in insecure
        ),
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


@Check(
    gives=Gain.ENTRY.after(1, Origin.NETWORK),  # whoever is on the line chooses the image
    summary="Verify the registry's certificate",
    remediate=lambda spec, context: spec.without(TLS_VERIFY),
    passes=("",),
    fails=("--tls-verify=false",),
    references=("CIS Docker 1.6 2.5", "NIST SP 800-190 4.2.1"),
)
def tls_verification_off(facts: ContainerFacts) -> Verdict:
    """TLS verification off for image pulls.

    What it checks:
    Whether the command that created the container says `--tls-verify=false`. Containers without a
    recorded command, such as those created through the API, cannot show it.

    Why it matters:
    The flag lets anyone between this host and the registry serve another image and read the
    registry password. It is typed once to get past a certificate error, and then lives on in
    scripts and unit files.

    What may break:
    Pulls fail until this host trusts the registry's certificate: put its CA into
    `/etc/containers/certs.d/HOST:PORT/ca.crt`.
    """
    if not facts.spec[TLS_VERIFY]:
        return failed(
            "the image is pulled with --tls-verify=false",
            "--tls-verify=false",
        )
    if TLS_VERIFY in facts.spec.unknowable:
        return unknown("no source shows whether TLS was verified for the pull")
    return passed("TLS is verified")


@Check(
    gives=Gain.ENTRY.after(2, Origin.IMAGE),  # outside the rules of the site, not known to be bad
    scope=Kind.IMAGE,
    summary="Use an image from an approved registry, or approve this one",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (
        container(
            "quay.io/team/shop:1.4",
            engine=engine(rejecting({"quay.io": (ACCEPT,)})),
        ),
        container("quay.io/team/shop:1.4", engine=engine(accepting())),
    ),
    fails=lambda: (
        container(
            "docker.io/someone/shop:1",
            engine=engine(rejecting({"quay.io": (ACCEPT,)})),
        ),
    ),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
    parameters={"approved": ()},
)
def unapproved_registry(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Image from an unapproved registry.

    What it checks:
    Whether the registry of the container's image is on the approved list: the parameter `approved`
    of the checklist, for example `["quay.io/team", "*.example.com"]`. Without a list, the signature
    policy serves as one if its default is `reject`: whatever it would refuse to pull today is not
    approved. If there is neither, the check is not applicable.

    Why it matters:
    Most compromises through images involve no break-in: someone pulls a convenient image by an
    unknown author. A short list of sources (an internal mirror, the vendors you chose) is the
    cheapest filter there is, and it makes every exception visible.

    What may break:
    The image must be pulled again from an approved place, and the content there may differ: compare
    the digests. Blocking a registry in registries.conf also blocks base images that builds pull
    from it.
    """
    name = facts.image_name or image_name(facts)
    need_image(facts)
    if not name or is_image_id(name):
        return unknown("the image has no name, so its origin is not known")
    if reference(name).local:
        return not_applicable("the image has a local name and did not come from a registry")
    registry = registry_of(name)
    approved = parameters.texts("approved")
    if approved:
        if set(scopes_of(full_reference(name))) & set(approved):
            return passed(registry)
        return failed(
            f"{registry} is not on the list of approved registries",
            registry,
            commands=_block(registry),
        )
    rule = need(rule_for(facts.engine.trust, name))
    evidence = (Evidence(rule.file, rule.explanation),)
    if rule.rejects:
        reason = f"the signature policy would refuse to pull this image from {registry} today"
        return failed(
            reason,
            registry,
            evidence=evidence,
            commands=_block(registry),
        )
    if rule.scope in ("default", ""):
        return not_applicable("there is no list of approved registries (parameter `approved`)")
    return passed(registry, evidence=evidence)


def _block(registry: str) -> tuple[str, ...]:
    return (
        (
            "# /etc/containers/registries.conf.d/blocked.conf, once nothing needs this registry any "
            "more"
        ),
        "[[registry]]",
        f'prefix = "{registry}"',
        "blocked = true",
    )


_FULL = "docker.io/library/nginx:1.27"
_TYPED = {
    "ImageName": _FULL,
    "Config": {"CreateCommand": ["podman", "run", "-d", "nginx:1.27"]},
}


def _fix_short_image_name(spec: Spec, context: FixContext) -> Spec:
    if not _is_short(spec[IMAGE] or context.facts.image_name):
        return spec.with_(IMAGE, spec[IMAGE] or context.facts.image_name)
    full = context.facts.image_name
    if not full or _is_short(full):
        raise CannotFix(
            "Podman does not know the full name of the image", "Name it with its registry yourself."
        )
    return spec.with_(IMAGE, full)


@Check(
    gives=Gain.ENTRY.after(2, Origin.IMAGE),  # another registry may answer for the name
    scope=Kind.IMAGE,
    summary="Use the full image name, with its registry",
    risk=Risk.SAFE,
    remediate=_fix_short_image_name,
    passes=lambda: (
        container("docker.io/library/nginx:1.27", inspect={"ImageName": _FULL}),
        "localhost/shop:1.4",
    ),
    fails=lambda: (
        container("nginx:1.27", inspect={"ImageName": _FULL}),
        container(inspect=_TYPED),
    ),
    references=("CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
)
def short_image_name(facts: ContainerFacts) -> Verdict:
    """Image name without a registry.

    What it checks:
    Whether the image was named without a registry (`nginx` instead of `docker.io/library/nginx`).
    Podman records the full name that it found, so the command that created the container decides,
    if there is one. Containers created through the API keep no record of the short name; for them,
    the recorded full name counts.

    Why it matters:
    A short name is looked up, first in a table of aliases, then in each registry of the search list
    in turn. Whoever registers the same name in a registry that is searched earlier gets to run on
    your host. The result also differs between hosts, and changes when someone edits the list.

    What may break:
    Nothing. The full name refers to the image that runs now.
    """
    need_image(facts)
    name = facts.spec[IMAGE] or facts.image_name
    if not name:
        return unknown("Podman does not report which image the container was created from")
    if _is_short(name):
        return failed("the image name has no registry", name)
    typed = _typed(facts)
    if typed and _is_short(typed):
        evidence = (Evidence("Config.CreateCommand", typed),)
        return failed(
            f"created from a short name, which resolved to {name} at the time",
            typed,
            evidence=evidence,
        )
    return passed(typed or name)


def _is_short(name: str) -> bool:
    transport, separator, _ = name.partition(":/")
    if is_image_id(name) or (separator and transport.isalpha()):
        return False
    return not reference(name).host


def _typed(facts: ContainerFacts) -> str:
    """The image as it was typed; empty if that is not known or if a planned spec is judged."""
    if isinstance(facts.kernel, NotRunning) and facts.kernel.state == "planned":
        return ""
    command = parse_create_command((facts.inspect.get("Config") or {}).get("CreateCommand"))
    if command is None or _looks_like_id(command.image, str(facts.inspect.get("Image") or "")):
        return ""
    return command.image


def _looks_like_id(typed: str, image: str) -> bool:
    """Whether it is a shortened image ID, which is not a name."""
    return len(typed) >= 4 and bool(image) and image.startswith(typed)
