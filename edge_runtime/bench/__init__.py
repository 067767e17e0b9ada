"""Measure models and state how far each number can be trusted."""
