"""Fill the templates of pages: one file of HTML with its style and scripts, without links."""

from __future__ import annotations

from importlib import resources
from typing import Any

import jinja2

SCRIPTS = ("charts.js", "page.js")


def render(name: str, **values: Any) -> str:
    """Return a page: the template of this name with these values, the style and the scripts."""
    here = resources.files("grokjax.report")
    css, *scripts = ((here / each).read_text("utf-8") for each in ("page.css", *SCRIPTS))
    loader = jinja2.FunctionLoader(lambda each: (here / each).read_text("utf-8"))
    template = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template.undefined = jinja2.StrictUndefined
    # NaN is not JSON, so browsers could not read the page.
    dumping = {"sort_keys": False, "separators": (",", ":"), "allow_nan": False}
    template.policies["json.dumps_kwargs"] = dumping
    return template.get_template(name).render(css=css, js="\n".join(scripts), **values)
