"""From a selection to runs: what is stale (`plan`), one run (`single`), many (`scheduler`)."""
