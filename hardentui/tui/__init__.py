"""The terminal UI. Screens use widgets, widgets use text and status; nothing here touches the
machine."""
