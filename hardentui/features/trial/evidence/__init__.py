"""Why a twin fails: what the kernel denied it, according to its log, its limits and its system calls."""
