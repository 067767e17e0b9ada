"""Turn recordings into windows, labels and subjects."""
