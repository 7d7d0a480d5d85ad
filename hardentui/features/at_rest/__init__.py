"""Files at rest: Quadlets, compose files, run commands and Kubernetes YAML, judged and fixed
without Podman.

`sources` finds and reads the files; `quadlets`, `compose`, `commands` and `kube` make services of
them; `judging` runs the checks on what a file decides; `fixing` makes minimal edits, `stacks` turns
a compose file into Quadlets. What the kernel, the image's files or the host decide is unknown here,
and told in one line.
"""
