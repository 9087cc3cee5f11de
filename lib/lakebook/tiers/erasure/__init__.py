"""Erasure: finds and takes out the rows of a subject, and proves that they are gone."""
