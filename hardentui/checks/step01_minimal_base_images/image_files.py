"""What the files of the image give an intruder."""

from __future__ import annotations

import re

from hardentui.checks.prelude import *
from hardentui.reading.images import file_evidence, gap, image_of, listed_files, names
from hardentui.reading.networks import exposed

_LOGIN_PORTS = frozenset({22, 23})


@Check(
    gives=Gain.ENTRY.after(2),  # an entrance more, if something starts it
    scope=Kind.IMAGE,
    summary="Rebuild the image without a login server and use podman exec",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (container(image=_with_logins(ports=("80/tcp", "2222/tcp"))),),
    fails=lambda: (
        container(image=_with_logins(ImageFile("/usr/sbin/sshd", "sshd", 3))),
        container(image=image(inspect={"Config": {"ExposedPorts": {"22/tcp": {}}}})),
    ),
    references=("CIS Docker 1.6 5.7", "NIST SP 800-190 4.1.2", "CSVS 3.12"),
)
def remote_login_in_image(facts: ContainerFacts) -> Verdict:
    """Remote login server in image.

    What it checks:
    Whether the image contains sshd, dropbear, telnetd or a similar server, or exposes port 22 or
    23.

    Why it matters:
    A login server is a second way in: passwords and keys that nobody rotates, logins that the host
    does not record, one more program to keep up to date. Whoever runs the engine does not need it:
    `podman exec` does the same and is recorded.

    What may break:
    Habits and scripts that log in to the container. Use `podman exec` on the host, and copy files
    with `podman cp` or a volume. Accept the finding for images whose purpose is to be logged in to
    (git servers, jump hosts).
    """
    image = image_of(facts)
    words = image.config.get("ExposedPorts") or {}
    ports = sorted(
        {port for word in words for port, _ in exposed(str(word)) if port in _LOGIN_PORTS}
    )
    declared = f"exposes {', '.join(map(str, ports))}" if ports else ""
    evidence = tuple(Evidence("image, ExposedPorts", f"{port}/tcp") for port in ports)
    logins = known(lambda: image.inventory.remote_logins, else_=())
    if servers := [file for file in logins if not file.deleted]:
        evidence += file_evidence(servers)
        return failed(
            f"the image contains {names(servers)}",
            declared,
            evidence=evidence,
        )
    if ports:
        return failed(
            "the image exposes a login port",
            declared,
            evidence=evidence,
        )
    return gap(image.inventory) or passed("none found")


def _with_logins(*files: ImageFile, ports: tuple[str, ...] = ()) -> ImageFacts:
    config: dict[str, object] = {"ExposedPorts": dict.fromkeys(ports)}
    return image(
        inspect={"Config": config},
        inventory=ImageInventory(remote_logins=files),
    )


_SU = ImageFile("/usr/bin/su", "setuid root", 1)


@Check(
    # in every distribution's image; no-new-privileges takes their effect away
    gives=Gain.HOST_ROOT.after(3),
    scope=Kind.IMAGE,
    summary="Rebuild the image without setuid bits and file capabilities",
    fix=FixKind.IMAGE_REBUILD,
    parameters={"allowed": ()},
    passes=lambda: (
        container(image=_setuid()),
        container(image=_setuid(replace(_SU, deleted=True))),
    ),
    fails=lambda: (
        container(image=_setuid(_SU)),
        container(
            "--security-opt=no-new-privileges --cap-drop=all",
            image=_setuid(_SU),
        ),
    ),
    references=("CIS Docker 1.6 4.8", "NIST SP 800-190 4.1.2", "OWASP Docker rule 4"),
)
def setuid_files_in_image(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Setuid, setgid or capability files in image.

    What it checks:
    Whether the image contains files with the setuid or setgid bit or with file capabilities, other
    than those allowed in the checklist (parameter `allowed`, a list of paths). If the container
    runs with no-new-privileges and without capabilities, they have no effect, and the severity is
    low.

    Why it matters:
    Each of these programs runs as root, or with a capability, no matter who starts it. `su`,
    `mount` and `newuidmap` come with most base images. For a service that runs as an ordinary user,
    a single bug in one of them is a way to root in the container.

    What may break:
    Programs that need the bit: `ping` on old base images, `sudo` in entrypoint scripts, some mail
    and print servers. Remove the bits in the Containerfile (`RUN chmod a-s …`); until then,
    no-new-privileges makes them harmless.
    """
    files = listed_files(
        facts, lambda image: image.privileged_files, parameters.texts("allowed"), deleted=False
    )
    harmless = _harmless(facts)
    reason = f"{plural(len(files), 'file')}: {names(files)}"
    if harmless:
        reason += "; no effect here, with no-new-privileges and without capabilities"
    return failed(
        reason,
        plural(len(files), "file"),
        evidence=file_evidence(files),
    )


def _harmless(facts: ContainerFacts) -> bool:
    dropped = any(name.lower() == "all" for name in facts.spec[CAP_DROP])
    return facts.spec[NO_NEW_PRIVILEGES] and dropped and not facts.spec[CAP_ADD]


def _setuid(*files: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(privileged_files=files))


@Check(
    gives=Gain.PERSISTENCE.after(1),  # convenient for an intruder, not a way in
    scope=Kind.IMAGE,
    summary="Build the image in two stages, on a base without tools",
    fix=FixKind.IMAGE_REBUILD,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_having()),),
    fails=lambda: (
        container(
            image=_having(
                ImageFile(
                    "/usr/bin/apt-get",
                    "package manager apt-get",
                    1,
                    kind="package manager",
                )
            )
        ),
    ),
    references=("CIS Docker 1.6 4.3", "NIST SP 800-190 4.1.2"),
)
def tools_in_image(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Unneeded tools in image.

    What it checks:
    Whether the image of a service contains package managers, compilers, debuggers or network
    clients. A failure names a smaller base with the same C library.

    Why it matters:
    An intruder looks for tools first: a compiler to build the next exploit, a package manager to
    install more, a network client to look around and to send data out. Without them, everything has
    to be brought along, which is harder and easier to notice. And what is not there needs no
    updates.

    What may break:
    Debugging inside the container: debug from the host, or attach a second container with tools to
    its namespaces. Entrypoint scripts that call `curl` or `apk` at startup have to be changed.
    """
    image = image_of(facts)
    inventory = image.inventory
    allowed = set(parameters.texts("allowed"))
    tools = [
        tool
        for tool in inventory.tools
        if not tool.deleted and tool.path.rpartition("/")[2] not in allowed
    ]
    if tools:
        return failed(
            f"found in the image: {names(tools)}",
            plural(len(tools), "tool"),
            evidence=file_evidence(tools),
            commands=_smaller(inventory, _program(image)),
        )
    return gap(inventory) or passed("no tools found")


def _program(image: ImageFacts) -> str:
    """The program that the image starts, if it is given with its full path."""
    words = image.config.get("Entrypoint") or image.config.get("Cmd") or ()
    first = str(words[0]) if isinstance(words, list) and words else ""
    return first if re.fullmatch(r"/[0-9A-Za-z._/+-]{1,200}", first) else "/path/to/program"


_BASES = {
    "debian": "distroless/base-debian{}",
    "wolfi": "chainguard/glibc-dynamic",
    "chainguard": "chainguard/glibc-dynamic",
    **dict.fromkeys(
        ("rhel", "centos", "rocky", "almalinux", "ol"),
        "ubi{}/ubi-micro",
    ),
    **dict.fromkeys(("sles", "opensuse-leap"), "bci/bci-micro"),
}
"""ID of os-release -> a base of the same family without tools, so that the C library stays the
same."""


def _smaller(inventory: ImageInventory, program: str) -> tuple[str, ...]:
    """A Containerfile to start from, an untested proposal; scratch suits a program without
    libraries."""
    release = inventory.release
    base = _BASES.get(release.get("ID", ""), "").format(
        release.get("VERSION_ID", "").partition(".")[0]
    )
    known = re.fullmatch(r"[a-z0-9/-]+", base)
    source = f"REGISTRY/{base}" if known else "scratch"
    copy = f"COPY --from=build {program} {program}"
    return (
        "FROM THE-IMAGE-OF-TODAY AS build",
        f"FROM {source}",
        copy,
        "USER 65532:65532",
    )


def _having(*tools: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(tools=tools))


@Check(
    # root inside without a password: a layer inside the container is missing
    gives=Gain.ENTRY.after(2),
    scope=Kind.IMAGE,
    summary="Lock the account or remove the rule, then rebuild the image",
    fix=FixKind.IMAGE_REBUILD,
    passes=lambda: (container(image=_with_accounts()),),
    fails=lambda: (container(image=_with_accounts("toor has uid 0")),),
    references=("Dockle DKL-LI-0001", "Dockle DKL-DI-0001", "NIST SP 800-190 4.1.2"),
)
def weak_accounts_in_image(facts: ContainerFacts) -> Verdict:
    """Weak account in image.

    What it checks:
    Whether the image has an account with an empty password, a second account with UID 0, or a rule
    of sudo or doas that asks for no password.

    Why it matters:
    Running as an ordinary user protects only as long as that user cannot simply become root. An
    empty password or a careless sudo rule makes it a single command, and every intruder tries it
    first. With a server for remote logins in the image (high), it may be the way in.

    What may break:
    Entrypoint scripts that use `sudo` without a password must start as the right user instead.
    Nothing else needs these accounts: `podman exec` enters a container without a password.
    """
    inventory = image_of(facts).inventory
    weak = inventory.weak_accounts
    if weak:
        evidence = tuple(Evidence("accounts in the image", sentence) for sentence in weak[:12])
        with_login = bool(inventory.remote_logins)  # then it is an entrance, too
        return failed(
            visible(weak[0], 120),
            plural(
                len(weak),
                "account or rule",
                "accounts or rules",
            ),
            evidence=evidence,
            gives=Gain.ENTRY.after(1) if with_login else None,
        )
    return gap(inventory) or passed("none found")


def _with_accounts(*weak: str) -> ImageFacts:
    return image(inventory=ImageInventory(weak_accounts=weak))


@Check(
    gives=Gain.PERSISTENCE.after(1),  # matters only to a second user inside
    scope=Kind.IMAGE,
    summary="Remove write permission for others in the build",
    fix=FixKind.IMAGE_REBUILD,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_with_writable()),),
    fails=lambda: (
        container(image=_with_writable(ImageFile("/app/start.sh", "file", 3))),
        container(
            "--read-only",
            image=_with_writable(ImageFile("/app/start.sh", "file", 3)),
        ),
    ),
    references=("NIST SP 800-190 4.1.2",),
)
def world_writable_files_in_image(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """World-writable files in image.

    What it checks:
    Whether the image contains world-writable files, or world-writable directories without the
    sticky bit, outside `/tmp`, `/var/tmp` and `/dev/shm`.

    Why it matters:
    A service should be able to change nothing but its data. Whoever takes it over can change a
    world-writable
    file: a script that root runs later, a library, a page that the web server delivers.

    What may break:
    Services that write to such a place need it to have the right owner, or a volume. With a
    read-only root filesystem, the files cannot be changed at all, which helps until the image is
    rebuilt.
    """
    files = listed_files(
        facts, lambda image: image.world_writable, parameters.texts("allowed"), deleted=False
    )
    harmless = facts.spec[READ_ONLY]
    reason = plural(
        len(files), "world-writable file or directory", "world-writable files or directories"
    )
    if harmless:
        reason += "; protected for now by the read-only root"
    return failed(
        reason,
        plural(len(files), "file"),
        evidence=file_evidence(files),
    )


def _with_writable(*files: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(world_writable=files))
