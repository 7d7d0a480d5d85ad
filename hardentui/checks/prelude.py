"""What most checks use, in one import: `from hardentui.checks.prelude import *`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from hardentui.checks.examples import (
    ACCEPT,
    DEFAULT_CAPABILITIES,
    accepting,
    configuration,
    container,
    engine,
    file,
    host,
    image,
    rejecting,
    rootful,
    rootless,
)
from hardentui.do import Do, Verb
from hardentui.errors import CannotFix
from hardentui.lib.image.contents import ImageFile, ImageInventory
from hardentui.model.capabilities import ALL_CAPABILITIES, capability_name
from hardentui.model.check import Advice, Check, FixContext, Measured, Parameters
from hardentui.model.configuration import Configuration, Danger, FileFact, Missing
from hardentui.model.facts import (
    CapabilitySets,
    ContainerFacts,
    EngineFacts,
    FileChange,
    IdRange,
    ImageFacts,
    Kernel,
    Limits,
    ListeningSocket,
    NetworkFacts,
    NotRunning,
    RuntimeConfig,
    UnitFacts,
    VolumeFacts,
)
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.host import ApiService, Capacity, Firewall, HostFacts, SecurityModules, User
from hardentui.model.known import Known, Unread, known, need
from hardentui.model.mounts import KernelMount, MountedPath, MountOrigin
from hardentui.model.network import Peer, Peers
from hardentui.model.spec import Spec, Version
from hardentui.model.trust import TrustFacts, rule_for
from hardentui.options import *
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
    listed,
    need_own_program,
    of_machine,
    pod_of,
    proc,
    related,
    runs_systemd,
    section,
    sure,
    without_cgroup,
)
from hardentui.reading.hosts import danger_evidence, dangers_of, hidden_users, repair
from hardentui.visible import visible
from hardentui.words import plural
