"""What each capability allows, one sentence each, as capabilities(7) defines them."""

from __future__ import annotations

from collections.abc import Mapping

_SENTENCES = {
    "AUDIT_CONTROL": "Turn the kernel's audit log on and off and change its rules",
    "AUDIT_READ": "Read the kernel's audit log, with what all processes of the host do",
    "AUDIT_WRITE": "Write records into the kernel's audit log",
    "BLOCK_SUSPEND": "Keep the machine from going to sleep",
    "BPF": "Load programs into the kernel that watch or change what it does",
    "CHECKPOINT_RESTORE": "Freeze and restore processes, and take a chosen process id",
    "CHOWN": "Change the owner and group of any file",
    "DAC_OVERRIDE": "Read, write and enter every file and directory, whatever its permissions",
    "DAC_READ_SEARCH": "Read every file, and open files of the host by handle past every mount",
    "FOWNER": "Act as the owner of every file: change modes, times and attributes",
    "FSETID": "Keep setuid and setgid bits on files that it changes",
    "IPC_LOCK": "Lock memory so that it is never swapped out, without a limit",
    "IPC_OWNER": "Use every shared memory, semaphore and message queue in its IPC namespace",
    "KILL": "Send a signal to every process that it can see",
    "LEASE": "Be notified when a file is opened, and delay the process that opens it",
    "LINUX_IMMUTABLE": "Set and remove the append-only and immutable marks of files",
    "MAC_ADMIN": "Change the policy of the security module (AppArmor, Smack)",
    "MAC_OVERRIDE": "Act against the policy of the security module (Smack)",
    "MKNOD": "Create device files, and reach the hardware behind an allowed device",
    "NET_ADMIN": (
        "Change addresses, routes and the packet filter of its network, and watch all its traffic"
    ),
    "NET_BIND_SERVICE": "Listen on ports below 1024",
    "NET_BROADCAST": "Send broadcasts and listen to multicasts (the kernel does not ask for it)",
    "NET_RAW": "Send arbitrary packets with any sender, and read those of its network",
    "PERFMON": (
        "Measure the whole machine with performance counters, which reveals what others compute"
    ),
    "SETFCAP": "Give capabilities to program files",
    "SETGID": "Become any group",
    "SETPCAP": "Change its own capability sets within the bounding set",
    "SETUID": "Become any user",
    "SYSLOG": "Read the kernel's messages and the addresses in them, and clear them",
    "SYS_ADMIN": (
        "Mount filesystems, enter namespaces and much more: nearly everything that root can do"
    ),
    "SYS_BOOT": "Restart the machine and load another kernel",
    "SYS_CHROOT": "Use chroot, and enter mount namespaces",
    "SYS_MODULE": "Load code into the kernel as a module",
    "SYS_NICE": "Raise the priority of processes, and choose their CPUs and memory",
    "SYS_PACCT": "Turn process accounting on and off",
    "SYS_PTRACE": "Read and change the memory of every process that it can see",
    "SYS_RAWIO": "Reach ports, memory and disks of the hardware directly",
    "SYS_RESOURCE": "Exceed resource limits, quotas and reserved space",
    "SYS_TIME": "Set the clock of the machine",
    "SYS_TTY_CONFIG": "Hang up terminals and set up virtual ones",
    "WAKE_ALARM": "Set timers that wake the machine up",
}
MEANINGS: Mapping[str, str] = {f"CAP_{name}": text for name, text in _SENTENCES.items()}


def meaning(capability: str) -> str:
    """One sentence; for one that is newer than this table, that."""
    return MEANINGS.get(capability, "A capability that HardenTUI does not know")
