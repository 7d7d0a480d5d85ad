"""Programs that rootless engines run because the own configuration of their account names them."""

from __future__ import annotations

from hardentui.host.files.config import ROOT_ONLY, examine
from hardentui.host.files.reader import Files
from hardentui.host.podman.containers_conf import read_configuration, read_storage
from hardentui.host.units.writable import read_programs
from hardentui.model.access import Accounts
from hardentui.model.configuration import FileFact
from hardentui.model.host import Program, User
from hardentui.model.known import Known, Unreadable
from hardentui.model.version import Version


def read_programs_of_accounts(
    files: Files, users: Known[tuple[User, ...]], version: Version, accounts: Accounts | None = None
) -> tuple[Program, ...]:
    """What rootless engines run because the own containers.conf or storage.conf of their account names it.

    Where it lies is the account's choice; only who else can change it is examined.
    """
    programs = []
    for user in () if isinstance(users, Unreadable) else users:
        if not user.rootless:
            continue
        configuration = read_configuration(files, home=user.home, uid=user.uid, version=version)
        storage = read_storage(files, home=user.home, uid=user.uid, version=version)
        named = read_programs(files, configuration, storage)
        for program in () if isinstance(named, Unreadable) else named:
            if program.named_by.startswith(f"{user.home}/"):
                fact = examine(files, program.file.path, ROOT_ONLY | {user.uid}, accounts=accounts)
                if isinstance(fact, FileFact):
                    role = f"{program.role} of {user.name}"
                    programs.append(Program(role, fact, True, program.named_by))
    return tuple(programs)
