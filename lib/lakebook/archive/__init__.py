"""What a run leaves: its record, its immutable folder, its report in HTML and the index of runs.

Secrets are taken out by `masking.py` before anything is written.
"""
