"""Tiers: partitions that age from hot to warm to cold, and come back on demand.

Where a partition lies is a token in the hot table's log (`lakebook.delta.place`), so that a change
of place is one commit there. A copy is made first, under the fence of where it goes.
"""
