"""Watching one container: samples, a kept baseline, alarms. Nothing is executed in the container."""
