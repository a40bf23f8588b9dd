# SPDX-License-Identifier: Apache-2.0
"""Sphinx's configuration for the site, which scripts/site builds.

The script sets SITE_VERSION and SITE_XML, the folder of Doxygen's XML.
"""

import logging
import os

project = "leaselock"
author = "The leaselock project"
project_copyright = "The leaselock project; Apache License 2.0"
version = release = os.environ["SITE_VERSION"]
language = "en"

extensions = ["myst_parser", "breathe"]
source_suffix = {".md": "markdown"}
# Pages link to headings by the names that GitHub and GitLab give them.
myst_heading_anchors = 4

breathe_projects = {"leaselock": os.environ["SITE_XML"]}
breathe_default_project = "leaselock"
breathe_domain_by_extension = {"h": "c", "hpp": "cpp"}
breathe_show_include = False

# Nothing is fetched from elsewhere when a page is shown.
html_theme = "furo"
html_title = f"leaselock {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["style"]
html_css_files = ["site.css"]
pygments_style = "tango"
pygments_dark_style = "monokai"

# In C a struct's or enum's tag and a function may have one name. Sphinx 5 takes
# the second of the two, and the first member of such a struct, for a duplicate.
NO_DUPLICATES = (
    " leaselock_ticket_state",
    " leaselock_session_state",
    " leaselock_ping",
    " char endpoint [LEASELOCK_ERROR_ENDPOINT_SIZE]",
)


def is_no_duplicate(record):
    said = record.getMessage()
    return not said.startswith("Duplicate C declaration") or not any(
        name in said for name in NO_DUPLICATES
    )


logging.getLogger("sphinx.sphinx.domains.c").addFilter(is_no_duplicate)
