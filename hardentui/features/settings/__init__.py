"""The user's settings: settings.toml, the environment, and the defaults."""
