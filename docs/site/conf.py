"""The documentation as a site: `make docs` builds the pages of docs/ with Sphinx, without a request to anywhere.

The pages are plain Markdown, so that they read as well on a Git host. Two things are therefore derived from them when
they are read: the navigation, from the links of the pages that list others, and the places of files outside of docs/.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

project = "Garage"
html_title = "Garage documentation"
extensions = ["myst_parser"]
myst_heading_anchors = 4
root_doc = "index"
exclude_patterns = ["client", "examples", "site"]
# The contracts print bodies with "..." in them, which is no JSON. They do not change.
suppress_warnings = ["misc.highlighting_failure"]

html_theme_path = [str(Path(__file__).parent)]
html_theme = "theme"
html_favicon = str(ROOT / "common/static/common/favicon.svg")
html_copy_source = html_show_sourcelink = html_use_index = html_show_copyright = False
html_permalinks_icon = "#"

# Pages of the site that show a file outside of docs/.
OUTSIDE = {
    "changelog": ROOT / "CHANGELOG.md",
    "contributing": ROOT / "CONTRIBUTING.md",
    "measurements": ROOT / "bench/RESULTS.md",
    "reads": ROOT / "common/reads/README.md",
}
# Pages whose links are the navigation: those to pages below their own folder, in their order.
LISTS = ["index", "contracts/README", "decisions/README", "design/README"]
# Files that the site has beside its pages.
FILES = {DOCS / "openapi.yaml", DOCS / "asyncapi.yaml"}
html_extra_path = sorted(map(str, FILES))
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Prepare the text of a page for the site."""
    file = OUTSIDE.get(docname, DOCS / f"{docname}.md")
    app.env.note_dependency(str(file))
    text = file.read_text(encoding="utf-8")
    text = LINK.sub(lambda link: link_from(DOCS / docname, file.parent, link), text)
    source[0] = text + (navigation(text) if docname in LISTS else "")


def link_from(page: Path, folder: Path, link: re.Match[str]) -> str:
    """Return a link to the site's own page or picture. Of a link to any other file only the text is left."""
    mark, text, target, anchor = link.groups()
    if not target or re.match(r"[a-z]+:", target):
        return link[0]
    file = (folder / target).resolve()
    shown = {outside: DOCS / f"{name}.md" for name, outside in OUTSIDE.items()}
    file = shown.get(file, file)
    if file in FILES:
        folder = page.parent if page.name == "index" else page
        return f'<a href="{os.path.relpath(file, folder)}">{text}</a>'
    if not mark and not (file.suffix == ".md" and file.is_relative_to(DOCS)):
        return text
    return f"{mark}[{text}]({os.path.relpath(file, page.parent)}{anchor or ''})"


def navigation(text: str) -> str:
    """Return hidden tables of contents of the pages that a page links, one for each of its sections."""
    tables = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        found = [
            (target, name) for _, name, target, _ in LINK.findall(section) if re.match(r"\w.*\.md$", target)
        ]
        links: dict[str, str] = {}
        for target, name in found:
            links.setdefault(target, name)
        if links:
            caption = "" if section.startswith("# ") else f":caption: {section.partition(chr(10))[0]}\n"
            pages = "\n".join(f"{name.replace('`', '')} <{target}>" for target, name in links.items())
            tables.append(f"\n```{{toctree}}\n:hidden:\n{caption}\n{pages}\n```\n")
    return "".join(tables)


def let_keys_scroll(app: Sphinx, page: str, template: str, context: dict[str, str], doctree: object) -> None:
    """Let the keyboard reach what scrolls sideways: blocks of code, and tables, which get a frame that does."""
    if "body" in context:
        text = context["body"].replace("<pre>", '<pre tabindex="0">')
        text = text.replace("<table ", '<div class="wide" tabindex="0"><table ')
        context["body"] = text.replace("</table>", "</table></div>")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    app.connect("html-page-context", let_keys_scroll)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
