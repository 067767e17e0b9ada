"""Run many fits at once, resumably."""
