"""A written conversation, answers as they come: python text_only.py, then type; an empty line ends it.

Blocking calls, no event loop. "simulator" is offline; with OPENAI_API_KEY set say "openai".
"""

import sys

import duologue
from duologue import blocking

with blocking.connect("simulator", output_modality="text", instructions="Answer in one sentence.") as client:
    events = client.events(duologue.Transcript, duologue.TurnDone)
    for line in sys.stdin:
        if not line.strip():
            break
        client.send_text(line.strip())
        for event in events:
            if isinstance(event, duologue.TurnDone):
                print()
                break
            if event.mode == "delta":
                print(event.text, end="", flush=True)
