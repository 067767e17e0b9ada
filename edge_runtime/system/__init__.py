"""Handle files, child processes, locks and terminals, as any program needs them."""
