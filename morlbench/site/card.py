"""A plugin's card as safe HTML: its README in plain Markdown with tables, nothing fetched, no markup of its own.

HTML in the text is shown as text; links keep their target only where it is a web address; images are left out.
"""

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from morlbench import registry
from morlbench.errors import BadInput
from morlbench.registry import Kind


def card(kind: Kind, name: str) -> Markup:
    """Return the card of a plugin as HTML; empty where the plugin is not installed or has no card."""
    try:
        folder = registry.folder(kind, name)
    except BadInput:
        return Markup("")
    path = folder / "README.md" if folder else Path("absent")
    if not path.is_file():
        return Markup("")
    title, _, rest = path.read_text(encoding="utf-8").partition("\n")
    return render(rest if title.strip("# ") == name else f"{title}\n{rest}")  # the page has that title


def render(text: str) -> Markup:
    """Return Markdown as HTML that holds only this project's tags, without comments.

    >>> render("# A\\n<script>x</script>")
    Markup('<h2>A</h2>\\n<p>&lt;script&gt;x&lt;/script&gt;</p>\\n')
    """
    tokens = _parser().parse(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):  # the page has the one h1
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        for child in token.children or []:
            if child.type == "link_open" and not str(child.attrGet("href")).startswith(("https://", "http://")):
                child.attrs = {}
    html = _parser().renderer.render(tokens, _parser().options, {})
    wrapped = html.replace("<table>", '<div class="wide" tabindex="0" role="region" aria-label="table"><table>')
    return Markup(wrapped.replace("</table>", "</table></div>"))


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_block", "html_inline"])
