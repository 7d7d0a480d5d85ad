"""Where a proof of a policy runs: registries, keys and storage of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import Struct

from hardentui.account import find_program
from hardentui.errors import ToolMissing
from hardentui.host.asker import asker
from hardentui.host.asking import Ask
from hardentui.model.known import Unread
from hardentui.model.trust_change import Pull, PullVerdict

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
