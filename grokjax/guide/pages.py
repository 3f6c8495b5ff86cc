"""Read the pages of the guide, which are Markdown files beside this one."""

from __future__ import annotations

import re
from pathlib import Path

LINK = re.compile(r"!?\[([^\]]*)\]\(([^)]*)\)")


def page(name: str) -> str:
    """Return the text of a page, for `help` and for the site that `make docs` builds.

    Links between pages become links of the site; of a link to another file of the repository only
    the text and the file's name are left, since neither the site nor an installation has the file.

    Args:
      name: of the page, such as `cookbook`.

    Raises FileNotFoundError if there is no such page.
    """
    text = (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8")
    return LINK.sub(_site_link, text)


def _site_link(found: re.Match) -> str:
    text, target = found.groups()
    if target.startswith("../"):
        return f"{text} (`{target.removeprefix('../../')}` in the repository)"
    return f"[{text}]({target.replace('.md', '.html')})"
