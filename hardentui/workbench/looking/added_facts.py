"""Data added to the facts of a container after its documents are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from hardentui.model.activity import Denial, FileChange, UnitFacts, WrittenDirectory
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import EngineFacts, Kernel, ListeningSocket, NotRunning
from hardentui.model.known import Known
from hardentui.model.mounts import MountedPath, ReachableSocket


class Added(TypedDict, total=False):
    """Fields of `ContainerFacts`, by name; those that were not read are left out."""

    changes: Known[tuple[FileChange, ...]]
    denials: Known[tuple[Denial, ...]]
    engine: EngineFacts
    env_files: Mapping[str, Known[FileFact | Missing]]
    exec_events: Known[tuple[datetime, ...]]
    exec_sessions: Known[tuple[Mapping[str, Any], ...]]
    exec_uids: Mapping[str, int]
    hidden_mounts: str
    host_listening: Known[tuple[ListeningSocket, ...]]
    kernel: Known[Kernel | NotRunning]
    lender_on_host: Known[bool]
    log_limit_in_force: Known[int]
    mounted: tuple[MountedPath, ...]
    mounted_programs: Mapping[str, Known[FileFact | Missing]]
    named_uid: Known[int]
    network_helper: tuple[str, ...]
    owners: Mapping[str, tuple[int, int]]
    programs: Mapping[str, Known[FileFact | Missing]]
    repositories: tuple[str, ...]
    seccomp_file: Known[FileFact | Missing]
    seccomp_rules: Known[Mapping[str, Any]]
    secret_drivers: Known[Mapping[str, str]]
    secret_files: Mapping[str, Known[FileFact | Missing]]
    sockets: Known[tuple[ReachableSocket, ...]]
    unit: Known[UnitFacts | None]
    unit_exists: Known[bool]
    written_directories: Mapping[str, WrittenDirectory]
