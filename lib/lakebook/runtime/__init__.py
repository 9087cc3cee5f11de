"""Warm kernels and notebook jobs: `job.execute` runs one notebook, `warm.call` one function.

Each runs in a process forked from a parent that has the imports done. Records and reports of runs
are made next door, in `lakebook.archive`.
"""
