"""A container's throw-away copy: made, watched, judged, relaxed; nothing here touches the original."""
