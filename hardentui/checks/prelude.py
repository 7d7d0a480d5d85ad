"""What most checks use, in one import: `from hardentui.checks.prelude import *`.

And the facts of their examples: minimal containers, hosts and engines.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec.structs import replace

from hardentui.do import Do, Verb, joined
from hardentui.errors import CannotFix
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.check import Advice, Check, FixContext, Measured, Parameters
from hardentui.model.configuration import Configuration, Danger, FileFact, Missing, Value
from hardentui.model.facts import (
    ALL_CAPABILITIES,
    STOCK_CAPABILITIES,
    CapabilitySets,
    ContainerFacts,
    EngineFacts,
    FileChange,
    IdRange,
    ImageFacts,
    Kernel,
    Limits,
    NetworkFacts,
    NotRunning,
    RuntimeConfig,
    SocketEndpoint,
    UnitFacts,
    VolumeFacts,
    capability_name,
)
from hardentui.model.finding import (
    Evidence,
    Kind,
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.gain import Gain, Gained, Origin, rated
from hardentui.model.host import ApiService, Capacity, Firewall, HostFacts, SecurityModules, User
from hardentui.model.known import Known, Unread, known, need
from hardentui.model.mount import HostMount, KernelMount, MountOrigin
from hardentui.model.peers import Peer, Peers
from hardentui.model.podman_version import Version
from hardentui.model.remediation import FixKind, Risk
from hardentui.model.spec import Option, Spec
from hardentui.model.trust import Policy, Requirement, TrustFacts, rule_for
from hardentui.options import *
from hardentui.options import IMAGE
from hardentui.options.argv import items_of_command, read_command
from hardentui.options.items import spec_of
from hardentui.options.run_command import RunCommand
from hardentui.reading.containers import (
    CONFIGURATION,
    ask,
    ask_or,
    declared_user,
    image_config,
    is_infra,
    is_planned,
    is_root,
    judge,
    known_application,
    known_health,
    listed,
    need_own_program,
    pod_of,
    proc,
    related,
    runs_systemd,
    section,
    sure,
    without_cgroup,
)
from hardentui.reading.hosts import danger_evidence, dangers_of, hidden_users
from hardentui.reading.limits import of_machine
from hardentui.visible import visible
from hardentui.words import plural

DEFAULT_CAPABILITIES = STOCK_CAPABILITIES
ACCEPT = Requirement("insecureAcceptAnything")
REJECT = Requirement("reject")
SIGSTORE = Requirement("sigstoreSigned", ("/etc/pki/containers/team.pub",))
POLICY_FILE = "/etc/containers/policy.json"


def rootful(**over: Any) -> EngineFacts:
    return EngineFacts(**{"default_capabilities": DEFAULT_CAPABILITIES, **over})


def rootless(**over: Any) -> EngineFacts:
    return EngineFacts(
        **{
            "label": "rootless anna",
            "rootless": True,
            "default_capabilities": DEFAULT_CAPABILITIES,
            **over,
        }
    )


def container(
    *options: str | tuple[Option[Any], Any],
    kernel: Known[Kernel | NotRunning] | None = None,
    engine: EngineFacts | None = None,
    **over: Any,
) -> ContainerFacts:
    """A container with these options; not running without a kernel view. Unread: nothing of it is
    known.
    `options`: as typed after `podman run` (`"--read-only -v data:/data"`), or options with their
    values. An image or command is optional; the word IMAGE stands for any image.
    """
    pairs = [
        pair
        for option in options
        for pair in (_typed(option) if isinstance(option, str) else (option,))
    ]
    return ContainerFacts(
        id="0" * 64,
        name="web",
        spec=Spec.of(*pairs),
        kernel=Kernel.unread(kernel.reason)
        if isinstance(kernel, Unread)
        else kernel or NotRunning(),
        engine=engine or rootful(),
        **over,
    )


def _typed(text: str) -> list[tuple[Option[Any], Any]]:
    spec = spec_of(
        item for item in items_of_command(_run(text)) if (item.option, item.raw) != (IMAGE, "IMAGE")
    )
    return [(option, setting.value) for option, setting in spec.settings.items()]


def _run(text: str) -> RunCommand:
    command = read_command(("run", *shlex.split(text)))
    if command is None:
        raise ValueError(f"not options of podman run: {text}")
    return command


Examples: TypeAlias = "Callable[[], tuple[Any, ...]] | tuple[Any, ...]"


def facts_of(examples: Examples) -> tuple[Any, ...]:
    """The facts of a check's `passes` or `fails`."""
    given = examples() if callable(examples) else examples
    return tuple(container(example) if isinstance(example, str) else example for example in given)


def commands(check: Check, *, failing: bool) -> tuple[str, ...]:
    """The commands that make the containers of a check's `fails` or `passes`.

    Left out is what its options do not show: those that are among the other examples, too, or are
    none.
    """
    given, others = (check.fails, check.passes) if failing else (check.passes, check.fails)
    specs = {facts.spec for facts in facts_of(others) if isinstance(facts, ContainerFacts)}
    lines = []
    for example in given() if callable(given) else given:
        if isinstance(example, str):
            lines.append(example)
        elif check.about is Kind.CONTAINER and example.spec.settings and example.spec not in specs:
            words = (
                word
                for option, setting in example.spec.settings.items()
                if option.flag.startswith("-")
                for word in option.to_words(setting.value)
            )
            lines.append(shlex.join(words))
    return tuple(dict.fromkeys(map(_command, lines)))


def _command(text: str) -> str:
    run = _run(text)
    return " ".join(
        filter(
            None,
            (
                "podman run",
                text,
                "" if run.image else "IMAGE",
            ),
        )
    )


def image(**over: Any) -> ImageFacts:
    return ImageFacts(**{"id": "1" * 64, **over})


def accepting(**over: Any) -> TrustFacts:
    """The default trust configuration of most distributions: everything is accepted."""
    return TrustFacts(**{"policy": Policy(POLICY_FILE, (ACCEPT,)), **over})


def rejecting(
    scopes: Mapping[str, tuple[Requirement, ...]],
    **over: Any,
) -> TrustFacts:
    """A trust configuration that rejects everything except these registry scopes."""
    return TrustFacts(
        **{
            "policy": Policy(POLICY_FILE, (REJECT,), {"docker": scopes}),
            **over,
        }
    )


def engine(trust: Known[TrustFacts], **over: Any) -> EngineFacts:
    return rootful(trust=trust, **over)


def file(
    path: str,
    mode: int = 0o644,
    *dangers: Danger,
    **over: Any,
) -> FileFact:
    return FileFact(path, **{"mode": mode, "dangers": dangers, **over})


def configuration(**values: Any) -> Configuration:
    """A containers.conf; `containers__label=False` stands for `label = false` in `[containers]`."""
    path = "/etc/containers/containers.conf"
    named = {name.replace("__", "."): Value(value, path) for name, value in values.items()}
    return Configuration(named, (path,))


def host(**over: Any) -> HostFacts:
    return HostFacts(**over)
