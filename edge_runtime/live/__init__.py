"""A stream of samples becomes a stream of activities."""
