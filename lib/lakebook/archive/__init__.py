"""What a run leaves for good: its record, its executed notebook, its cells as sanitized HTML.

Secrets are taken out by `masking.py` before anything is written. Pages are `lakebook.site`'s.
"""
