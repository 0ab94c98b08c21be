"""Block Kit's composition objects: text, option, option group, confirm."""

from collections.abc import Collection

from bot.local.workspace.blockkit.problems import Problems

PLAIN = ("plain_text",)
ANY_TEXT = ("plain_text", "mrkdwn")
TEXT_KEYS = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
OPTION_TEXT, OPTION_VALUE, OPTIONS = 75, 150, 100


def check_text(problems: Problems, value: object, at: str, limit: int, kinds: Collection[str] = PLAIN) -> None:
    """A text object of one of the kinds."""
    text = problems.mapping(value, at)
    if text is None:
        return
    kind = text.get("type")
    if kind not in kinds:
        problems.add(f"invalid text type; must be one of {', '.join(kinds)}", f"{at}/type")
        return
    problems.keys(text, TEXT_KEYS[str(kind)], at)
    problems.boolean(text, "emoji", at)
    problems.boolean(text, "verbatim", at)
    problems.characters += len(problems.string(text, "text", at, limit, required=True) or "")


def check_option(
    problems: Problems, value: object, at: str, kinds: Collection[str] = PLAIN, *, url: bool = False
) -> str | None:
    """One option; returns its value."""
    option = problems.mapping(value, at)
    if option is None:
        return None
    problems.keys(option, {"text", "value", "description"} | ({"url"} if url else set()), at)
    check_text(problems, option.get("text"), f"{at}/text", OPTION_TEXT, kinds)
    if "description" in option:
        check_text(problems, option["description"], f"{at}/description", OPTION_TEXT, kinds)
    problems.string(option, "url", at, 3000)
    return problems.string(option, "value", at, OPTION_VALUE, required=True)


def check_options(
    problems: Problems, value: object, at: str, limit: int, kinds: Collection[str] = PLAIN, *, url: bool = False
) -> None:
    """A list of options with different values."""
    seen: set[str] = set()
    for index, option in enumerate(problems.items({"options": value}, "options", at.removesuffix("/options"), limit)):
        known = check_option(problems, option, f"{at}/{index}", kinds, url=url)
        problems.unique(known, seen, "value", f"{at}/{index}")


def check_confirm(problems: Problems, value: object, at: str) -> None:
    """A confirmation dialog."""
    confirm = problems.mapping(value, at)
    if confirm is None:
        return
    problems.keys(confirm, {"title", "text", "confirm", "deny", "style"}, at)
    check_text(problems, confirm.get("title"), f"{at}/title", 100)
    check_text(problems, confirm.get("text"), f"{at}/text", 300, ANY_TEXT)
    for key in ("confirm", "deny"):
        if key in confirm:
            check_text(problems, confirm[key], f"{at}/{key}", 30)
    problems.choice(confirm, "style", at, {"primary", "danger"})
