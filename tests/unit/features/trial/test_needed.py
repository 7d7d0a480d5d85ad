"""Which of its neighbours get twins beside the one that is tried."""

from unittest.mock import Mock

import pytest

from hardentui.checks.prelude import container
from hardentui.features.trial.baseline import needed
from hardentui.features.trial.request import TrialRequest
from hardentui.features.trial.running import with_peers
from hardentui.features.trial.stage import own_listening
from hardentui.model.facts import ContainerFacts, Kernel, SocketEndpoint
from hardentui.options import NAME


def _named(name: str, *words: str) -> ContainerFacts:
    facts = container(*words)
    return facts.replace(
        id=f"id-{name}",
        name=name,
        spec=facts.spec.with_(NAME, name),
    )


DB = _named("shop_db_1", "--network=shop:alias=db")
API = _named(
    "shop_api_1",
    "--network=shop:alias=api",
    "--env=DB_URL=postgres://u@db:5432/x",
)
METRICS = _named("shop_metrics_1", "--network=shop:alias=metrics")
COMPANY = (API, METRICS, DB)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--env=API=http://api:80/",), ""),
        (("--requires=shop_api_1",), ""),
        (("--network=container:shop_api_1",), ""),
        ((), "nginx: host not found in upstream api"),
    ],
)
def test_those_that_it_names_and_what_these_need_and_no_others(
    words: tuple[str, ...],
    text: str,
) -> None:
    front = _named("shop_front_1", *words)
    assert needed(front, COMPANY, text) == (DB, API)
    assert needed(_named("shop_front_1"), COMPANY, "") == ()


def test_what_docker_compose_noted_counts() -> None:
    labels = {"com.docker.compose.depends_on": "api:service_started:false"}
    front = _named("shop_front_1").replace(inspect={"Config": {"Labels": labels}})
    assert needed(front, COMPANY, "") == (DB, API)


def test_one_that_cannot_start_before_it_is_not_needed_for_it() -> None:
    side = _named("shop_side_1", "--network=container:shop_db_1")
    assert needed(DB, (side,), "shop_side_1") == ()


def _of_project(facts: ContainerFacts, project: str) -> ContainerFacts:
    return facts.replace(inspect={"Config": {"Labels": {"com.docker.compose.project": project}}})


def test_one_that_works_alone_gets_nobody_and_one_that_does_not_those_of_its_log_or_project() -> (
    None
):
    db, stranger = _of_project(DB, "shop"), _of_project(METRICS, "other")
    front = _of_project(_named("shop_front_1"), "shop")
    request = TrialRequest(
        facts=front,
        choices=(),
        company=(db, stranger),
    )
    told: list[str] = []
    tools = Mock(tell=lambda step, text: told.append(text))
    assert with_peers(request, tools, "curl http://$TARGET/").peers == ()
    assert with_peers(
        request,
        tools,
        "no such host: metrics",
        project=True,
    ).peers == (stranger,)
    assert with_peers(
        request,
        tools,
        "exit code 3",
        project=True,
    ).peers == (db,)
    assert told == ["twins of shop_metrics_1 run beside it", "twins of shop_db_1 run beside it"]


@pytest.mark.parametrize(
    "network",
    ["container:shop_db_1", "container:id-shop_db_1"],
)
def test_a_port_in_a_network_that_it_lends_may_be_that_of_a_tenant(network: str) -> None:
    socket = SocketEndpoint("tcp", "0.0.0.0", 5432)
    lender = DB.replace(
        kernel=Kernel(
            7,
            shared_namespaces=frozenset(),
            listening=(socket,),
        )
    )
    assert own_listening(lender, (API,)) == (socket,)
    assert own_listening(lender, (API, _named("tenant", f"--network={network}"))) == ()
