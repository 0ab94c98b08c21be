"""Reads HTML as a browser would, to tell which tags and attributes are in it."""

import re
from html.parser import HTMLParser
from typing import Final

# Everything that the templates write inside a message or a view. An attribute that is not here was smuggled in.
TAGS: Final = frozenset(
    (  # noqa: SIM905 - a hundred quotes would hide the words.
        "a article b blockquote br button circle code dd div em fieldset figcaption figure footer h2 h3 h4 hr img "
        "input label li ol optgroup option p path pre s select small span strong svg table tbody td template textarea "
        "th thead time tr u ul"
    ).split()
)
ATTRIBUTES: Final = frozenset(
    (  # noqa: SIM905 - as above.
        "alt autocomplete checked class cx cy d datetime fill for height href id label max maxlength min minlength "
        "name placeholder popover r rel required role rows scope selected src start step stroke stroke-linecap "
        "stroke-linejoin stroke-width tabindex target title type value viewbox width"
    ).split()
)


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.foreign.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES and not name.startswith(("data-", "aria-")):
                self.foreign.append(f"{tag}[{name}]")
            if name == "href" and not re.match(r"/\?as=|(?:https?|mailto):", value or ""):
                self.foreign.append(f"{tag}[{name}={value}]")
            if name == "src" and not (value or "").startswith("/files/"):
                self.foreign.append(f"{tag}[{name}={value}]")

    def handle_comment(self, data: str) -> None:
        self.foreign.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.foreign.append(f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        self.foreign.append(f"<?{data}")
