"""Show a benchmark's report: on a terminal, as CSV, Markdown and HTML, each made from a `bench.results.Report`."""
