#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the site's pages.

usage: site_links.py FOLDER

Each link, picture, script and style sheet of a page has an existing file, and
each fragment an element with that id. Nothing is loaded from elsewhere. The index
of the search has the pages and functions that a reader looks for.
"""

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes with which a page loads something by itself.
LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("object", "data")}
PAGES = ["index", "docs/guarantees", "docs/man/leaselock.1", "api/ticket_h"]
FUNCTIONS = ["leaselock_acquire", "leaselock_release", "leaselock_lead"]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids = set()
        self.links = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.ids.add(value)
            elif value and (tag, name) in LOADED | {("a", "href")}:
                self.links.append((value, (tag, name) in LOADED))


def main(folder):
    pages = {
        path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")
    }
    wrong = []
    links = 0
    for path, page in sorted(pages.items()):
        for link, loaded in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if loaded and parts.scheme != "data":
                    wrong.append(f"{path}: loads {link}")
                continue
            links += 1
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            if not target.is_file():
                wrong.append(f"{path}: no file at the end of {link}")
            elif parts.fragment and target in pages:
                if unquote(parts.fragment) not in pages[target].ids:
                    wrong.append(f"{path}: no heading at the end of {link}")

    # Search.setIndex({...})
    text = (folder / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    named = {entry[4] for entries in index["objects"].values() for entry in entries}
    wrong += [f"the search has no page {p}" for p in PAGES if p not in index["docnames"]]
    wrong += [
        f"the search has no function {f}" for f in FUNCTIONS if f not in named
    ]
    for fault in wrong:
        print(fault)
    if wrong or links < 1000:
        sys.exit(f"{len(pages)} pages, {links} links, {len(wrong)} faults")
    print(f"{len(pages)} pages, {links} links")


main(Path(sys.argv[1]).resolve())
