"""Turn a stream of samples into a stream of activities, and score it."""
