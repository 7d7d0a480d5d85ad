"""From what was seen of a container to what it needs: capabilities, paths, limits, system calls. Pure."""
