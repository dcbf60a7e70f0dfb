"""Settings of the documentation site; ``make docs`` builds it into ``build/docs``, without a
network.
"""

from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory

from sphinx.application import Sphinx

from bt_run import load_config, run, write_report

project = "bt-run"
author = "the authors of bt-run"
project_copyright = "the authors of bt-run; GPL-3.0-or-later"
version = release = installed("bt-run")

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_static", "_templates"]
templates_path = ["_templates"]
highlight_language = "none"  # a block says what it is, or is shown as it stands
nitpicky = True

html_title = f"bt-run {version}"
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "logo": {"text": "bt-run"},
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "show_toc_level": 2,
}
html_sidebars = {"**": ["all-pages"]}


def setup(app: Sphinx) -> None:
    """Let the pages that link the example's own page find it."""
    app.connect("build-finished", write_example)


def write_example(app: Sphinx, error: Exception | None) -> None:
    """Run the first example and put its page beside the pages of the site.

    It is made by the code that the site describes, and not kept, so that it is never another's.
    """
    if error is not None or app.builder.name != "html":
        return
    result = run(load_config(Path(app.srcdir).parent / "examples" / "spy_qqq.yaml"))
    with TemporaryDirectory() as folder:
        (page,) = write_report(result, "html", Path(folder))
        content = page.read_bytes()
    (Path(app.outdir) / "example_report.html").write_bytes(content)
