"""Files, child processes, locks and terminals."""
