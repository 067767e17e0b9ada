"""Read a model file and its card, and run it."""
