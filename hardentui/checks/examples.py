"""Facts for the examples of checks: minimal containers, hosts and engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.configuration import Configuration, Danger, FileFact, Value
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, Kernel, NotRunning
from hardentui.model.host import HostFacts
from hardentui.model.known import Known, Unread
from hardentui.model.spec import Option, Spec
from hardentui.model.trust import Policy, Requirement, TrustFacts

DEFAULT_CAPABILITIES = STOCK_CAPABILITIES
ACCEPT = Requirement("insecureAcceptAnything")
REJECT = Requirement("reject")
SIGSTORE = Requirement("sigstoreSigned", ("/etc/pki/containers/team.pub",))
POLICY_FILE = "/etc/containers/policy.json"


def rootful(**over: Any) -> EngineFacts:
    return EngineFacts(**{"default_capabilities": DEFAULT_CAPABILITIES, **over})


def rootless(**over: Any) -> EngineFacts:
    return EngineFacts(
        **{"label": "rootless anna", "rootless": True, "default_capabilities": DEFAULT_CAPABILITIES, **over}
    )


def container(
    *pairs: tuple[Option[Any], Any],
    kernel: Known[Kernel | NotRunning] | None = None,
    engine: EngineFacts | None = None,
    **over: Any,
) -> ContainerFacts:
    """A container with these options; not running without a kernel view. Unread: nothing of it is known."""
    return ContainerFacts(
        id="0" * 64,
        name="web",
        spec=Spec.of(*pairs),
        kernel=Kernel.unread(kernel.reason) if isinstance(kernel, Unread) else kernel or NotRunning(),
        engine=engine or rootful(),
        **over,
    )


def image(**over: Any) -> ImageFacts:
    return ImageFacts(**{"id": "1" * 64, **over})


def accepting(**over: Any) -> TrustFacts:
    """The default trust configuration of most distributions: everything is accepted."""
    return TrustFacts(**{"policy": Policy(POLICY_FILE, (ACCEPT,)), **over})


def rejecting(scopes: Mapping[str, tuple[Requirement, ...]], **over: Any) -> TrustFacts:
    """A trust configuration that rejects everything except these registry scopes."""
    return TrustFacts(**{"policy": Policy(POLICY_FILE, (REJECT,), {"docker": scopes}), **over})


def engine(trust: Known[TrustFacts], **over: Any) -> EngineFacts:
    return rootful(trust=trust, **over)


def file(path: str, mode: int = 0o644, *dangers: Danger, **over: Any) -> FileFact:
    return FileFact(path, **{"mode": mode, "dangers": dangers, **over})


def configuration(**values: Any) -> Configuration:
    """A containers.conf; `containers__label=False` stands for `label = false` in `[containers]`."""
    path = "/etc/containers/containers.conf"
    named = {name.replace("__", "."): Value(value, path) for name, value in values.items()}
    return Configuration(named, (path,))


def host(**over: Any) -> HostFacts:
    return HostFacts(**over)
