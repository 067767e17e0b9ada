"""The page for phones: a folder of static files, written or served."""
