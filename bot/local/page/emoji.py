"""Emoji shortcodes (`:rotating_light:`) to the characters that people see."""

from typing import Final

CHARACTERS: Final[dict[str, str]] = {
    "+1": "👍", "-1": "👎", "100": "💯", "alarm_clock": "⏰", "arrow_down": "⬇️", "arrow_forward": "▶️",
    "arrow_left": "⬅️", "arrow_right": "➡️", "arrow_up": "⬆️", "arrows_counterclockwise": "🔄",
    "ballot_box_with_check": "☑️",
    "bar_chart": "📊", "bell": "🔔", "black_circle": "⚫", "black_large_square": "⬛", "blue_book": "📘", "boom": "💥",
    "bug": "🐛", "bulb": "💡", "calendar": "📅", "chart_with_downwards_trend": "📉", "chart_with_upwards_trend": "📈",
    "check": "✔️", "clipboard": "📋", "clock1": "🕐", "clock3": "🕒", "clock9": "🕘", "closed_lock_with_key": "🔐",
    "construction": "🚧", "eyes": "👀", "fire": "🔥", "fire_engine": "🚒", "gear": "⚙️", "green_circle": "🟢",
    "grey_exclamation": "❕", "grey_question": "❔", "hammer_and_wrench": "🛠️", "hand": "✋", "heart": "❤️",
    "heavy_check_mark": "✔️", "hourglass": "⌛", "hourglass_flowing_sand": "⏳", "inbox_tray": "📥",
    "information_source": "ℹ️", "key": "🔑", "large_blue_circle": "🔵", "large_green_circle": "🟢",
    "large_orange_circle": "🟠", "large_purple_circle": "🟣", "large_red_square": "🟥", "large_yellow_circle": "🟡",
    "leftwards_arrow_with_hook": "↩️", "link": "🔗", "lock": "🔒", "mag": "🔍", "mega": "📣", "memo": "📝",
    "moneybag": "💰", "mute": "🔇", "no_bell": "🔕", "no_entry": "⛔", "no_entry_sign": "🚫", "ok": "🆗",
    "ok_hand": "👌",
    "orange_circle": "🟠", "outbox_tray": "📤", "package": "📦", "pager": "📟", "pause_button": "⏸️", "phone": "☎️",
    "point_right": "👉", "pray": "🙏", "pushpin": "📌", "question": "❓", "raised_hand": "✋", "raised_hands": "🙌",
    "recycle": "♻️", "red_circle": "🔴", "repeat": "🔁", "robot_face": "🤖", "rocket": "🚀", "rotating_light": "🚨",
    "scroll": "📜", "shield": "🛡️", "skull": "💀", "slightly_smiling_face": "🙂", "smile": "😄", "sos": "🆘",
    "sparkles": "✨", "speech_balloon": "💬", "stopwatch": "⏱️", "sunny": "☀️", "tada": "🎉", "telephone_receiver": "📞",
    "thread": "🧵", "thumbsdown": "👎", "thumbsup": "👍", "timer_clock": "⏲️", "tools": "🛠️", "traffic_light": "🚥",
    "turtle": "🐢", "unlock": "🔓", "wastebasket": "🗑️", "warning": "⚠️", "wave": "👋", "white_check_mark": "✅",
    "white_circle": "⚪", "wrench": "🔧", "x": "❌", "yellow_circle": "🟡", "zap": "⚡", "zzz": "💤",
}  # fmt: skip


def character(name: str) -> str | None:
    """The character of a shortcode, whatever its skin tone; None for one that is not known here."""
    return CHARACTERS.get(name.partition("::")[0])
