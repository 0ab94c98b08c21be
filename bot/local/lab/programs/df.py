"""`df` of the lab: the real program's output, with the percentage that the lab is set to."""

import json
import sys
from pathlib import Path

_DISK_BLOCKS = 41_152_736


def df(percent: int, arguments: list[str]) -> str:
    """`df -P PATH`: one line of 1024-byte blocks."""
    used = _DISK_BLOCKS * percent // 100
    path = next((each for each in arguments if not each.startswith("-")), "/")
    return (
        "Filesystem     1024-blocks     Used Available Capacity Mounted on\n"
        f"/dev/vda1         {_DISK_BLOCKS} {used:8} {_DISK_BLOCKS - used:9} {percent:7}% {path}\n"
    )


def main(settings: Path, arguments: list[str]) -> int:
    """Print what `df` would; exit 1 when the host is set to be down."""
    host = json.loads(settings.read_text())["host"]
    if host["state"] == "down":
        sys.stderr.write("df: Input/output error\n")
        return 1
    if host["state"] == "garbage":
        sys.stdout.write("\x00\x01 ???\n")
        return 0
    sys.stdout.write(df(host["disk_percent"], arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
