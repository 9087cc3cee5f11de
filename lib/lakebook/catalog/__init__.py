"""Metadata for DataHub: aspects of datasets and runs, the outbox of files, its delivery.

`emit` fills the outbox from contracts and archived runs; `push` delivers it to a server and `lite`
loads it into DataHub Lite. `datahub` is imported inside functions only.
"""

from __future__ import annotations
