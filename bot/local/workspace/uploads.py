"""Files: announced, uploaded to an address of their own, then completed into a channel."""

import secrets
from dataclasses import dataclass

from bot.local.workspace.values import Json


@dataclass(slots=True)
class Upload:
    """A file; `content` is None until its bytes have arrived."""

    id: str
    name: str
    length: int
    title: str = ""
    content: bytes | None = None
    completed: bool = False

    def shown(self, url: str) -> Json:
        """The file object of the Web API; `url` is where its bytes are."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": self.length,
            "url_private": url,
            "url_private_download": url,
            "mimetype": "text/plain",
            "filetype": "text",
        }


class Uploads:
    """The files of the workspace."""

    def __init__(self) -> None:
        self.files: dict[str, Upload] = {}

    def announce(self, name: str, length: int) -> Upload:
        """A file that is about to be uploaded."""
        upload = Upload(f"F0{secrets.token_hex(5).upper()}", name, length)
        self.files[upload.id] = upload
        return upload
