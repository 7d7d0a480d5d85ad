"""Configuration that decides where images come from and who must have signed them, for one engine's
user."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any

from hardentui.host.files import ROOT_ONLY, Files, examine, names, reached, read_accounts, text
from hardentui.host.podman.containers_conf import FIRST_FILE_ONLY_SINCE, read_configuration
from hardentui.host.podman.registries_conf import read_attachments, read_registries
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.known import Known, Unread, known
from hardentui.model.path_steps import Accounts
from hardentui.model.podman_version import Version
from hardentui.model.trust import AuthFile, Certificate, Policy, Requirement, TrustFacts
from hardentui.reading.access import READ, who_may

SYSTEM_POLICY = "/etc/containers/policy.json"
SHARED_POLICY = "/usr/share/containers/policy.json"
_FILE_FIELDS = tuple(
    (
        "keyPath keyPaths rekorPublicKeyPath rekorPublicKeyPaths caPath caRootsPath "
        "caIntermediatesPath"
    ).split()
)
_DATA_FIELDS = (
    "keyData",
    "keyDatas",
    "rekorPublicKeyData",
    "rekorPublicKeyDatas",
    "caData",
    "caRootsData",
)
_REKOR_FIELDS = tuple(f"rekorPublicKey{kind}" for kind in ("Path", "Paths", "Data", "Datas"))
_SIGNATURE_KEYS = frozenset({"keyPath", "keyPaths", "keyData"})
_SOURCES: Mapping[str, frozenset[str]] = {
    "insecureAcceptAnything": frozenset(),
    "reject": frozenset(),
    "signedBaseLayer": frozenset(),
    "signedBy": _SIGNATURE_KEYS,
    "sigstoreSigned": _SIGNATURE_KEYS | {"keyDatas", "fulcio", "pki"},
}
"""Types of requirements, and the fields of which exactly one says whose signature counts."""
_OTHER_FIELDS: Mapping[str, frozenset[str]] = {
    "signedBaseLayer": frozenset({"baseLayerIdentity"}),
    "signedBy": frozenset({"keyType", "signedIdentity"}),
    "sigstoreSigned": frozenset({"signedIdentity", *_REKOR_FIELDS}),
}
_KEY_TYPES = ("GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs")
_ROLES = {".crt": "ca", ".cert": "certificate", ".key": "key"}


def read_trust(
    files: Files,
    *,
    home: str,
    uid: int,
    version: Version,
) -> TrustFacts:
    """Everything that applies to pulls of the engine running as `uid` with this home directory.

    Reads a dozen small files; runs no program and uses no network.
    """
    owners = ROOT_ONLY | {uid}
    accounts = read_accounts(files)
    policy = known(
        _policy,
        files,
        home,
        version,
    )
    return TrustFacts(
        uid=uid,
        policy=policy,
        attachments=known(
            lambda: read_attachments(
                files,
                home=home,
                version=version,
            )
        ),
        registries=known(
            lambda: read_registries(
                files,
                home=home,
                uid=uid,
                version=version,
            )
        ),
        certificates=known(
            _certificates,
            files,
            home,
            owners,
            accounts,
        ),
        keys=_keys(
            files,
            policy,
            owners,
            accounts,
        ),
        auth_files=known(
            _auth_files,
            files,
            home,
            uid,
            accounts,
        ),
        configuration=read_configuration(
            files,
            home=home,
            uid=uid,
            version=version,
        ),
        home=home,
    )


def _policy(
    files: Files,
    home: str,
    version: Version,
) -> Policy | Missing:
    candidates = [
        f"{home}/.config/containers/policy.json",
        SYSTEM_POLICY,
    ]
    if version >= FIRST_FILE_ONLY_SINCE:
        candidates.append(SHARED_POLICY)
    for path in candidates:
        content = text(files, path)
        if isinstance(content, str):
            return parse_policy(content, path)
    return Missing(SYSTEM_POLICY)


def parse_policy(
    content: str,
    path: str,
) -> Policy:
    """A policy.json.

    Raises:
        Unread: Podman itself would also reject the file.
    """
    try:
        document = json.loads(content, object_pairs_hook=_once)
        if set(document) - {"default", "transports"}:
            raise ValueError(f"unknown field {min(set(document) - {'default', 'transports'})}")
        transports = {
            str(transport): {str(scope): _requirements(many) for scope, many in scopes.items()}
            for transport, scopes in (document.get("transports") or {}).items()
        }
        return Policy(
            path,
            _requirements(document["default"]),
            transports,
        )
    except (ValueError, RecursionError) as error:
        raise Unread(
            f"{path} is not a valid policy ({error}); Podman refuses every pull with it"
        ) from None
    except (KeyError, TypeError, AttributeError):
        raise Unread(f"{path} is not a policy; Podman refuses every pull with it") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which each name stands once."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("a name stands twice in it")
    return named


def _requirements(many: Any) -> tuple[Requirement, ...]:
    requirements = tuple(_requirement(entry) for entry in many)
    if not requirements:
        raise ValueError("a scope without requirements")
    return requirements


def _requirement(entry: dict[str, Any]) -> Requirement:
    kind = str(entry["type"])
    if kind not in _SOURCES:
        raise ValueError(f"there is no type {kind}")
    sources = _SOURCES[kind]
    if sources and sum(bool(entry.get(source)) for source in sources) != 1:
        raise ValueError(f"{kind} needs one of {', '.join(sorted(sources))}")
    if strange := set(entry) - {"type"} - sources - _OTHER_FIELDS.get(kind, frozenset()):
        raise ValueError(f"{kind} has no field {min(strange)}")
    if key := entry.get("keyData"):
        b64decode(key, validate=True)
    if kind == "signedBy" and entry.get("keyType") not in _KEY_TYPES:
        raise ValueError(f"keyType of signedBy is one of {', '.join(_KEY_TYPES)}")
    return Requirement(
        kind,
        tuple(_paths(entry)),
        _inline(entry),
        _signed_as(entry.get("signedIdentity") or {}),
    )


def _signed_as(identity: dict[str, Any]) -> str:
    return str(identity.get("dockerReference") or identity.get("dockerRepository") or "")


def _paths(requirement: dict[str, Any]) -> list[str]:
    paths: list[str] = []
    for field in _FILE_FIELDS:
        value = requirement.get(field)
        paths += (
            [str(path) for path in value]
            if isinstance(value, list)
            else [str(value)]
            if value
            else []
        )
    for inner in requirement.values():
        if isinstance(inner, dict):
            paths += _paths(inner)
    return paths


def _inline(requirement: dict[str, Any]) -> bool:
    inner = any(isinstance(value, dict) and _inline(value) for value in requirement.values())
    return inner or any(field in requirement for field in _DATA_FIELDS)


def _keys(
    files: Files,
    policy: Known[Policy | Missing],
    owners: frozenset[int],
    accounts: Accounts | None,
) -> dict[str, Known[FileFact | Missing]]:
    if not isinstance(policy, Policy):
        return {}
    named = {path for _, requirement in policy.requirements() for path in requirement.files}
    return {
        path: examine(
            files,
            path,
            owners,
            accounts=accounts,
        )
        for path in sorted(named)
    }


def _certificates(
    files: Files,
    home: str,
    owners: frozenset[int],
    accounts: Accounts | None,
) -> tuple[Certificate, ...]:
    certificates: list[Certificate] = []
    for directory in (
        f"{home}/.config/containers/certs.d",
        "/etc/containers/certs.d",
        "/etc/docker/certs.d",
    ):
        for host in names(files, directory):
            for name in names(files, f"{directory}/{host}"):
                fact = examine(
                    files,
                    f"{directory}/{host}/{name}",
                    owners,
                    accounts=accounts,
                )
                role = _ROLES.get(name[name.rfind(".") :])
                if role and isinstance(fact, Unread):
                    raise fact
                if role and isinstance(fact, FileFact):
                    certificates.append(
                        Certificate(
                            host,
                            role,
                            fact,
                        )
                    )
    return tuple(certificates)


def auth_paths(
    home: str,
    uid: int,
) -> tuple[str, ...]:
    """Podman's default places for registry credentials."""
    first = f"/run/user/{uid}/containers/auth.json" if uid else "/run/containers/0/auth.json"
    rest = (".config/containers/auth.json", ".docker/config.json", ".dockercfg")
    return (first, *(f"{home}/{path}" for path in rest))


def _auth_files(
    files: Files,
    home: str,
    uid: int,
    accounts: Accounts | None,
) -> tuple[AuthFile, ...]:
    auth_files = []
    owners = ROOT_ONLY | {uid}
    for path in auth_paths(home, uid):
        fact = examine(
            files,
            path,
            owners,
            accounts=accounts,
        )
        if isinstance(fact, Missing):
            continue
        seen = reached(files, path)
        readers = (
            who_may(
                READ,
                seen[0],
                accounts,
                owners,
            )
            if isinstance(seen, tuple)
            else ()
        )
        if isinstance(fact, Unread):
            raise fact
        content = text(files, path)
        if isinstance(content, str):
            auth_files.append(
                _auth_file(
                    content,
                    fact,
                    readers,
                )
            )
    return tuple(auth_files)


def _auth_file(
    content: str,
    fact: FileFact,
    readers: tuple[str, ...],
) -> AuthFile:
    """The kinds of credentials in a file. The credentials themselves never leave this function."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return AuthFile(fact)
    if not isinstance(document, dict):
        return AuthFile(fact)
    auths = document.get(
        "auths",
        document if fact.path.endswith(".dockercfg") else {},
    )
    entries: Iterable[tuple[str, Any]] = auths.items() if isinstance(auths, dict) else ()
    inline = tuple(
        str(host) for host, entry in entries if isinstance(entry, dict) and _has_secret(entry)
    )
    helpers = document.get("credHelpers")
    named = {str(helper) for helper in helpers.values()} if isinstance(helpers, dict) else set()
    if isinstance(document.get("credsStore"), str) and document["credsStore"]:
        named.add(document["credsStore"])
    return AuthFile(
        fact,
        inline,
        tuple(sorted(named)),
        readers,
    )


def _has_secret(entry: dict[str, Any]) -> bool:
    return any(entry.get(field) for field in ("auth", "identitytoken", "password", "registrytoken"))
