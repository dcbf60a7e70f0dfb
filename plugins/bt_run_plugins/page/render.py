"""Templates become pages; template, style and script are named by their paths in this package."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from bt_run_plugins.page.chart_data import page_data
from bt_run_plugins.page.parts import Choice, Picture, Section, charts_of
from bt_run_plugins.page.svg import Chart

if TYPE_CHECKING:
    from jinja2 import Environment, Template

__all__ = ["SCRIPT", "STYLE", "chart_script", "file_text", "template"]

STYLE = "page/page.css"
SCRIPT = "page/page.js"
CHART_SCRIPT = "page/charts.js"


def template(name: str) -> Template:
    """Return a template that escapes what it is given and refuses what it is not."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """Return what compiles templates, and keeps those that are compiled."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        auto_reload=False,
        loader=FunctionLoader(file_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["picture"] = lambda part: isinstance(part, Picture)
    environment.tests["chart"] = lambda part: isinstance(part, Chart)
    environment.tests["choice"] = lambda part: isinstance(part, Choice)
    return environment


def file_text(name: str) -> Any:
    """Return one of the package's own files as text that is not escaped again."""
    from markupsafe import Markup

    return Markup(
        (resources.files("bt_run_plugins") / name).read_text(encoding="utf-8")
    )


def chart_script(sections: Sequence[Section]) -> tuple[Any, Any]:
    """Return the numbers behind the pictures of ``sections``, and the script that reads them; both
    empty where there are none.
    """
    from markupsafe import Markup

    data = page_data(charts_of(sections))
    return Markup(data), file_text(CHART_SCRIPT) if data else ""
