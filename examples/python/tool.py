"""The model calls functions of this program: python tool.py "What is the weather in Paris?"

Plain functions become tools: the schema comes from type hints and the docstring, wrong arguments are told to the
model, and so is what a function raises. "simulator" is offline; with OPENAI_API_KEY set say "openai".
"""

import asyncio
import sys
from typing import Literal

import duologue


async def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, object]:
    """The weather in a city now.

    Args:
        city: Name of the city.
        unit: Unit of the temperature.
    """
    print(f"  (looking out of the window in {city})")
    await asyncio.sleep(0.1)
    return {"sky": "sunny", "temperature": 18 if unit == "celsius" else 64}


def hang_up(reason: str) -> str:
    """Ends the call."""
    raise duologue.ToolError("the caller wants to go on")


async def main(question: str) -> None:
    async with duologue.connect("simulator", output_modality="text", tools=[get_weather, hang_up]) as client:
        events = client.events(duologue.Transcript, duologue.TurnDone)
        await client.send_text(question)
        async for event in events:
            # After a response that called tools comes the one with the answer.
            if isinstance(event, duologue.TurnDone):
                if event.status != "completed":
                    sys.exit(f"the response is {event.status}: {event.reason}")
            elif event.role == "assistant" and event.mode == "final":
                print(event.text)
                break


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "What is the weather in Paris?"))
