"""Reading of policy, registries, keys and credentials out of small trees."""

import json
import stat
from typing import Any

import pytest

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.podman.registries_conf import parse_sections
from hardentui.host.podman.trust import parse_policy, read_trust
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.known import Unread, known
from hardentui.model.podman_version import Version
from hardentui.model.trust import Policy, Registries, TrustFacts

HOME = "/home/anna"
PODMAN_5 = Version(5, 4, 2)
ACCEPT = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
REJECT = json.dumps({"default": [{"type": "reject"}]})


def read(
    text: dict[str, str],
    *,
    uid: int = 1000,
    version: Version = PODMAN_5,
    **document: Any,
) -> TrustFacts:
    home = HOME if uid else "/root"
    return read_trust(
        RecordedFiles({"text": text, **document}), home=home, uid=uid, version=version
    )


def owned(
    uid: int,
    mode: int,
    gid: int | None = None,
) -> dict[str, Any]:
    group = uid if gid is None else gid
    return {
        "mode": stat.S_IFREG | mode,
        "uid": uid,
        "gid": group,
        "size": 1,
        "mtime": 5.0,
        "inode": 1,
        "device": 1,
    }


def policy_of(facts: TrustFacts) -> Policy:
    assert isinstance(facts.policy, Policy)
    return facts.policy


def registries_of(facts: TrustFacts) -> Registries:
    assert isinstance(facts.registries, Registries)
    return facts.registries


def test_the_users_own_policy_comes_first() -> None:
    own = f"{HOME}/.config/containers/policy.json"
    result = policy_of(read({"/etc/containers/policy.json": REJECT, own: ACCEPT}))
    assert (result.file, result.default[0].type) == (own, "insecureAcceptAnything")
    assert policy_of(read({"/etc/containers/policy.json": REJECT})).default[0].type == "reject"


def test_the_shared_policy_counts_from_podman_6_on() -> None:
    tree = {"/usr/share/containers/policy.json": REJECT}
    assert read(tree).policy == Missing("/etc/containers/policy.json")
    assert policy_of(read(tree, version=Version(6))).file == "/usr/share/containers/policy.json"


def test_a_closed_policy_is_unreadable_and_hides_the_next_one() -> None:
    own = f"{HOME}/.config/containers/policy.json"
    result = read({"/etc/containers/policy.json": REJECT}, errors={own: "EACCES"})
    assert isinstance(result.policy, Unread)
    assert own in result.policy.reason


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "null",
        "{}",
        '{"default": []}',
        '{"default": [{}]}',
        '{"default": "reject"}',
        '{"default": [{"type": "reject"}], "transports": {"docker": []}}',
        '{"default": [{"type": "reject"}], "transports": {"docker": {"quay.io": []}}}',
        '{"default": [{"type": "reject"}], "defaults": 1}',
        '{"default": ' + "[" * 100_000,
    ],
)
def test_what_podman_would_reject_is_no_policy(content: str) -> None:
    assert isinstance(known(lambda: parse_policy(content, "p")), Unread)


def test_every_key_file_of_a_policy_is_looked_at() -> None:
    requirement = {
        "type": "sigstoreSigned",
        "keyPaths": ["/keys/a.pub", "/keys/gone.pub"],
        "rekorPublicKeyPath": "/keys/rekor.pub",
    }
    keyless = {
        "type": "sigstoreSigned",
        "fulcio": {"caPath": "/keys/ca.pem", "oidcIssuer": "x"},
    }
    policy = {
        "default": [{"type": "reject"}],
        "transports": {"docker": {"quay.io": [requirement, keyless]}},
    }
    keys = {"/keys/a.pub": "k", "/keys/rekor.pub": "k", "/keys/ca.pem": "k"}
    result = read(
        {
            "/etc/containers/policy.json": json.dumps(policy),
            **keys,
        }
    )
    assert sorted(result.keys) == [
        "/keys/a.pub",
        "/keys/ca.pem",
        "/keys/gone.pub",
        "/keys/rekor.pub",
    ]
    assert isinstance(result.keys["/keys/gone.pub"], Missing)
    assert isinstance(result.keys["/keys/ca.pem"], FileFact)


def test_drop_ins_override_the_main_registries_file() -> None:
    main = """unqualified-search-registries = ["docker.io", "quay.io"]
[[registry]]
prefix = "example.com/team"
location = "mirror.example.com/team"
insecure = true
[[registry]]
location = "blocked.example.com"
blocked = true
[[registry.mirror]]
location = "m.example.com"
insecure = true
"""
    drop_in = """short-name-mode = "enforcing"
unqualified-search-registries = ["docker.io"]
credential-helpers = ["secretservice"]
[[registry]]
prefix = "example.com/team"
location = "mirror.example.com/team"
"""
    directory = "/etc/containers/registries.conf.d"
    result = registries_of(
        read(
            {
                "/etc/containers/registries.conf": main,
                f"{directory}/50.conf": drop_in,
                f"{directory}/x.txt": "{",
            }
        )
    )
    assert result.search == ("docker.io",)
    assert (result.search_file, result.mode_file) == (
        f"{directory}/50.conf",
        f"{directory}/50.conf",
    )
    assert result.short_name_mode == "enforcing"
    assert result.credential_helpers == ("secretservice",)
    team, blocked = result.registries
    assert not team.insecure
    assert blocked.blocked
    assert blocked.prefix == "blocked.example.com"
    assert blocked.mirrors[0].insecure


def test_a_users_own_registries_file_shuts_out_the_systems_drop_ins() -> None:
    own = f"{HOME}/.config/containers/registries.conf"
    system = {"/etc/containers/registries.conf.d/a.conf": 'short-name-mode = "disabled"'}
    assert registries_of(read(system)).short_name_mode == "disabled"
    assert registries_of(read({**system, own: ""})).short_name_mode == "permissive"
    assert (
        registries_of(read({**system, own: ""}, version=Version(6))).short_name_mode == "disabled"
    )


def test_the_old_format_is_not_read() -> None:
    old = '[registries.search]\nregistries = ["docker.io"]\n'
    assert isinstance(
        read({"/etc/containers/registries.conf": old}).registries,
        Unread,
    )


def test_sections_of_registries_d() -> None:
    content = """---
# comment
default-docker:
  lookaside-staging: file:///var/lib/containers/sigstore
docker:
  "quay.io/team":
    use-sigstore-attachments: true   # on
    lookaside: https://sigs.example.com
  registry.example.com:5000:
    use-sigstore-attachments: false
"""
    result = parse_sections(content, "f")
    assert {section.scope: section.enabled for section in result} == {
        "": False,
        "quay.io/team": True,
        "registry.example.com:5000": False,
    }


@pytest.mark.parametrize(
    "content",
    [
        "docker: {quay.io: {use-sigstore-attachments: true}}",
        "docker: &a\n  x: 1",
        "docker:\n  - quay.io",
        "just words",
        "docker:\n\tquay.io:",
        "docker:\n  quay.io: |\n    text",
    ],
)
def test_more_of_yaml_than_that_is_not_guessed_at(content: str) -> None:
    assert isinstance(known(lambda: parse_sections(content, "f")), Unread)


def test_credentials_are_counted_and_never_kept() -> None:
    path = "/run/user/1000/containers/auth.json"
    secret = "YW5uYTpodW50ZXIy"
    document = {
        "auths": {"quay.io": {"auth": secret}, "docker.io": {}},
        "credHelpers": {"ghcr.io": "pass"},
    }
    result = read({path: json.dumps(document)}, stats={path: owned(1000, 0o644)})
    assert not isinstance(result.auth_files, Unread)
    (file,) = result.auth_files
    assert file.inline == ("quay.io",)
    assert file.helpers == ("pass",)
    assert file.file.mode == 0o644
    assert secret not in repr(result)


def test_credentials_beside_a_name_that_stands_twice_are_told() -> None:
    content = '{"auths": {"quay.io": {"auth": "eDp5"}}, "credHelpers": {}, "credHelpers": {}}'
    result = read({"/root/.docker/config.json": content}, uid=0).auth_files
    assert not isinstance(result, Unread)
    (file,) = result
    assert file.inline == ("quay.io",)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"auths": 5}', '{"auths": {"a": 1}}', '{"credHelpers": []}']
)
def test_a_broken_credentials_file_holds_none(content: str) -> None:
    result = read({"/root/.docker/config.json": content}, uid=0).auth_files
    assert not isinstance(result, Unread)
    assert [(file.inline, file.helpers) for file in result] == [((), ())]


def test_key_data_inside_the_policy_is_seen_and_not_kept() -> None:
    policy = {
        "default": [{"type": "signedBy", "keyType": "GPGKeys", "keyData": "c2VjcmV0LWtleQ=="}]
    }
    result = policy_of(read({"/etc/containers/policy.json": json.dumps(policy)}))
    assert result.default[0].inline
    assert "c2VjcmV0" not in repr(result)


def test_a_relative_key_path_is_not_guessed_at() -> None:
    policy = {"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "keys/a.gpg"}]}
    result = read({"/etc/containers/policy.json": json.dumps(policy)})
    assert isinstance(result.keys["keys/a.gpg"], Unread)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"type": "Reject"}, "there is no type Reject"),
        ({"type": "sigstoreSigned"}, "needs one of"),
        ({"type": "sigstoreSigned", "keyPath": ""}, "needs one of"),
        ({"type": "sigstoreSigned", "keyPath": "/a", "keyData": "QQ=="}, "needs one of"),
        ({"type": "sigstoreSigned", "keyData": "%%%"}, "not a valid policy"),
        ({"type": "reject", "keyPath": "/a"}, "reject has no field keyPath"),
        ({"type": "signedBy", "keyPath": "/a"}, "keyType of signedBy"),
        ({"type": "signedBy", "keyType": "X509", "keyPath": "/a"}, "keyType of signedBy"),
    ],
)
def test_a_policy_that_podman_refuses_is_no_policy(entry: dict[str, str], why: str) -> None:
    document = {"default": [{"type": "reject"}], "transports": {"docker": {"a.io": [entry]}}}
    with pytest.raises(Unread, match=why):
        parse_policy(json.dumps(document), "policy.json")


def test_a_policy_with_two_defaults_is_no_policy() -> None:
    text = f'{REJECT[:-1]}, "default": [{{"type": "insecureAcceptAnything"}}]}}'
    with pytest.raises(Unread, match="twice"):
        parse_policy(text, "policy.json")


def test_aliases_of_short_names_hide_nothing_else() -> None:
    content = """[aliases]
  # a comment
  "busybox" = "docker.io/library/busybox"
  "example.com/insecure" = "example.com/other"

  [[registry]]
  "location" = "example.com"
  "insecure" = true
"""
    result = registries_of(read({"/etc/containers/registries.conf.d/a.conf": content}))
    assert [(registry.prefix, registry.insecure) for registry in result.registries] == [
        ("example.com", True)
    ]
    broken = read({"/etc/containers/registries.conf.d/a.conf": f"{content}blocked =\n"})
    assert isinstance(broken.registries, Unread)
    assert "at line 9" in broken.registries.reason


@pytest.mark.parametrize(
    "content",
    ["[", 'registry = "x"', "registry = [1]"],
)
def test_a_broken_registries_file_is_unreadable(content: str) -> None:
    result = read({"/etc/containers/registries.conf": content}).registries
    assert isinstance(result, Unread)
    assert "/etc/containers/registries.conf" in result.reason


def test_a_users_own_registries_d_replaces_the_systems() -> None:
    system = {
        "/etc/containers/registries.d/a.yaml": "default-docker:\n  use-sigstore-attachments: true\n"
    }
    own = {
        f"{HOME}/.config/containers/registries.d/b.yaml": "docker:\n  quay.io:\n    lookaside: x\n"
    }
    result = read(system).attachments
    assert not isinstance(result, Unread)
    assert [section.scope for section in result] == [""]
    result = read({**system, **own}).attachments
    assert not isinstance(result, Unread)
    assert [section.scope for section in result] == ["quay.io"]


def test_a_closed_credentials_file_makes_the_answer_unknown() -> None:
    result = read(
        {},
        errors={"/root/.docker/config.json": "EACCES"},
        uid=0,
    )
    assert isinstance(result.auth_files, Unread)


def test_certificates_have_a_host_and_a_role() -> None:
    directory = "/etc/containers/certs.d/registry.example.com:5000"
    tree = {
        f"{directory}/ca.crt": "c",
        f"{directory}/client.cert": "c",
        f"{directory}/client.key": "k",
        f"{directory}/README": "",
    }
    result = read(tree, stats={f"{directory}/client.key": owned(1001, 0o640)}).certificates
    assert not isinstance(result, Unread)
    assert [(certificate.host, certificate.role) for certificate in result] == [
        ("registry.example.com:5000", "ca"),
        ("registry.example.com:5000", "certificate"),
        ("registry.example.com:5000", "key"),
    ]
    assert [danger.what for danger in result[2].file.dangers] == ["belongs to uid 1001"]
