"""`free`, `vmstat` and `df` of the lab: the real programs' output, with the percentages that the lab is set to."""

import json
import sys
from pathlib import Path

_MEMORY_BYTES = 8 * 1024**3
_DISK_BLOCKS = 41_152_736


def free(percent: int, arguments: list[str]) -> str:
    """`free [-b|-m|-k]`: total, used, free, shared, buffers and cache, available."""
    unit = {"-b": 1, "-m": 1024**2}.get(arguments[0] if arguments else "", 1024)
    total = _MEMORY_BYTES // unit
    used = total * percent // 100
    cached = (total - used) // 2
    rows = (
        ("", "total", "used", "free", "shared", "buff/cache", "available"),
        ("Mem:", total, used, total - used - cached, 0, cached, total - used),
        ("Swap:", 0, 0, 0),
    )
    return "\n".join(f"{row[0]:<8}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows) + "\n"


def vmstat(percent: int, _: list[str]) -> str:
    """`vmstat 1 2`: the averages since boot, then the last second; answers at once."""
    idle = 100 - percent
    user = percent * 3 // 4
    now = f"{user:2} {percent - user:2} {idle:2}"
    return (
        "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
        " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n"
        " 1  0      0 514236  91204 918232    0    0     4    12  102  204  6  2 92  0  0\n"
        f" 1  0      0 513988  91204 918240    0    0     0     8  310  620 {now}  0  0\n"
    )


def df(percent: int, arguments: list[str]) -> str:
    """`df -P PATH`: one line of 1024-byte blocks."""
    used = _DISK_BLOCKS * percent // 100
    path = next((each for each in arguments if not each.startswith("-")), "/")
    return (
        "Filesystem     1024-blocks     Used Available Capacity Mounted on\n"
        f"/dev/vda1         {_DISK_BLOCKS} {used:8} {_DISK_BLOCKS - used:9} {percent:7}% {path}\n"
    )


PROGRAMS = {"free": (free, "memory_percent"), "vmstat": (vmstat, "cpu_percent"), "df": (df, "disk_percent")}


def main(settings: Path, name: str, arguments: list[str]) -> int:
    """Print what the program of this name would; exit 1 when the host is set to be down."""
    host = json.loads(settings.read_text())["host"]
    if host["state"] == "down":
        sys.stderr.write(f"{name}: Input/output error\n")
        return 1
    if host["state"] == "garbage":
        sys.stdout.write("\x00\x01 ???\n")
        return 0
    program, key = PROGRAMS[name]
    sys.stdout.write(program(host[key], arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
