"""What other tools report about containers whose true state is known, and what proves our answer.

`RECORDED` are answers of benchmarks that were run once and are not available on every machine;
`MEASURED` are the conditions that tools/peers.py checks with tools that can be installed anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardentui.checks import check_by_id
from tests.live.flavours.model import Flavour
from tests.live.flavours.table import FLAVOURS


@dataclass(frozen=True)
class Proof:
    """The confusion table asserts this of a flavour: the check fails, or does not."""

    flavour: str
    check: str
    fails: bool = True

    def faults(self) -> list[str]:
        """Why the confusion table does not prove it."""
        result = by_name().get(self.flavour)
        if result is None:
            return [f"there is no flavour {self.flavour}"]
        if check_by_id(self.check) is None:
            return [f"there is no check {self.check}"]
        bad = [self.check in _bad(result, engine) for engine in result.engines]
        if self.fails and not any(bad):
            return [f"{self.check} need not fail on {self.flavour}"]
        if not self.fails and (
            any(bad) or self.check in result.unknown or self.check in result.free
        ):
            return [f"{self.check} may fail on {self.flavour}"]
        return []


@dataclass(frozen=True)
class Recorded:
    """One recorded answer.

    Attributes:
        docker, podman: what docker-bench-security and podman-security-bench say; empty: nothing
            wrong.
        proofs: what HardenTUI says; the confusion table asserts it.
        ours, test: the same for what no flavour can prove, in words, and the test that does
            (`file::name`).
    """

    truth: str
    docker: str
    podman: str
    proofs: tuple[Proof, ...] = ()
    ours: str = ""
    test: str = ""


@dataclass(frozen=True)
class Measured:
    """A bad condition that a peer may know.

    Attributes:
        checkov: the policies of checkov that are about it.
    """

    truth: str
    proof: Proof
    checkov: tuple[str, ...] = ()


def by_name() -> dict[str, Flavour]:
    return {flavour.name: flavour for flavour in FLAVOURS}


def _bad(flavour: Flavour, engine: str) -> frozenset[str]:
    return flavour.bad | flavour.bad_on.get(engine, frozenset())


RECORDED = (
    Recorded(
        "it has no health check",
        "pass: its query fails, which it counts as a pass",
        "pass (4.6)",
        (Proof("health-none", "missing-health-check"),),
    ),
    Recorded(
        "`--privileged` turns seccomp off",
        "pass: it only reads the options",
        "pass (5.21)",
        (Proof("privileged", "seccomp-unconfined"),),
    ),
    Recorded(
        "the container shares the host's user namespace",
        "pass",
        "pass (5.30)",
        (Proof("no-userns", "host-user-namespace"),),
    ),
    Recorded(
        "it is on the default network",
        "pass",
        "pass (5.29)",
        (Proof("network-default", "default-network"),),
    ),
    Recorded(
        "limits are set with `--cpus`",
        "",
        "fails",
        (Proof("hardened", "no-cpu-limit", fails=False),),
    ),
    Recorded(
        "an image was built on this host and is the newest",
        "",
        '"newer image"',
        (Proof("hardened", "superseded-image", fails=False),),
    ),
    Recorded(
        "the host's sshd, seen through `--pid=host`",
        "warns about an sshd inside",
        "",
        (
            Proof("pid-host-rootful", "host-pid"),
            Proof(
                "pid-host-rootful",
                "unexpected-process",
                fails=False,
            ),
        ),
    ),
    Recorded(
        "SELinux, when any security option is set",
        "pass",
        "",
        ours="judged by the process label",
        test="tests/unit/checks/test_steps_4_5_8_10.py::test_selinux_label_of_the_process_decides",
    ),
    Recorded(
        "loose `ulimit` settings",
        "pass",
        "pass (5.18)",
        (
            Proof("ulimit-core", "loose-ulimits"),
            Proof("ulimit-nofile", "loose-ulimits"),
        ),
    ),
    Recorded(
        "swarm mode, which Podman does not have",
        "nine passes and a warning",
        "",
        ours="no such check",
        test="tests/project/test_peers_page.py::test_no_check_is_about_what_podman_does_not_have",
    ),
)
MEASURED = (
    Measured(
        "privileged",
        Proof("privileged", "privileged"),
        ("CKV_K8S_16",),
    ),
    Measured(
        "the main process runs as root",
        Proof("user-root", "root-user"),
        ("CKV_K8S_23", "CKV_K8S_40"),
    ),
    Measured(
        "setuid programs can gain privileges",
        Proof("new-privileges", "new-privileges-allowed"),
        ("CKV_K8S_20",),
    ),
    Measured(
        "it keeps the default capabilities",
        Proof("default-caps", "default-capabilities-kept"),
        ("CKV_K8S_37", "CKV_K8S_28"),
    ),
    Measured(
        "it has SYS_ADMIN",
        Proof("cap-sys-admin", "host-takeover-capabilities"),
        ("CKV_K8S_25", "CKV_K8S_39"),
    ),
    Measured(
        "no seccomp filter", Proof("seccomp-unconfined", "seccomp-unconfined"), ("CKV_K8S_31",)
    ),
    Measured(
        "/proc and /sys are unmasked",
        Proof("unmask-all", "unmasked-system-paths"),
    ),
    Measured(
        "the root file system is writable",
        Proof("writable-root", "writable-rootfs"),
        ("CKV_K8S_22",),
    ),
    Measured(
        "no memory limit",
        Proof("no-memory-limit", "no-memory-limit"),
        ("CKV_K8S_13",),
    ),
    Measured(
        "no CPU limit",
        Proof("no-cpu-limit", "no-cpu-limit"),
        ("CKV_K8S_11",),
    ),
    Measured("no process limit", Proof("pids-unlimited", "no-pids-limit")),
    Measured(
        "no health check",
        Proof("health-none", "missing-health-check"),
        ("CKV_K8S_8",),
    ),
    Measured(
        "it sees the host's processes", Proof("pid-host-rootful", "host-pid"), ("CKV_K8S_17",)
    ),
    Measured(
        "it shares the host's IPC namespace",
        Proof("ipc-host", "host-ipc"),
        ("CKV_K8S_18",),
    ),
    Measured(
        "it uses the host's network",
        Proof("network-host", "host-network"),
        ("CKV_K8S_19",),
    ),
    Measured(
        "it is on the default network",
        Proof("network-default", "default-network"),
    ),
    Measured(
        "it shares the host's user namespace",
        Proof("no-userns", "host-user-namespace"),
    ),
    Measured(
        "the engine's socket is mounted", Proof("socket", "mounted-engine-socket"), ("CKV_K8S_27",)
    ),
    Measured(
        "the host's /etc is mounted writable",
        Proof("bind-etc-rw", "sensitive-host-mount"),
    ),
    Measured(
        "a port is published on all addresses", Proof("port-all", "wildcard-port"), ("CKV_K8S_26",)
    ),
    Measured(
        "a password is in an environment variable",
        Proof("secret-env", "plaintext-secret-env"),
        ("CKV_SECRET_6",),
    ),
    Measured(
        "a stopped container has a writable root file system",
        Proof("exited-bad", "writable-rootfs"),
        ("CKV_K8S_22",),
    ),
)


def recorded_table() -> str:
    """The recorded answers as Markdown."""
    lines = [
        "| true state | docker-bench-security | podman-security-bench | HardenTUI |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row.truth} | {row.docker} | {row.podman} | {_ours(row)} |" for row in RECORDED]
    return "\n".join(lines)


def _ours(row: Recorded) -> str:
    proofs = [
        f"`{proof.check}` {'fails' if proof.fails else 'does not fail'} on {proof.flavour}"
        for proof in row.proofs
    ]
    return ", ".join(proofs) or f"{row.ours} (`{row.test.rpartition('::')[2]}`)"
