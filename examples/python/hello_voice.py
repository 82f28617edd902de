import asyncio
import sys

import duologue


async def main(question: str, answer: str) -> None:
    async with duologue.connect("simulator", microphone=question, speaker=answer) as client:
        async for _ in client.events(duologue.TurnDone):
            break
        for message in client.messages():
            print(f"{message.role}: {message.text}")


asyncio.run(main(*sys.argv[1:]))
