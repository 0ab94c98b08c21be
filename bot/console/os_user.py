"""The OS user of a process, as the kernel says it."""

import os
import pwd
import socket
import struct

_CREDENTIALS = struct.Struct("3i")


def os_user(uid: int | None = None) -> str:
    """Whose process this is, or who has this number: LOGNAME and USER name whomever the caller writes there."""
    number = os.getuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # A container's user without a line in passwd.
        return f"uid {number}"


def peer_uid(connection: socket.socket) -> int:
    """The number of the OS user at the other end of a Unix socket: by the kernel, when it connected. Linux only."""
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)
