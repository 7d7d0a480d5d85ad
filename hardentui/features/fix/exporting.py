"""Files for other systems than Podman: a Kubernetes pod, an Ansible playbook."""

from __future__ import annotations

from collections.abc import Sequence

from hardentui.model.draft import Target, TextFile
from hardentui.model.spec import Spec
from hardentui.writers.ansible import REQUIREMENTS_FILE, ansible_files
from hardentui.writers.context import UnitContext
from hardentui.writers.kube import kube_file


def export(
    target: Target, spec: Spec, context: UnitContext, comments: Sequence[str], *, image_user: str
) -> tuple[tuple[TextFile, ...], tuple[str, ...]]:
    """The files, the container's own first, and what is not carried over.

    Args:
        image_user: the user it runs as if the spec names none.

    Raises:
        CannotExpress: a value that the format cannot hold.
    """
    if target is Target.KUBE:
        kube = kube_file(spec, context, comments, image_user=image_user)
        return (TextFile(kube.name, kube.text),), kube.notes
    playbook = ansible_files(spec, context, comments)
    files = (
        TextFile(playbook.name, playbook.playbook),
        TextFile(REQUIREMENTS_FILE, playbook.requirements),
    )
    return files, playbook.notes
