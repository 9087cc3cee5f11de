"""The report site: static pages over the archive, built by what is new.

`build` writes, `scan` finds what is new, `store` remembers it; a page is a view (`run_view`,
`dataset_view`, …), which is data, and a template. Nothing on a page is loaded from elsewhere.
"""
