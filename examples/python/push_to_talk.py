"""Listening only while a key is held: python push_to_talk.py question.wav answer.wav

The WAV file is the microphone, and the program is the finger too: it presses when connected and lets go with the
last word. A user interface calls client.start_listening() and client.stop_listening() where a key goes down and up;
`async with client.turn()` is both of them around a block.

Pressing cuts the assistant off. Letting go commits what was said and asks for the answer; a tap is no turn.
"""

import asyncio
import sys
import wave

import duologue


async def main(question: str, answer: str) -> None:
    with wave.open(question) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    async with duologue.connect(
        "simulator",  # "openai", with OPENAI_API_KEY set
        microphone=question,
        speaker=answer,
        auto_capture=False,  # the microphone opens with the key
        turn_detection={"mode": "manual"},
    ) as client:
        events = client.events(duologue.Transcript, duologue.TurnDone)
        try:
            async with client.turn():
                await asyncio.sleep(seconds)
        except duologue.LimitError as error:
            if error.code != "turn_too_short":
                raise
            sys.exit("hold the key while speaking")
        async for event in events:
            if isinstance(event, duologue.TurnDone):
                break
            if event.mode == "final":
                print(f"{event.role}: {event.text}")


asyncio.run(main(*sys.argv[1:]))
