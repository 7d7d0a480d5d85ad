"""Processes as the kernel shows them: /proc and the cgroup tree."""
