"""Step 5: limits, file system, namespaces, SELinux and AppArmor, secrets."""
