"""States of containers: hardened, and kept so.

.. code-block:: yaml

    web:
      hardentui.hardened:
        - checks: [writable-rootfs, new-privileges-allowed]
        - probe: ["curl -fsS http://$TARGET:8080/"]

With ``test=True`` nothing is tried or changed: the plan says what would be.
"""

from salt.exceptions import CommandExecutionError

__virtualname__ = "hardentui"


def __virtual__():
    return __virtualname__


def hardened(name, checks, probe=None, user=None):
    """The container passes these checks, by fixes that were tried on a twin first."""
    return _changed(
        name,
        user,
        dict(checks=checks),
        lambda: __salt__["hardentui.harden"](name, checks, probe=probe, user=user),
    )


def applied(name, checks=None, plan=None, likely=False, safe=False, probe=None, user=None):
    """The container has these fixes, applied without a trial of its own."""
    fixes = dict(checks=checks, plan=plan, likely=likely, safe=safe)
    return _changed(
        name,
        user,
        fixes,
        lambda: __salt__["hardentui.apply"](name, probe=probe, user=user, **fixes),
    )


def quadlet(
    name, dest, checks=None, plan=None, likely=False, safe=False, as_is=False, user=None
):
    """The Quadlet files of the container lie in this folder; the container goes on running."""
    told = {"name": name, "result": True, "changes": {}, "comment": "The files are there already."}
    try:
        differing = __salt__["hardentui.quadlet"](
            name,
            dest,
            checks=checks,
            plan=plan,
            likely=likely,
            safe=safe,
            as_is=as_is,
            user=user,
            test=__opts__["test"],
        )
    except CommandExecutionError as error:
        told.update(result=False, comment=str(error))
        return told
    if differing:
        would = "would be" if __opts__["test"] else "were"
        told.update(
            result=None if __opts__["test"] else True,
            changes=differing,
            comment="These files of %s %s put in place." % (dest, would),
        )
    return told


def _changed(name, user, fixes, act):
    told = {"name": name, "result": True, "changes": {}, "comment": ""}
    try:
        changes = __salt__["hardentui.plan"](name, user=user, **fixes)
        if not changes:
            told["comment"] = "It passes these checks already, or no option fixes them."
            return told
        words = {
            change["option"]: {"old": change["before"], "new": change["after"]} for change in changes
        }
        if __opts__["test"]:
            told.update(result=None, changes=words, comment="These options would be changed.")
            return told
        done = act()
    except CommandExecutionError as error:
        told.update(result=False, comment=str(error))
        return told
    if done["changed"]:
        told.update(changes=words, comment="Entry %s of the journal of this host." % done["id"])
    else:
        told["comment"] = "Nothing that could be kept: the trial left it out."
    return told
