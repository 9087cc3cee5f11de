"""Looking at frames while a step is written: a preview, a profile, the difference to what is there.

Nothing here reads for the result: no edge of the graph, no input of the fingerprint, no part of the
record. Values of classified columns stay hidden, since what a cell shows goes to the archive.
"""
