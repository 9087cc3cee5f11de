"""HTML of a notebook's output made harmless: structure, text and embedded pictures stay.

This is the first lock; the pages' content security policy (`lakebook.site`) is the second.
"""

from __future__ import annotations

import re

IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_CLASS = re.compile(r"(highlight|hll|[a-z]{1,2}\d?|ansi-[a-z-]+|dataframe)")
_TAGS = """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6
    hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td
    tfoot th thead tr u ul var
"""
_ATTRIBUTES = {
    "*": {"class", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
}
_WITH_CONTENT = {"script", "style", "iframe", "object", "template", "svg", "math", "noscript"}


def sanitize(html: str) -> str:
    """Keep structure, text and embedded images; drop scripts, styles, handlers, foreign loads."""
    import nh3

    return nh3.clean(
        html,
        tags=set(_TAGS.split()),
        clean_content_tags=_WITH_CONTENT,
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_keep_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if IMAGE.fullmatch(value) else None
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "class":
        # Only classes of code and of plain tables: others could dress output up as our header.
        kept = [word for word in value.split() if _CLASS.fullmatch(word)]
        return " ".join(kept) or None
    return value
