"""Listening only while a key is held: python push_to_talk.py question.wav answer.wav

The WAV file is the microphone, and the program is the finger too: it presses when connected and lets go with the
last word. A user interface calls key_down() and key_up().

The turn is still found by the vendor's voice detection, because duologue cannot commit a turn by hand yet. So the
vendor does not answer by itself (`create_response`), the key lets the microphone through, and without it the
vendor gets silence, in which it hears that the speech is over. Then the answer is asked for.
"""

import asyncio
import sys
import wave

import duologue


class PushToTalk:
    """A key over a client."""

    def __init__(self, client: duologue.Client) -> None:
        self.client = client
        self.stopped = client.events(duologue.SpeechStopped)

    async def key_down(self) -> None:
        """Cuts the assistant off and listens."""
        await self.client.interrupt()
        await self.client.set_input_muted(False)
        await self.client.set_capture(True)

    async def key_up(self) -> None:
        """Waits until the vendor has heard the end, and asks for the answer."""
        await self.client.set_input_muted(True)
        try:
            await asyncio.wait_for(self.stopped.__anext__(), 2)
        except asyncio.TimeoutError:
            print("nothing was said")
        await self.client.set_capture(False)
        await self.client.request_response()


async def main(question: str, answer: str) -> None:
    with wave.open(question) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    async with duologue.connect(
        "simulator",  # "openai", with OPENAI_API_KEY set
        microphone=question,
        speaker=answer,
        auto_capture=False,
        turn_detection={"create_response": False, "silence_duration_ms": 300},
    ) as client:
        key = PushToTalk(client)
        events = client.events(duologue.Transcript, duologue.TurnDone)
        await key.key_down()
        await asyncio.sleep(seconds)
        await key.key_up()
        async for event in events:
            if isinstance(event, duologue.TurnDone):
                break
            if event.mode == "final":
                print(f"{event.role}: {event.text}")


asyncio.run(main(*sys.argv[1:]))
