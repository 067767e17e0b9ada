"""Show a stream of decisions: a live timeline, lines, a log, a summary, tables and plots of scores."""
