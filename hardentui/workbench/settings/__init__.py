"""What the user has set: settings.toml, the environment, and the defaults behind them."""
