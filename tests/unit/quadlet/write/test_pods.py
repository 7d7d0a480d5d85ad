"""What is written around a container: named volumes, image units, dependencies, pods with their
members."""

from typing import Any

from msgspec.structs import replace

from hardentui.features.fix.proofs import prove_by_port
from hardentui.model.podman_version import Version
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.engine_defaults import EngineDefaults
from hardentui.quadlet.write.bundle import Bundle, Member, UnitContext, bundle

V54, V56 = Version(5, 4, 2), Version(5, 6)
HEX = "0123456789abcdef" * 4
BASE = ((NAME, "web"), (IMAGE, "localhost/app:1"))


def made(
    *pairs: tuple[Option[Any], Any],
    version: Version = V54,
    **context: Any,
) -> Bundle:
    result = bundle(Spec.of(*BASE, *pairs), UnitContext(version=version, **context))
    units = {file.name: file.text for file in result.files if file.is_unit}
    assert (
        prove_by_port(
            units,
            result.argv,
            version,
            rootless=False,
        )
        == ()
    )
    return result


def texts(written: Bundle) -> dict[str, str]:
    return {file.name: file.text for file in written.files}


def test_anonymous_volumes_get_names_units_and_a_script_that_copies() -> None:
    result = made(
        (MOUNTS, (Mount("volume", "", "/a/b", ("ro",)),)),
        anonymous={"/a/b": HEX, "/image": "b" * 64},
    )
    files = texts(result)
    assert set(files) == {
        *(
            "web.container",
            "web-a-b-data.volume",
            "web-image-data.volume",
            "web-copy-volumes.sh",
        )
    }
    assert "Volume=web-a-b-data.volume:/a/b:ro" in files["web.container"]
    assert "Volume=web-image-data.volume:/image" in files["web.container"]
    assert not any(HEX in text for name, text in files.items() if not name.endswith(".sh"))
    assert (
        f"volume {HEX} web-a-b-data podman volume create web-a-b-data\n"
        in files["web-copy-volumes.sh"]
    )
    assert any("web-copy-volumes.sh" in note for note in result.notes)


def test_what_it_needs_starts_first_under_the_service_that_runs_it() -> None:
    services = {"db": "shop-db.service", "evil": "x.service\nExecStart=/bin/evil"}
    pairs = (
        (REQUIRES, ("db", "evil")),
        (NETWORK, ("container:vpn",)),
        (PID, "container:vpn"),
    )
    result = made(*pairs, services=services)
    wanted = "shop-db.service evil.service vpn.service"
    assert f"Requires={wanted}\nAfter={wanted}\n" in result.files[0].text
    assert "Network=container:vpn" in result.files[0].text
    assert any("vpn.service" in note for note in result.notes)
    for nothing in (
        (RESTART, "always"),
        (VOLUMES_FROM, (HEX,)),
    ):  # one that only has an ID left has no service
        assert "Requires=" not in made(nothing).files[0].text


POD_INSPECT = {
    "Id": "p" * 64,
    "Name": "p1",
    "InfraContainerID": "i" * 64,
    "SharedNamespaces": ["uts", "net", "ipc"],
    "CreateCommand": [
        *(
            "podman",
            "pod",
            "create",
            "--name=p1",
            "-p",
            "80:80",
            "--network",
            "n1:ip=10.1.1.1",
            "--replace",
        ),
        *("--sysctl", "a=1", "-v/x:/y:z", "--share-parent=false", "--userns=keep-id"),
    ],
    "InfraConfig": {
        "Networks": ["n1"],
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "80"}]},
    },
    "Containers": [
        {"Id": "i" * 64, "Name": "own-name"},
        {"Id": "1", "Name": "web"},
        {"Id": "2", "Name": "db"},
    ],
}


def test_members_join_the_unit_of_their_pod_and_share_its_anonymous_volumes() -> None:
    other = Spec.of(
        (NAME, "db"),
        (IMAGE, "localhost/db:1"),
        (POD, "p1"),
    )
    member = Member(other, UnitContext(anonymous={"/shared": HEX}))
    result = made(
        (POD, "p1"),
        pod=POD_INSPECT,
        anonymous={"/data": HEX},
        members=(member,),
    )
    files = texts(result)
    for name in ("web", "db"):
        assert "Pod=p1.pod" in files[f"{name}.container"]
    assert "Volume=db-shared-data.volume:/data" in files["web.container"]
    assert "Volume=db-shared-data.volume:/shared" in files["db.container"]
    assert files["web-copy-volumes.sh"].count(f"\nvolume {HEX} db-shared-data ") == 1


def test_init_containers_run_to_their_end_in_their_order_before_the_others_start() -> None:
    inits = [
        Member(
            Spec.of(
                (NAME, name),
                (IMAGE, "localhost/i:1"),
                (POD, "p1"),
                (INIT_CTR, "always"),
            ),
            UnitContext(),
        )
        for name in ("first", "second")
    ]
    files = texts(
        made(
            (POD, "p1"),
            pod=POD_INSPECT,
            members=tuple(inits),
        )
    )
    assert "After=first.service second.service" in files["web.container"]
    assert "Requires=first.service second.service" in files["web.container"]
    assert "After=first.service\n" in files["second.container"]
    assert "After=" not in files["first.container"]
    for name in ("first", "second"):
        assert "Type=oneshot\nRemainAfterExit=yes" in files[f"{name}.container"]
    assert "oneshot" not in files["web.container"]


def test_a_stack_is_written_as_a_whole_and_compose_finds_none_of_it() -> None:
    labels = ("io.podman.compose.project=wiki", "com.docker.compose.service=db", "mine=1")
    pod = {"Id": "p" * 64, "Name": "pod_wiki"}
    networks = {
        "n": {
            "name": "n",
            "labels": {"io.podman.compose.project": "wiki", "own": "2"},
        }
    }
    rest = ((POD, "pod_wiki"), (LABELS, labels), (NETWORK, ("n",)))
    other = Spec.of((NAME, "db"), (IMAGE, "localhost/db:1"), *rest)
    member = Member(other, UnitContext(pod=pod, networks=networks))
    result = made(
        *rest, (REQUIRES, ("db",)), pod=pod, networks=networks, members=(member,),
    )  # fmt: skip
    files = texts(result)
    assert set(files) == {"web.container", "db.container", "n.network"}
    for text in files.values():
        assert not any("compose." in line for line in text.splitlines() if not line.startswith("#"))
    assert "Label=app=wiki" in files["web.container"]
    assert "Label=mine=1" in files["db.container"]
    assert "Label=own=2" in files["n.network"]
    told = [note for note in result.notes if "labels of compose" in note]
    assert len(told) == 1
    assert "web.container" not in told[0], "what all have is told once"


def test_what_is_unknown_of_several_is_one_list_after_the_real_losses() -> None:
    lossy = replace(
        Spec.of((NAME, "db"), (IMAGE, "localhost/db:1")),
        unknowable=frozenset({NETWORK, POD}),
        remarks=("--odd is not carried over: nobody knows it",),
    )
    context = UnitContext(members=(Member(lossy, UnitContext()),))
    result = bundle(replace(Spec.of(*BASE), unknowable=frozenset({POD})), context)
    assert result.notes[-1].endswith("were given: --network, --pod")
    assert sum("does not report" in note for note in result.notes) == 1
    assert "db.container: --odd is not carried over: nobody knows it" in result.notes
    assert "were given: --pod\n" in texts(result)["web.container"]


def started(*flags: str, pids: object = 500) -> dict[str, Any]:
    limits = [{"Name": "RLIMIT_NOFILE", "Soft": 10, "Hard": 20}]
    command = ["podman", "run", *flags, "image"]
    return {
        "OCIConfigPath": "/c",
        "Config": {"CreateCommand": command},
        "HostConfig": {"Ulimits": limits, "PidsLimit": pids},
    }


def test_what_an_engine_adds_is_learned_from_who_asked_for_nothing() -> None:
    nothing = EngineDefaults()
    assert nothing.learned(started("--ulimit=nofile=1:2", "--pids-limit=7")) == nothing
    assert nothing.learned({"Config": None, "HostConfig": "x"}) == nothing
    assert nothing.learned(started(pids="many")).pids_limit == nothing.pids_limit
    result = nothing.learned(started())
    assert (result.ulimits, result.pids_limit) == (("nofile=10:20",), 500)
    assert result.learned(started(pids=9)) == result
