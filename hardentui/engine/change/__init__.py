"""The only place that changes containers, networks, volumes and pods. All else in `engine` can only GET.

`ChangingEngine` is made of an `Engine` that is open already and speaks to the same socket. podman-py carries
what Podman's API does well (start, stop, rename, remove, wait, archives, networks, volumes); creating and
updating go through `podman --url SOCKET create|update`, with the argument list that our run scripts carry:

- it is the one writer of containers, proven by round trips against a real Podman. A second one, for the API's
  own document (SpecGenerator), would have to be proven for every option again, and its traps are silent:
  `userns` without `idmappings` runs in the host's user namespace, a secret without a mode cannot be read,
  podman-py's own `create` drops `no-new-privileges`;
- a container that Podman's command line made keeps its command (`CreateCommand`), which later tells
  what it was made of.

It costs one process (about 60 ms) and needs the program `podman` on this machine.
"""
