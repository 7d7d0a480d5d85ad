"""From observations of a container to its needs: capabilities, paths, limits, system calls. Pure."""
