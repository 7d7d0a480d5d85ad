"""Who may become root without a password."""
