"""Why a twin fails: what the kernel refused it, as its log, its limits and its system calls show."""
