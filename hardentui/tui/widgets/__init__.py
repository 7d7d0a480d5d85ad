"""The widgets: they receive data from screens and post messages upwards; they know no screen."""
