"""Define the subcommands that need no TensorFlow, one module each, which parses options and prints."""
