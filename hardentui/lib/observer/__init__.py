"""The observer of a container's system calls, by seccomp user notification."""
