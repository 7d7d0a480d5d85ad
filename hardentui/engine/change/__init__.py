"""The only place that changes containers, networks, volumes and pods. All else in `engine` can only
GET.

`ChangingEngine` is created from an open `Engine` and uses the same socket. podman-py handles what
Podman's API does well (start, stop, rename, remove, wait, archives, networks, volumes); creating
and updating go through `podman --url SOCKET create|update`, with the argument list of our run
scripts:

- it is the only writer of containers, proven by round trips against a real Podman. A second one,
  for the API's own document (SpecGenerator), would have to be proven again for every option, and it
  has silent traps: `userns` without `idmappings` runs in the host's user namespace, a secret
  without a mode cannot be read, podman-py's own `create` drops `no-new-privileges`;
- a container created by Podman's command line keeps its command (`CreateCommand`), which later
  shows its options.

It costs one process (about 60 ms) and needs the program `podman` on this machine.
"""
