"""Labs without Podman: the same labs, judged by the learner's options. Everything is labelled."""

from __future__ import annotations

from hardentui.errors import UsageError
from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, NotRunning
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.model.peers import Peer, Peers
from hardentui.options import IMAGE as IMAGE_OPTION
from hardentui.options import NETWORK
from hardentui.options.argv.items import spec_from_argv
from hardentui.training.answers import Answer
from hardentui.training.images import RECIPES
from hardentui.training.lab import LABEL, Lab

ENGINE = EngineFacts(
    label="simulated",
    simulated=True,
    default_capabilities=STOCK_CAPABILITIES,
    info={"host": {"logDriver": "k8s-file", "security": {"seccompEnabled": True}}},
)


def refuse_invalid(answer: Answer) -> None:
    """Refuse values that podman would refuse, as far as the option table can parse them.

    Raises:
        UsageError: a value cannot be parsed.
    """
    for option in spec_from_argv(("podman", *answer.words)).unknowable:
        raise UsageError(
            f"podman run does not accept this value of {option.flag}.",
            "Sizes look like 64m, numbers like 20.",
        )


def simulated_facts(lab: Lab, answer: Answer) -> ContainerFacts:
    """The facts of a container that these words would create, as far as they declare them."""
    spec = spec_from_argv(("podman", *answer.words))
    reference = spec[IMAGE_OPTION]
    recipe = next((recipe for recipe in RECIPES if reference.endswith(f":{recipe.tag}")), RECIPES[0])
    setuid = (ImageFile("/bin/su", "setuid root", 1),) if recipe.setuid else ()
    image = ImageFacts(
        id="1" * 64,
        inspect={"Config": {"Labels": {LABEL: "image"}}},
        engine=ENGINE,
        names=(reference,),
        inventory=ImageInventory(privileged_files=setuid),
    )
    networks = tuple(network.partition(":")[0] for network in spec[NETWORK])
    own = Peer("0" * 64, lab.container, tuple(name for name in networks if name != "none"), lab.app)
    others = [
        Peer(
            f"{number:064}",
            lab.neighbour(neighbour.name),
            tuple(lab.network(name) for name in neighbour.networks),
            neighbour.app,
        )
        for number, neighbour in enumerate(lab.neighbours, 1)
    ]
    return ContainerFacts(
        id=own.id,
        name=lab.container,
        spec=spec,
        inspect={"ImageName": reference, "State": {"Status": "running"}, "Config": {}},
        engine=ENGINE,
        image=image,
        kernel=NotRunning("simulated"),
        peers=Peers((own, *others)),
    )
