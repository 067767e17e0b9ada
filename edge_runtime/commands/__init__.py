"""The subcommands that need no TensorFlow, one module each; a module parses and prints, the work is done elsewhere."""
