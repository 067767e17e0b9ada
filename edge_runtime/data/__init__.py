"""Recordings become windows, labels and subjects."""
