"""What a stream of decisions becomes: a session that counts, a live timeline, lines, a log and a summary."""
