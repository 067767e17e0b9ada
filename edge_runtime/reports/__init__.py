"""A benchmark's report in every form: on a terminal, as CSV, Markdown and HTML, each made from `results.Report` alone.

`words` are the sentences and `rows` the numbers that all forms share, so that they say the same.
"""
