"""Sources outside the lake. A source is named by a URI; its scheme picks the connector.

What lands from a source stands in the bronze step; how a table is written, in `step` and `delta`.
"""

from __future__ import annotations

from .source import Landing, Source, SourceVersion, open_source

__all__ = ["Landing", "Source", "SourceVersion", "open_source"]
