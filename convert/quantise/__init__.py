"""Turn a lowered network into a small TFLite file."""
