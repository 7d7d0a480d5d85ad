"""The widgets: they get data from above and post messages upwards; they know no screen."""
