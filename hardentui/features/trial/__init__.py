"""A temporary copy of a container: created, watched, judged, relaxed; nothing here touches the
original."""
