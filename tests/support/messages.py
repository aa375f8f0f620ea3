"""Messages and what goes out for them."""

import base64
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.messages.tool import tool_call

from langchain_scaleway.convert.messages import messages_to_wire

TEXT = {"type": "text", "text": "Hi!"}
CALL = tool_call(name="get_weather", args={"city": "Orléans"}, id="chatcmpl-tool-1")
WIRE_CALL = {
    "id": "chatcmpl-tool-1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Orléans"}'},
}

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n a picture").decode()
IMAGE = {"type": "image", "base64": PNG, "mime_type": "image/png"}
IMAGE_PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
IMAGE_URL = {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}}


def wire_of(message: BaseMessage, **options: Any) -> dict[str, Any]:
    """The one wire message for a message."""
    (wire,) = messages_to_wire([message], **options)
    return wire
