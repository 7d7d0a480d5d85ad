"""Keys and signatures of images: told apart, made, listed, and a pull that proves one. With skopeo."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from hardentui.account import find_program, home, is_ours
from hardentui.directories import write_error
from hardentui.errors import HardenError, InputError, ToolMissing, UsageError, WriteError
from hardentui.features.trust.policy import needed, section_of, text_of, with_rules
from hardentui.host.asker import asker
from hardentui.host.commands import Ask
from hardentui.host.podman.trust import auth_paths
from hardentui.model.known import Known, Unread
from hardentui.model.trust import full_reference
from hardentui.model.trust_change import Pull, PullVerdict, RuleKind, ScopeRule
from hardentui.regular_files import refuse_strangers
from hardentui.visible import visible

# Real pulls with a policy that is not in effect yet, in a temporary store; nothing on the host
# changes.
#
# Podman looks for policy.json and registries.d in the home directory first, so it uses those of a
# temporary home. Its locks are in a file of the sandbox: the default ones are shared by all stores
# of a machine, and a Podman starting in a new store would free them. Without podman, skopeo pulls,
# with the same library.

_ROOMY = "/var/tmp"  # noqa: S108 - on a disk; we create our own directory in it
_REGISTRIES = "CONTAINERS_REGISTRIES_CONF"
_LONGEST_PULL = 600.0
_BRIEFLY = 30.0
_WORDS = (
    (
        "A signature was required, but no signature exists",
        PullVerdict.UNSIGNED,
    ),
    ("is rejected by policy", PullVerdict.REJECTED),
    (
        "cryptographic signature verification failed",
        PullVerdict.WRONG_KEY,
    ),
    ("Invalid GPG signature", PullVerdict.WRONG_KEY),
    ("No public key", PullVerdict.WRONG_KEY),
    ("Required email", PullVerdict.WRONG_KEY),
    (
        "missing dev.sigstore.cosign/",
        PullVerdict.WRONG_KEY,
    ),  # a key where a certificate is required
    ("Unexpected subject hostname", PullVerdict.WRONG_KEY),
    ("eaf certificate failed", PullVerdict.WRONG_KEY),
    ("is not accepted", PullVerdict.WRONG_IDENTITY),
)


class Sandbox(Struct, frozen=True):
    """A directory with everything needed for a pull."""

    directory: str  # temporary, removed afterwards
    home: str  # the home directory of the engine's user, with its registry settings and logins
    auth_file: str  # with the user's logins; empty = there is none
    ask: Ask

    def pull(
        self,
        reference: str,
        policy: str,
        sections: Mapping[str, str],
        leads_to: str = "",
    ) -> Pull:
        """Pull an image with this policy.

        Args:
            sections: file name -> text of registries.d.
            leads_to: `host:port/name` to redirect this name to, without TLS.
        """
        home = os.path.join(self.directory, "home")
        settings = os.path.join(home, ".config", "containers")
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(os.path.join(settings, "registries.d"), mode=0o700)
        _write(os.path.join(settings, "policy.json"), policy)
        for name, text in sections.items():
            _write(os.path.join(settings, "registries.d", name), text)
        for name in ("registries.conf", "registries.conf.d", "certs.d"):
            own = os.path.join(
                self.home,
                ".config",
                "containers",
                name,
            )
            if os.path.exists(own):
                os.symlink(own, os.path.join(settings, name))
        environment = {
            "HOME": home,
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
            **self._podman_files(),
        }
        if self.auth_file:
            environment["REGISTRY_AUTH_FILE"] = self.auth_file
        if leads_to:
            remap = os.path.join(self.directory, "leads-to.conf")
            prefix = reference.partition("@")[0]
            head, slash, last = prefix.rpartition("/")
            prefix = f"{head}{slash}{last.partition(':')[0]}"
            _write(
                remap,
                f'[[registry]]\nprefix = "{prefix}"\nlocation = "{leads_to}"\ninsecure = true\n',
            )
            environment[_REGISTRIES] = remap
        return self._run(reference, settings, environment)

    def _podman_files(self) -> dict[str, str]:
        """Settings that keep Podman inside the sandbox."""
        inside = self.directory
        engine = "\n".join(
            f'{name} = "{inside}/{value}"'
            for name, value in (
                ("tmp_dir", "tmp"),
                ("static_dir", "root/libpod"),
                ("volume_path", "volumes"),
            )
        )
        _write(
            os.path.join(inside, "containers.conf"),
            f'[engine]\nlock_type = "file"\nevents_logger = "none"\n{engine}\n'
            f'[network]\nnetwork_config_dir = "{inside}/networks"\n',
        )
        _write(
            os.path.join(inside, "storage.conf"),
            f'[storage]\ndriver = "vfs"\ngraphroot = "{inside}/root"\nrunroot = "{inside}/runroot"\n'
            f'rootless_storage_path = "{inside}/root"\n',
        )
        os.makedirs(os.path.join(inside, "copies"), exist_ok=True)
        return {
            "CONTAINERS_CONF": os.path.join(inside, "containers.conf"),
            "CONTAINERS_STORAGE_CONF": os.path.join(inside, "storage.conf"),
            "TMPDIR": os.path.join(inside, "copies"),
        }

    def _run(
        self,
        reference: str,
        settings: str,
        environment: Mapping[str, str],
    ) -> Pull:
        program = puller()
        if program == "podman":
            stores = (
                "--root",
                f"{self.directory}/root",
                "--runroot",
                f"{self.directory}/runroot",
            )
            command: Sequence[str] = (
                "podman",
                *stores,
                "--storage-driver",
                "vfs",
                "pull",
                "-q",
                reference,
            )
        else:
            out = os.path.join(self.directory, "pulled")
            shutil.rmtree(out, ignore_errors=True)
            files: tuple[str, ...] = ("--policy", f"{settings}/policy.json")
            files = (*files, "--registries.d", f"{settings}/registries.d")
            if remap := environment.get(_REGISTRIES):  # skopeo ignores the variable
                files = (*files, "--registries-conf", remap)
            command = (
                "skopeo",
                *files,
                "copy",
                "-q",
                f"docker://{reference}",
                f"dir:{out}",
            )
        answer = self.ask(command, _LONGEST_PULL, environment)
        by = version(self.ask, program)
        if not isinstance(answer, Unread):
            return Pull(reference, PullVerdict.ACCEPTED, by=by)
        if answer.said is None:
            return Pull(
                reference,
                PullVerdict.UNKNOWN,
                answer.reason,
                by,
            )
        verdict = next(
            (verdict for words, verdict in _WORDS if words in answer.said), PullVerdict.UNKNOWN
        )
        return Pull(
            reference,
            verdict,
            answer.said or answer.reason,
            by,
        )


@contextmanager
def sandbox(
    home: str,
    auth_files: Sequence[str],
    stop: threading.Event,
) -> Iterator[Sandbox]:
    """A sandbox that is removed afterwards.

    Args:
        auth_files: possible files with its logins, in Podman's order.

    Raises:
        ToolMissing: neither podman nor skopeo is here.
    """
    puller()
    directory = tempfile.mkdtemp(
        prefix="hardentui-pull-", dir=_ROOMY if os.access(_ROOMY, os.W_OK) else None
    )
    ask = asker(stop)
    try:
        yield Sandbox(
            directory,
            home,
            next(filter(os.path.exists, auth_files), ""),
            ask,
        )
    finally:
        if os.geteuid() != 0:  # the store contains files of other users of its user namespace
            asker(threading.Event())(
                ("podman", "unshare", "rm", "-rf", f"{directory}/root"), _BRIEFLY
            )
        shutil.rmtree(directory, ignore_errors=True)


def puller() -> str:
    """The program to pull with.

    Raises:
        ToolMissing: there is neither.
    """
    for name in ("podman", "skopeo"):
        if find_program(name):
            return name
    raise ToolMissing(
        "A policy is proven by real pulls, and neither podman nor skopeo is on this host.",
        "Install one of them where the engine runs.",
    )


def version(ask: Ask, program: str) -> str:
    """`podman 5.4.2`."""
    answer = ask((program, "--version"), _BRIEFLY)
    return program if isinstance(answer, Unread) else answer.strip().replace(" version ", " ")


def _write(path: str, text: str) -> None:
    handle = os.open(
        path,
        os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW,
        0o600,
    )
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


_LARGEST = 1 << 20
_SIGSTORE = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcnAzydONQs5K/f+f12XYyN91dtHw
pGAatwFXKx5PZWndB6Y6fiDM/ITMOOX9c+h+7xAgnQM3Z68xm6vKf8p8KQ==
-----END PUBLIC KEY-----
"""
_GPG = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawfXfxYJKwYBBAHaRw8BAQdA+eXGbDmErq0t81sGKMqjVgDcdN0MoJGOGrqk
4lTQdTW0GG5vYm9keUBoYXJkZW50dWkuaW52YWxpZIiQBBMWCgA4FiEEeP9vA/sA
G0a+euDUDB10ehW5tggFAmsH138CGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AA
CgkQDB10ehW5tgjP4AD/YxS6tcRDoeVJDBos8R0x+XMS+7/5A870JMqNLPUpRtsA
/11motTimgduhuHOZjuigpbwBDnOSAGj8J9Sc6gZOVgK
=5hOE
-----END PGP PUBLIC KEY BLOCK-----
"""
_FIRST_BYTES_OF_BINARY_GPG = frozenset({0x98, 0x99, 0xC6})


def kind_of(path: str) -> RuleKind:
    """Whether a public key is for sigstore or GPG.

    Raises:
        InputError: it cannot be read, is a private key, or is not a key.
    """
    shown = visible(path, 200)
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST)
    except OSError as error:
        raise InputError(f"The key {shown} cannot be read: {error.strerror}.") from error
    if b"PRIVATE KEY" in content:
        raise InputError(
            f"{shown} is a private key; a policy needs the public one.",
            "For sigstore that is the file NAME.pub beside NAME.private or NAME.key.",
        )
    if b"-----BEGIN PUBLIC KEY-----" in content:
        return RuleKind.SIGSTORE
    if b"BEGIN PGP PUBLIC KEY BLOCK" in content or content[:1] in [
        bytes([n]) for n in _FIRST_BYTES_OF_BINARY_GPG
    ]:
        return RuleKind.GPG
    raise InputError(f"{shown} is not a public key of sigstore (PEM) or GPG.")


def key_of_nobody(kind: RuleKind, directory: str) -> str:
    """Write a public key whose private half was discarded; returns its path."""
    path = os.path.join(directory, f"nobody-{kind.value}.pub")
    with open(path, "w", encoding="ascii") as file:
        file.write(_GPG if kind is RuleKind.GPG else _SIGSTORE)
    return path


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_SECONDS = 600.0
_ASK_SECONDS = 60.0


class Signatures(Struct, frozen=True):
    """The kinds of signatures of an image in its registry."""

    digest: str  # of the image for this machine's architecture, which is what Podman verifies
    attachments: bool  # as tag `sha256-DIGEST.sig`: what Podman reads
    bundles: bool  # as referrers (cosign 3 by default): not read by any Podman yet
    only_list: bool = False  # the manifest list has an attachment, but the image itself has none


class SigningFailed(HardenError):
    """Signing failed because of the registry or the key; nothing is signed."""

    exit_code = 2


def sign(
    reference: str,
    private: str,
    passphrase_file: str,
    directory: str,
    ask: Ask,
) -> None:
    """Add a sigstore signature to an image, for all its architectures; the image itself is
    unchanged.

    Args:
        reference: in the registry, with its tag: the signature is for this name.
        private: the private key; passphrase_file: with its passphrase, empty = it has none.
        directory: for temporary files of skopeo.

    Raises:
        SigningFailed
    """
    sections = os.path.join(directory, "sign.d")
    os.makedirs(
        sections,
        mode=0o700,
        exist_ok=True,
    )
    with open(
        os.path.join(sections, "sign.yaml"),
        "w",
        encoding="utf-8",
    ) as file:
        name = json.dumps(section_of(reference))
        file.write(f"docker:\n  {name}:\n    use-sigstore-attachments: true\n")
    passphrase = passphrase_file or os.path.join(directory, "no-passphrase")
    if not passphrase_file:
        with open(passphrase, "w", encoding="ascii") as file:
            file.write("\n")
    where = f"docker://{reference}"
    command = (
        "skopeo",
        "--insecure-policy",
        "--registries.d",
        sections,
        "copy",
        "-q",
        "--all",
        "--sign-by-sigstore-private-key",
        private,
        "--sign-passphrase-file",
        passphrase,
        where,
        where,
    )
    answer = ask(command, _SECONDS)
    if isinstance(answer, Unread):
        raise SigningFailed(f"{visible(reference, 100)} was not signed: {answer.reason}.")


def make_key(
    directory: str,
    name: str,
    passphrase_file: str,
    ask: Ask,
) -> tuple[str, str]:
    """Create a sigstore key pair; returns the paths of the private and the public key.

    Raises:
        WriteError: it could not be created, or already exists.
    """
    place = os.path.abspath(directory)
    prefix = os.path.join(place, name)
    if not os.path.isdir(place):
        missing = errno.ENOTDIR if os.path.lexists(place) else errno.ENOENT
        raise write_error(OSError(missing, os.strerror(missing)), place)
    private, public = f"{prefix}.private", f"{prefix}.pub"
    if not is_ours(place):
        raise WriteError(
            f"{visible(place)} can be changed by another account, who could exchange the key.",
            "Choose a directory that only you can change.",
        )
    if os.path.lexists(private) or os.path.lexists(public):
        raise WriteError(f"{visible(private)} or its public key already exists and was left alone.")
    command = (
        "skopeo",
        "generate-sigstore-key",
        "--output-prefix",
        prefix,
        "--passphrase-file",
        passphrase_file,
    )
    answer = ask(command, _ASK_SECONDS)
    if isinstance(answer, Unread):
        raise WriteError(f"No key was created: {answer.reason}.")
    return private, public


def public_key_of(private: str) -> str:
    """The public key beside a private one, as skopeo, podman and cosign name them.

    Raises:
        InputError: there is no such file.
    """
    base = private.removesuffix(".private").removesuffix(".key")
    public = f"{base}.pub"
    if not os.path.isfile(public):
        raise InputError(
            f"There is no {visible(public)} beside the private key.", "Give it with --public."
        )
    return public


def signatures_of(reference: str, ask: Ask) -> Known[Signatures]:
    """Query the registry; nothing is pulled."""
    where = f"docker://{reference}"
    digest = ask(
        ("skopeo", "inspect", "--format", "{{.Digest}}", where),
        _ASK_SECONDS,
    )
    manifest = ask(("skopeo", "inspect", "--raw", where), _ASK_SECONDS)
    if isinstance(digest, Unread):
        return digest
    if isinstance(manifest, Unread):
        return manifest
    listed = ask(
        (
            "skopeo",
            "list-tags",
            f"docker://{section_of(reference)}",
        ),
        _ASK_SECONDS,
    )
    if isinstance(listed, Unread):
        return listed
    try:
        tags = set(json.loads(listed)["Tags"])
        own = _of_this_machine(json.loads(manifest)) or digest.strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unread("the registry's answer cannot be understood")
    name, of_list = own.replace(":", "-"), digest.strip().replace(":", "-")
    attached = f"{name}.sig" in tags
    return Signatures(
        own, attached, bool({name, of_list} & tags), not attached and f"{of_list}.sig" in tags
    )


def _of_this_machine(manifest: Any) -> str:
    """The digest of this architecture's image in a manifest list; empty if there is no list."""
    for entry in manifest.get("manifests") or ():
        platform = entry.get("platform") or {}
        if platform.get("architecture") == _ARCHITECTURES.get(os.uname().machine):
            return str(entry["digest"])
    return ""


# Signing your own images: a key pair, a signature in the registry, and the pull that proves it.


@contextmanager
def passphrase_file(passphrase: str) -> Iterator[str]:
    """A file with a typed passphrase while it is needed, readable by this account only; no file for
    none."""
    if not passphrase:
        yield ""
        return
    directory = os.environ.get("XDG_RUNTIME_DIR", "")  # in memory
    private = (
        directory
        if directory.startswith("/") and is_ours(directory) and os.access(directory, os.W_OK)
        else None
    )
    with tempfile.NamedTemporaryFile(
        "w",
        prefix="hardentui-",
        dir=private,
    ) as file:
        file.write(f"{passphrase}\n")
        file.flush()
        yield file.name


def refuse_key_name(name: str) -> None:
    """Raises UsageError for what is no file name."""
    if "/" in name or name[:1] in ("", ".", "-"):
        raise UsageError("The name of a key is a file name, such as release.")


def new_key(
    directory: str,
    name: str,
    passphrase_file: str,
    *,
    stop: threading.Event,
) -> tuple[str, str]:
    """Create a sigstore key pair in a directory; returns the paths of the private and the public
    key.

    Raises:
        UsageError: the session is somebody else's, in a browser, or that is no file name.
        WriteError: it could not be created, or it already exists.
    """
    refuse_strangers()
    refuse_key_name(name)
    with tempfile.NamedTemporaryFile("w", prefix="hardentui-") as nothing:
        nothing.write("\n")
        nothing.flush()
        return make_key(
            directory,
            name,
            passphrase_file or nothing.name,
            asker(stop),
        )


def sign_and_prove(
    reference: str,
    private: str,
    passphrase_file: str,
    public: str,
    *,
    stop: threading.Event,
) -> Pull:
    """Sign an image in its registry, then pull it with a policy that requires exactly this key.

    Args:
        public: the public key; empty = the one beside the private key.

    Raises:
        InputError: a file or name that cannot be used.
        SigningFailed: nothing was signed.
        ToolMissing: skopeo is not here.
    """
    refuse_strangers()
    full = _full(reference)
    key = os.path.abspath(public or public_key_of(private))
    kind_of(key)
    rule = ScopeRule(section_of(full), RuleKind.SIGSTORE, key)
    policy = with_rules(
        json.dumps({"default": [{"type": "reject"}]}),
        [rule],
        reject=True,
    )
    sections = {"50-hardentui.yaml": text_of(needed([rule]), (), ()) or ""}
    with sandbox(home(), auth_paths(home(), os.geteuid()), stop) as box:
        passphrase = os.path.abspath(passphrase_file) if passphrase_file else ""
        sign(
            full,
            os.path.abspath(private),
            passphrase,
            box.directory,
            box.ask,
        )
        return box.pull(full, policy, sections)


def _full(reference: str) -> str:
    try:
        return full_reference(reference)
    except ValueError:
        raise InputError(f"{visible(reference, 100)!r} is not an image of a registry.") from None
