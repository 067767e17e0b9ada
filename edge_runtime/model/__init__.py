"""A model file, its card and its answers."""
