"""Which containers of several a probe is about."""

import pytest

from hardentui.checks.prelude import container
from hardentui.errors import UsageError
from hardentui.features.harden.probes import assigned
from hardentui.model.facts import ContainerFacts


def member(name: str, service: str = "") -> ContainerFacts:
    labels = {"com.docker.compose.service": service} if service else {}
    inspect = {"Config": {"Labels": labels}}
    return container(inspect=inspect).replace(id=name, name=name)


DATABASE, WEB = member("shop_db_1", "db"), member("shop_web_1", "web")
MEMBERS = (DATABASE, WEB)
ASK_WEB = "curl -f http://$TARGET/"


def answers_only_web(facts: ContainerFacts, command: str) -> str:
    return "" if facts is WEB else "connection refused"


def test_a_probe_of_the_whole_is_about_those_at_which_it_succeeds() -> None:
    """The web server's probe does not make the database fail."""
    assert assigned((ASK_WEB,), MEMBERS, answers_only_web) == {WEB.id: (ASK_WEB,)}


@pytest.mark.parametrize("name", ["shop_db_1", "db"])
def test_a_probe_may_name_its_container_or_service(name: str) -> None:
    probes = (f"{name}=pg_isready -h $TARGET", ASK_WEB)
    assert assigned(probes, MEMBERS, answers_only_web) == {
        DATABASE.id: ("pg_isready -h $TARGET",),
        WEB.id: (ASK_WEB,),
    }


def test_a_command_with_an_equals_sign_names_nobody() -> None:
    command = "A=1 curl http://$TARGET/"
    assert assigned((command,), MEMBERS, answers_only_web) == {WEB.id: (command,)}


def test_what_asks_no_container_in_particular_is_asked_once_of_the_whole() -> None:
    command = "curl -f https://shop.example.com/"
    assert assigned((command,), MEMBERS, answers_only_web) == {WEB.id: (command,)}


def test_a_probe_that_succeeds_nowhere_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(UsageError, match="succeeds at none of shop_db_1, shop_web_1"):
        assigned((ASK_WEB,), MEMBERS, lambda facts, command: "refused")
