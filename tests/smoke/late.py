"""A press on a message as it stood earlier: by a client that has not seen the edit yet, or with a forged value."""

from dataclasses import dataclass, replace

from bot.local.workspace.clicks import Pressed, click_message
from bot.local.workspace.delivery import Delivered, HttpDelivery
from bot.local.workspace.places import find_channel, find_person, find_post
from bot.local.workspace.server import Server
from tests.smoke.reading import Json
from tests.smoke.world import Seen


@dataclass(frozen=True, slots=True)
class LateClient:
    """Somebody's Slack that still shows an old message; what it sends is signed by the workspace like any press."""

    server: Server

    async def press(self, seen: Seen, action_id: str, by: str, value: str = "") -> Delivered:
        """Press a button of the message as it was seen; another `value` than it carried is a forgery."""
        workspace = self.server.workspace
        user, channel = find_person(workspace, by), find_channel(workspace, seen.channel)
        blocks: list[Json] = [_with(block, action_id, value) for block in seen.message["blocks"]]
        post = replace(find_post(workspace, user, channel, seen.message["ts"]), blocks=blocks)
        delivery = HttpDelivery(workspace)
        delivery.url = self.server.app_url
        try:
            return await click_message(
                workspace, delivery, user, channel=channel, post=post, pressed=Pressed(action_id)
            )
        finally:
            await delivery.close()


def _with(block: Json, action_id: str, value: str) -> Json:
    """The block with another value on one button."""
    if not value or block["type"] != "actions":
        return block
    elements = [each | {"value": value} if each["action_id"] == action_id else each for each in block["elements"]]
    return block | {"elements": elements}
