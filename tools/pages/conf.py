"""How Sphinx makes the site; tools/pages/build.py calls it."""

from importlib.metadata import version as version_of

project = "Induction Explorer"
author = "the authors of Induction Explorer"
version = release = version_of("induction-explorer")
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
html_theme = "furo"
html_title = "Induction Explorer"
html_static_path = ["_static"]
html_extra_path = ["_extra"]
exclude_patterns = ["_extra"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
nitpicky = True
# Blocks show how commands are typed, with … for what is left out.
suppress_warnings = ["misc.highlighting_failure"]
