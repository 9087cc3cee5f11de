"""What a notebook shows of a step's work and the report site shows of a run: the same templates.

A step gives them what it has just done, the site what a record says.
"""
