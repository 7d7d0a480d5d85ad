"""What a container is judged with belongs to one list, whatever is listed meanwhile."""

from collections.abc import Callable, Mapping

import pytest

from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.engine.shapes import Listed
from hardentui.features.looking.gather import Gatherer
from hardentui.features.looking.readers.lender import lender_on_host
from hardentui.features.looking.stored import StoredAboutImages
from hardentui.features.opening.command_log import CommandLog
from hardentui.features.opening.opened import Opened
from hardentui.host.commands import run_program
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.place import Place
from tests.support.judging import *

ANSWERS: dict[str, Any] = {
    "/images/json": [{"Id": "image", "Names": ["localhost/a:1"]}],
    "/networks/json": [{"name": "shop", "driver": "bridge"}],
    "/volumes/json": [{"Name": "data"}],
    "/pods/pod/json": {"Id": "pod", "Name": "p"},
}
DOCUMENT: dict[str, Any] = {
    "Id": "c",
    "Name": "web",
    "Pod": "pod",
    "State": {"Status": "created"},
    "Config": {},
    "HostConfig": {},
    "NetworkSettings": {"Networks": {"shop": {}}},
    "Mounts": [{"Type": "volume", "Name": "data", "Destination": "/data"}],
}


def opened(
    engine: Engine,
    host: Callable[[], Known[HostFacts]],
) -> Opened:
    return Opened(
        engines=(engine,),
        attempts=(),
        log=CommandLog(),
        files=RecordedFiles({}),
        read_host=host,
        read_trust=lambda facts: Unread("not read"),
        host_name="",
    )


def test_a_list_in_the_middle_of_a_look_takes_nothing_from_it() -> None:
    connection = RecordedConnection(ANSWERS)
    engine = Engine(EngineFacts(local=False), lambda: connection)
    listed = (Listed("c", "web", networks=("shop",)),)

    def host() -> Known[HostFacts]:
        gatherer.refresh(listed)  # as the thread that follows events does at any moment
        return Unread("not read")

    gatherer = Gatherer(
        engine,
        opened(engine, host),
        StoredAboutImages(),
    )
    gatherer.refresh(listed)
    facts = gatherer.container(DOCUMENT)
    assert facts.image_ids == {"localhost/a:1": "image"}
    assert list(facts.networks) == ["shop"]
    assert list(facts.volumes) == ["data"]
    assert facts.pod == ANSWERS["/pods/pod/json"]


def test_the_lender_of_a_network_is_asked_for_a_stopped_container() -> None:
    lender = {
        **DOCUMENT,
        "Id": "l" * 64,
        "Name": "vpn",
        "HostConfig": {"NetworkMode": "host"},
    }
    borrower = {
        **DOCUMENT,
        "Pod": "",
        "HostConfig": {"NetworkMode": f"container:{'l' * 64}"},
    }
    connection = RecordedConnection({**ANSWERS, f"/containers/{'l' * 64}/json": lender})
    engine = Engine(EngineFacts(local=False), lambda: connection)
    gatherer = Gatherer(
        engine,
        opened(engine, lambda: Unread("not read")),
        StoredAboutImages(),
    )
    gatherer.refresh((Listed("c", "web"), Listed("l" * 64, "vpn")))
    assert gatherer.container(borrower).lender_on_host is True


_LENDERS = {
    "vpn": "host",
    "web": "bridge",
    "second": "container:vpn",
    "circle": "container:circle",
}


def ask(name: str) -> Known[Mapping[str, Any]]:
    if name not in _LENDERS:
        return Unread("there is no such container")
    return {"HostConfig": {"NetworkMode": _LENDERS[name]}}


@pytest.mark.parametrize(
    ("mode", "on_host"),
    [
        ("bridge", False),
        ("host", False),  # its own, not borrowed
        ("container:vpn", True),
        ("container:web", False),
        ("container:second", True),
        ("ns:/proc/1/ns/net", True),
    ],
)
def test_the_lenders_are_asked_one_after_the_other(
    mode: str,
    on_host: bool,
) -> None:
    assert lender_on_host(container((NETWORK, (mode,))), ask) is on_host


@pytest.mark.parametrize(
    "mode",
    ["container:gone", "container:circle", "ns:/run/netns/blue"],
)
def test_what_no_lender_tells_is_unknown(mode: str) -> None:
    assert isinstance(lender_on_host(container((NETWORK, (mode,))), ask), Unread)


def test_the_kernel_decides_of_one_that_runs() -> None:
    for shared, on_host in ((frozenset({"net"}), True), (frozenset[str](), False)):
        facts = container(
            "--network=container:gone",
            kernel=Kernel(7, shared_namespaces=shared),
        )
        assert lender_on_host(facts, ask) is on_host


def test_from_a_container_our_own_programs_run_in_it_and_others_on_the_host() -> None:
    on_host = opened(
        Engine(EngineFacts(), lambda: RecordedConnection({})), lambda: Unread("not read")
    )
    assert on_host.run_ours is on_host.run
    assert replace(on_host, runs=Place("a toolbox container", 5)).run_ours is run_program
