"""A pod for Kubernetes: nothing lost, nothing smuggled, and what Pod Security says of it."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hardentui.errors import CannotExpress
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.writers.context import Member, UnitContext
from hardentui.writers.kube import KubeFile, kube_file
from hardentui.writers.kube.cluster_rules import broken_rules
from tests.support.kubernetes_rules import refusals
from tests.support.option_samples import sample

BASE = Spec.of((NAME, "web"), (IMAGE, "registry.example/i:1"))
RESTRICTED = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "data/pod-security-restricted.schema.json").read_text())
)
HARDENED = (
    (NAME, "web"),
    (IMAGE, "registry.example/i:1"),
    (USER, "1000:1000"),
    (CAP_DROP, ("all",)),
    (CAP_ADD, ("NET_BIND_SERVICE",)),
    (NO_NEW_PRIVILEGES, True),
    (READ_ONLY, True),
    (PUBLISH, (Port(80, "8080", "127.0.0.1"),)),
    (MOUNTS, (Mount("volume", "data", "/data"),)),
)


def written(*pairs: tuple[Option[Any], Any], context: UnitContext | None = None) -> KubeFile:
    return kube_file(Spec.of(*pairs), context or UnitContext())


def documents(made: KubeFile) -> list[Any]:
    return list(yaml.safe_load_all(made.text))


def pod(*pairs: tuple[Option[Any], Any]) -> Any:
    return documents(written((NAME, "web"), (IMAGE, "i"), *pairs))[0]


def container(*pairs: tuple[Option[Any], Any]) -> Any:
    return pod(*pairs)["spec"]["containers"][0]


def head(made: KubeFile) -> str:
    """The comments, unfolded."""
    lines = [line for line in made.text.splitlines() if line.startswith("#")]
    return "\n".join(lines).replace("\n#   ", " ")


@pytest.mark.parametrize(
    "option",
    [option for option in TABLE if option is not ROOTFS],
    ids=repr,
)
def test_no_option_is_lost_or_makes_a_pod_that_is_silently_refused(option: Option[Any]) -> None:
    """Each is in the pod, in the command of Podman, or named as not carried over."""
    value = sample(option)
    spec = BASE.with_(option, value)
    if option.name.startswith("health-"):
        spec = spec.with_(HEALTH_CMD, spec[HEALTH_CMD] or "true")
        spec = spec.with_(HEALTH_STARTUP_CMD, spec[HEALTH_STARTUP_CMD] or "true")
    made = kube_file(spec, UnitContext())
    if option in (NAME, IMAGE):
        assert str(value).partition(":")[0] in made.text
    else:
        assert made.text != kube_file(spec.without(option), UnitContext()).text
    refused = [why for document in documents(made) for why in refusals(document)]
    assert not refused or option is DNS or "a cluster refuses it" in head(made), refused


def test_a_plan_that_is_restricted_is_admitted() -> None:
    made = written(*HARDENED)
    first, service = documents(made)
    assert list(RESTRICTED.iter_errors(first)) == []
    assert 'Admitted by Pod Security "restricted".' in made.text
    assert first["spec"]["containers"][0]["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["NET_BIND_SERVICE"],
    }
    assert service["spec"]["ports"][0]["port"] == 80
    assert "--publish=127.0.0.1:8080:80" in head(made)


LOOSER: list[tuple[str, tuple[Option[Any], Any]]] = [
    ("privileged", (PRIVILEGED, True)),
    ("root", (USER, "0")),
    ("a user by name", (USER, "www")),
    ("gains privileges", (NO_NEW_PRIVILEGES, False)),
    ("keeps capabilities", (CAP_DROP, ("CHOWN",))),
    ("a capability more", (CAP_ADD, ("NET_RAW",))),
    ("no seccomp", (SECCOMP_PROFILE, "unconfined")),
    ("no AppArmor", (APPARMOR, "unconfined")),
    ("SELinux type", (LABEL_TYPE, "spc_t")),
    ("masks lifted", (UNMASK, ("ALL",))),
    ("host network", (NETWORK, ("host",))),
    ("host pid", (PID, "host")),
    ("host ipc", (IPC, "host")),
    (
        "host path",
        (MOUNTS, (Mount("bind", "/srv", "/srv"),)),
    ),
    ("sysctl", (SYSCTL, ("net.core.somaxconn=1",))),
]


@pytest.mark.parametrize(
    "looser",
    [pair for _, pair in LOOSER],
    ids=[name for name, _ in LOOSER],
)
def test_each_rule_of_restricted_is_told(looser: tuple[Option[Any], Any]) -> None:
    made = kube_file(Spec.of(*HARDENED).with_(*looser), UnitContext())
    first = documents(made)[0]
    assert list(RESTRICTED.iter_errors(first))
    assert broken_rules(first)
    assert 'Not admitted by Pod Security "restricted"' in head(made)
    assert "Admitted by" not in head(made)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([pair for _, pair in LOOSER]), max_size=4))
def test_the_rules_and_the_standard_agree(looser: list[tuple[Option[Any], Any]]) -> None:
    spec = Spec.of(*HARDENED)
    for option, value in looser:
        spec = spec.with_(option, value)
    first = documents(kube_file(spec, UnitContext()))[0]
    assert bool(broken_rules(first)) == bool(list(RESTRICTED.iter_errors(first)))


def test_no_default_of_a_cluster_gives_more_than_podman() -> None:
    security = container()["securityContext"]
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security["capabilities"] == {"drop": ["AUDIT_WRITE", "MKNOD", "NET_RAW"]}
    assert pod()["spec"]["automountServiceAccountToken"] is False
    assert container((CAP_ADD, ("NET_RAW",)))["securityContext"]["capabilities"] == {
        "drop": ["AUDIT_WRITE", "MKNOD"],
        "add": ["NET_RAW"],
    }
    assert "capabilities" not in container((PRIVILEGED, True))["securityContext"]


@pytest.mark.parametrize(
    ("action", "probe"),
    [
        ("", "readinessProbe"),
        ("kill", "livenessProbe"),
        ("restart", "livenessProbe"),
    ],
)
def test_a_health_check_does_in_a_pod_what_it_does_in_podman(
    action: str,
    probe: str,
) -> None:
    made = container(
        (HEALTH_CMD, "curl -f x"), (HEALTH_INTERVAL, "1m30s"), (HEALTH_ON_FAILURE, action)
    )
    assert made[probe] == {
        "exec": {"command": ["/bin/sh", "-c", "curl -f x"]},
        "periodSeconds": 90,
        "timeoutSeconds": 30,
        "failureThreshold": 3,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CMD-SHELL a b", ["/bin/sh", "-c", "a b"]),
        ("CMD a b", ["a", "b"]),
        ('["CMD", "a", "b c"]', ["a", "b c"]),
        ('["CMD-SHELL", "a b"]', ["/bin/sh", "-c", "a b"]),
        ('["a", "b"]', ["a", "b"]),
        ("[ -f /x ]", ["/bin/sh", "-c", "[ -f /x ]"]),
    ],
)
def test_spellings_of_a_health_command(
    text: str,
    words: list[str],
) -> None:
    assert container((HEALTH_CMD, text))["readinessProbe"]["exec"]["command"] == words


def test_a_pod_is_written_with_all_of_its_containers() -> None:
    inspect = {
        "Name": "site",
        "InfraConfig": {
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
            "HostAdd": ["db:10.0.0.5"],
        },
        "ExitPolicy": "stop",
        "CreateCommand": ["podman", "pod", "create", "site"],
    }
    cache = Spec.of(
        (NAME, "cache"),
        (IMAGE, "redis"),
        (POD, "site"),
        (RESTART, "always"),
    )
    context = UnitContext(
        pod=inspect,
        members=(Member(cache, UnitContext()),),
    )
    made = written(
        (NAME, "web"),
        (IMAGE, "i"),
        (POD, "site"),
        context=context,
    )
    first, service = documents(made)
    assert first["metadata"]["name"] == "site"
    assert [container["name"] for container in first["spec"]["containers"]] == ["web", "cache"]
    assert first["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert first["spec"]["hostAliases"] == [{"ip": "10.0.0.5", "hostnames": ["db"]}]
    assert service["metadata"]["name"] == "site"
    assert made.name == "site.kube.yaml"
    assert "--exit-policy=stop of the pod is not carried over" in head(made)
    assert "--publish=127.0.0.1:8080:80" in head(made)


def test_what_starts_first_and_what_the_pod_mounts_stay_so() -> None:
    def member(
        name: str,
        created: str,
        *more: tuple[Option[Any], Any],
    ) -> Member:
        return Member(
            Spec.of(
                (NAME, name),
                (IMAGE, "i"),
                (POD, "site"),
                *more,
            ),
            UnitContext(created=created),
        )

    inspect = {
        "Name": "site",
        "CreateCommand": "podman pod create --volume data:/data --volume /srv:/srv:ro site".split(),
    }
    members = (
        member(
            "second",
            "2026-11-29T10:00:02Z",
            (INIT_CTR, "once"),
            (HEALTH_CMD, "true"),
        ),
        member(
            "web",
            "2026-11-29T10:00:03Z",
            (RESTART, "always"),
            (MOUNTS, (Mount("volume", "own", "/data"),)),
        ),
        member(
            "first",
            "2026-11-29T10:00:01Z",
            (INIT_CTR, "once"),
        ),
    )
    context = UnitContext(pod=inspect, members=members)
    made = written(
        (NAME, "db"),
        (IMAGE, "i"),
        (POD, "site"),
        (RESTART, "always"),
        context=context,
    )
    spec = documents(made)[0]["spec"]
    assert [container["name"] for container in spec["initContainers"]] == ["first", "second"]
    assert [container["name"] for container in spec["containers"]] == ["db", "web"]
    assert not any("Probe" in key for container in spec["initContainers"] for key in container)
    assert spec["restartPolicy"] == "Always"
    for container in (*spec["initContainers"], *spec["containers"]):
        assert sorted(mount["mountPath"] for mount in container["volumeMounts"]) == [
            "/data",
            "/srv",
        ]
    names = [volume["name"] for volume in spec["volumes"]]
    assert len(names) == len(set(names)) == 3
    used = {
        mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]
    }
    assert used == set(names)
    assert "no field for it" not in head(made)
    assert "the health check of second is not carried over" in head(made)
    assert "differs from the value of the pod" not in head(made)


def test_what_a_pod_has_once_for_all_is_told() -> None:
    other = Member(
        Spec.of((NAME, "other"), (IMAGE, "i"), (POD, "site")),
        UnitContext(),
    )
    made = written(
        *(
            (NAME, "web"),
            (IMAGE, "i"),
            (POD, "site"),
            (RESTART, "always"),
            (INIT, True),
        ),
        *(
            (ULIMIT, ("nofile=10:20",)),
            (ANNOTATIONS, ("a=b",)),
            (MEMORY, 1 << 26),
            (MEMORY_SWAP, 1 << 26),
        ),
        context=UnitContext(
            pod={"Name": "site"},
            members=(other,),
        ),
    )
    annotations = documents(made)[0]["metadata"]["annotations"]
    assert annotations["io.podman.annotations.init"] == "TRUE"
    for key in ("a", "io.podman.annotations.init", "io.podman.annotations.ulimit"):
        assert f"{key} of web applies to every container of the pod" in made.notes
    assert (
        "restartPolicy of other differs from the value of the pod and is not carried over"
        in made.notes
    )
    assert any(note.startswith("--memory-swap=") for note in made.notes)
    alone = written(
        (NAME, "web"), (IMAGE, "i"), (INIT, True), (ANNOTATIONS, ("a=b",)), (MEMORY, 1 << 26)
    )
    assert any("the swap limit that --memory implies" in note for note in alone.notes)
    assert not any("applies to every container" in note for note in alone.notes)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        (
            (ADD_HOST, ("my_host:10.0.0.1",)),
            "my_host is not a host name",
        ),
        ((USER, "4294967294"), "runAsUser 4294967294 is above"),
        (
            (USER, "1000:4294967294"),
            "runAsGroup 4294967294 is above",
        ),
        (
            (GROUP_ADD, ("4294967294",)),
            "the group 4294967294 is above",
        ),
        (
            (UNMASK, ("ALL",)),
            "needs a user namespace of its own",
        ),
        (
            (DNS, ("1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4")),
            "more than 3 name servers",
        ),
        (
            (MOUNTS, (Mount("bind", "/srv", "/srv", ("rshared",)),)),
            "propagates mounts to the host",
        ),
    ],
)
def test_what_only_a_cluster_refuses_is_told(
    pair: tuple[Option[Any], Any],
    told: str,
) -> None:
    made = written((NAME, "web"), (IMAGE, "i"), pair)
    assert told in head(made)
    assert [note for note in made.notes if "a cluster refuses it" in note]
    assert "a cluster refuses it" not in head(written(*HARDENED))


HOSTILE = st.text(
    alphabet=st.sampled_from(
        "a \n\r\t\x00\x07\x1b\x85\u2028\u202e\ufeff{}[]#&*!|>'\"%@`-:,?\\$é😀\ud800"
    ),
    max_size=20,
)


@settings(max_examples=100, deadline=None)
@given(HOSTILE, HOSTILE)
def test_no_value_gets_out_of_its_place(first: str, second: str) -> None:
    spec = Spec.of(
        (NAME, "web"),
        (IMAGE, "i"),
        (ENV, (f"A={first}", f"B{second}=x")),
        (COMMAND, (first, second)),
        (LABELS, (f"{first}={second}",)),
        (ANNOTATIONS, (f"a={second}", f"{second}=b")),
        (MOUNTS, (Mount("bind", f"/x{first}", f"/y{second}"),)),
        (NETWORK, (f"n{first}",)),
    )
    try:
        made = kube_file(spec, UnitContext(), (f"Note: {first}",))
    except CannotExpress:
        assert "\ud800" in first + second
        return
    assert made.text.partition("\n---\n")[2].isascii()
    assert all(character.isprintable() or character == "\n" for character in made.text)
    (only,) = documents(made)
    assert set(only) == {"apiVersion", "kind", "metadata", "spec"}
    (sole,) = only["spec"]["containers"]
    assert sole["env"][0] == {"name": "A", "value": first}
    assert [word.replace("$$", "$").replace("$", "") for word in sole["args"]] == [
        first.replace("$", ""),
        second.replace("$", ""),
    ]
    command = made.text.partition("\n---\n")[0].splitlines()[-1]
    assert shlex.split(command.removeprefix("#   "))[:3] == ["podman", "kube", "play"]


VARIED: dict[str, tuple[tuple[Option[Any], Any], ...]] = {
    "plain": (),
    "hardened": HARDENED,
    "ports": (
        (
            PUBLISH,
            tuple(Port(port, "", "", way) for port in (53, 80) for way in ("tcp", "udp")),
        ),
    ),
    "one port on two addresses": (
        (
            PUBLISH,
            (Port(80, "1", "127.0.0.1"), Port(80, "2", "127.0.0.2")),
        ),
    ),
    "long name": ((NAME, f"{'a' * 120}_X.y"),),
    "odd variables": ((ENV, ("A=1", "A=2", "B-C=3", "1X=2", "=x", "é=1")),),
    "odd labels": (
        (
            LABELS,
            (
                "/x=1",
                "a/b/c=1",
                f"{'x' * 70}=1",
                f"x={'y' * 70}",
                "a=-b",
                "ok/a=b",
            ),
        ),
    ),
    "odd annotations": ((ANNOTATIONS, ("A/b=2", "/=x", f"{'x' * 70}=1")),),
    "volumes alike": (
        (
            MOUNTS,
            (
                Mount("volume", "my-data", "/a"),
                Mount("volume", "my.data", "/b"),
            ),
        ),
    ),
    "tmpfs and mounts": (
        (READ_ONLY, True),
        (MOUNTS, (Mount("volume", "a", "/tmp"),)),
        (TMPFS, ("/run",)),
    ),
    "names of people": (
        (USER, "www-data:www-data"),
        (GROUP_ADD, ("wheel", "5")),
    ),
    "SYS_ADMIN": ((CAP_ADD, ("SYS_ADMIN",)), (NO_NEW_PRIVILEGES, True)),
    "privileged": ((PRIVILEGED, True), (NO_NEW_PRIVILEGES, True)),
}


@pytest.mark.parametrize(
    "pairs",
    VARIED.values(),
    ids=VARIED,
)
def test_a_cluster_takes_varied_containers_or_the_file_says_why_not(
    pairs: tuple[tuple[Option[Any], Any], ...],
) -> None:
    spec = BASE
    for option, value in pairs:
        spec = spec.with_(option, value)
    made = kube_file(spec, UnitContext())
    refused = [why for document in documents(made) for why in refusals(document)]
    assert bool(refused) == ("a cluster refuses it" in head(made)), refused
