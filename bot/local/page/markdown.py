"""The `markdown` block's dialect to HTML: headings, lists, quotes, code, tables, emphasis and links.

Reference: https://docs.slack.dev/reference/block-kit/blocks/markdown-block
"""

from collections.abc import Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from bot.local.page.mrkdwn import emoji_text, link, safe_url
from bot.local.page.names import Names

_UNTAGGED: Final = {"thead_open", "thead_close", "tbody_open", "tbody_close"}


def markdown(text: str, names: Names) -> Markup:
    """A whole markdown text; ids in it are not mentions, as in Slack."""
    del names  # Markdown has no mentions; the filter's form is that of the others.
    return Markup(_PARSER.render(text))  # noqa: S704 - raw HTML is off, so every tag is one of `_PageHtml`


class _PageHtml(RendererHTML):
    """The page's tags, without attributes and without line breaks between blocks.

    The base class finds a token's method by its name, and calls `renderToken` where there is none.
    """

    def renderToken(  # noqa: N802 - the library's name
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        del options, env
        token = tokens[idx]
        if token.hidden or token.type in _UNTAGGED or _fills_its_quote(tokens, idx):
            return ""
        tag = "h4" if token.type.startswith("heading_") else token.tag
        return f"</{tag}>" if token.nesting == -1 else f"<{tag}>"

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Escaped, with emoji."""
        del options, env
        return emoji_text(tokens[idx].content)

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Its lines as they are; the language has no effect."""
        del options, env
        return Markup("<pre>{}</pre>").format(tokens[idx].content.removesuffix("\n"))

    def softbreak(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Slack breaks the line where the text does."""
        del tokens, idx, options, env
        return "<br>"

    hardbreak = softbreak

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """As every link of the page."""
        del options, env
        return link(str(tokens[idx].attrGet("href")), "").removesuffix("</a>")

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A link to it: the page loads nothing from elsewhere."""
        del options, env
        address = str(tokens[idx].attrGet("src"))
        return link(address, emoji_text(tokens[idx].content or address))


def _fills_its_quote(tokens: Sequence[Token], idx: int) -> bool:
    """Whether it is the only paragraph of a quote, whose lines then need no tag of their own."""
    if not tokens[idx].type.startswith("paragraph_"):
        return False
    start = idx if tokens[idx].nesting == 1 else idx - 2  # Its text stands between its two tags.
    around = [tokens[at].type for at in (start - 1, start + 3) if 0 <= at < len(tokens)]
    return around == ["blockquote_open", "blockquote_close"]


def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}, renderer_cls=_PageHtml).enable(["table", "strikethrough"])
    # Slack has neither code by indentation nor headings by underlining.
    made.disable(["code", "lheading"])
    made.validateLink = lambda url: safe_url(url) is not None  # type: ignore[method-assign]  # the library's way
    return made


_PARSER: Final = _parser()
