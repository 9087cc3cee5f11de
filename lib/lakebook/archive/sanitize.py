"""HTML of a notebook's output made harmless: structure, text and embedded pictures stay.

This is the first lock; the pages' content security policy (`lakebook.site`) is the second.
"""

from __future__ import annotations

import re

IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_CLASS = re.compile(r"(highlight|hll|[a-z]{1,2}\d?|ansi-[a-z-]+|dataframe|lb-[a-z]+)")
_TAGS = """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6
    hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td
    tfoot th thead tr u ul var
"""
_ATTRIBUTES = {
    "*": {"class", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "div": {"tabindex"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
}
DEPTH_MAX = 400
_OPEN_OR_CLOSE = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# Tags that have no end, or whose end a parser supplies: they do not nest by being left open.
_FLAT = """
    area base br col embed hr img input link meta source track wbr
    p li dt dd tr td th thead tbody tfoot colgroup option rp rt
"""
_WITH_CONTENT = {"script", "style", "iframe", "object", "template", "svg", "math", "noscript"}


def sanitize(html: str) -> str:
    """Keep structure, text and embedded images; drop scripts, styles, handlers, foreign loads.

    What is nested beyond reason is left out: a parser's time grows with the square of the depth.
    """
    import nh3

    if _depth(html) > DEPTH_MAX:
        return "<p>left out: HTML nested too deeply; the whole is in notebook.ipynb</p>"
    return nh3.clean(
        html,
        tags=set(_TAGS.split()),
        clean_content_tags=_WITH_CONTENT,
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_keep_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )


def _depth(html: str) -> int:
    depth = deepest = 0
    flat = set(_FLAT.split())
    for end, tag in _OPEN_OR_CLOSE.findall(html):
        if tag.lower() not in flat:
            depth = max(0, depth + (-1 if end else 1))
            deepest = max(deepest, depth)
    return deepest


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "tabindex":
        return value if value == "0" else None  # reachable, never first
    if name == "src":
        return value if IMAGE.fullmatch(value) else None
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "class":
        # Only classes of code, of plain tables and of cards, which style the inside of a card
        # alone: others could dress output up as our header.
        kept = [word for word in value.split() if _CLASS.fullmatch(word)]
        return " ".join(kept) or None
    return value
