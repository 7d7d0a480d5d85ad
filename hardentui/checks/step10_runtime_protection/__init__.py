"""Step 10: what stands between a taken-over process and the kernel."""
