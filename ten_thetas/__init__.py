"""The app as a command.  Installed, this package also holds the app itself, models and MNIST."""
