"""Microphone and loudspeaker by hand: python file_to_file.py question.wav answer.wav

What an application with audio of its own does: it pushes 20 ms from its microphone and pulls 20 ms for its
loudspeaker, here from and to WAV files. What was pulled counts as heard.
"""

import asyncio
import sys
import wave

import duologue

RATE = 24_000
BLOCK = RATE // 50


async def talk(client: duologue.Client, microphone: wave.Wave_read, speaker: wave.Wave_write) -> None:
    """Both directions, 20 ms at a time, until it is cancelled."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        heard = microphone.readframes(BLOCK)
        client.push_audio(heard.ljust(BLOCK * 2, b"\0"))
        spoken, _ = client.pull_audio(BLOCK)
        speaker.writeframes(spoken)
        due += BLOCK / RATE
        await asyncio.sleep(due - loop.time())


async def main(question: str, answer: str) -> None:
    with wave.open(question) as microphone, wave.open(answer, "wb") as speaker:
        if (microphone.getnchannels(), microphone.getsampwidth(), microphone.getframerate()) != (1, 2, RATE):
            sys.exit(f"{question}: mono, 16 bits and {RATE} Hz are needed")
        speaker.setparams((1, 2, RATE, 0, "NONE", ""))
        async with duologue.connect(
            "simulator",  # "openai", with OPENAI_API_KEY set
            audio={"input": {"rate": RATE}, "output": {"delivery": "pull", "rate": RATE}},
        ) as client:
            events = client.events(duologue.Transcript, duologue.TurnDone)
            audio = asyncio.ensure_future(talk(client, microphone, speaker))
            async for event in events:
                if isinstance(event, duologue.TurnDone) or audio.done():
                    break
                if event.mode == "final":
                    print(f"{event.role}: {event.text}")
            audio.cancel()
            await asyncio.wait({audio})


asyncio.run(main(*sys.argv[1:]))
