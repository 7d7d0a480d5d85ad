"""Monitoring one container: readings, a saved baseline, alarms. Nothing runs in the container."""
