#!/usr/bin/env python3
"""Calls the simulator with aiortc, as a browser would: aiortc_talk.py BASE_URL CLIPS FORM

BASE_URL is ".../v1", CLIPS the folder with the spoken clips. FORM is `secret` (a client secret is minted and the offer is the
body) or `form` (a key, and the offer and the session as a form). Holds the three spoken turns of the bundled scenario:
question 1 is answered, question 2 cuts the answer, question 3 needs a tool. One JSON line at the end; exits 1 when
anything is not as it should be. Everything waits for events, bounded.
"""

import array
import asyncio
import json
import sys
import urllib.error
import urllib.request
import wave
from pathlib import Path

import wire_truth
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc_media import STEP, Microphone, samples

KEY = "sk-c4n4ry-aiortc"
PATIENCE_S = 60
SESSION = {
    "type": "realtime",
    "model": "gpt-realtime-2.1",
    "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}},
    "tools": [
        {
            "type": "function",
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }
    ],
}


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def post(url, key, content_type, body):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": content_type}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


class Mouth(Microphone):
    """Silence in real time, and the clips that are to be said."""

    def __init__(self):
        super().__init__(self.next)
        self.pending = array.array("h")

    def say(self, path):
        with wave.open(str(path)) as clip:
            expect((clip.getframerate(), clip.getnchannels()) == (24_000, 1), path)
            once = array.array("h", clip.readframes(clip.getnframes()))
        self.pending.extend(s for sample in once for s in (sample, sample))

    def next(self, _):
        piece = self.pending[:STEP]
        del self.pending[:STEP]
        piece.extend([0] * (STEP - len(piece)))
        return piece.tobytes()


class Call:
    def __init__(self):
        self.pc = RTCPeerConnection()
        self.mouth = Mouth()
        self.events = []
        self.loud_frames = 0
        self.arrival = asyncio.Condition()
        self.defects = []
        self.tasks = set()
        self.pc.addTrack(self.mouth)
        self.channel = self.pc.createDataChannel("oai-events")
        self.channel.on("message", lambda text: self.spawn(self.take(text)))
        self.pc.on("track", lambda track: self.spawn(self.listen(track)))

    def spawn(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def take(self, text):
        event = json.loads(text)
        async with self.arrival:
            self.events.append(event)
            self.defects += wire_truth.check("server", event)
            self.arrival.notify_all()

    async def listen(self, track):
        try:
            while True:
                frame = await track.recv()
                self.loud_frames += max(samples(frame)) > 1000
        except Exception:  # the end of the stream
            pass

    async def connect(self, base, form):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        offer = self.pc.localDescription.sdp
        loop = asyncio.get_running_loop()
        if form == "secret":
            body = json.dumps({"session": SESSION}).encode()
            status, _, text = await loop.run_in_executor(
                None, post, f"{base}/realtime/client_secrets", KEY, "application/json", body
            )
            expect(status == 200, text)
            arguments = (json.loads(text)["value"], "application/sdp", offer.encode())
        else:
            parts = [("sdp", "application/sdp", offer), ("session", "application/json", json.dumps(SESSION))]
            body = "".join(
                f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n{text}\r\n'
                for name, kind, text in parts
            )
            arguments = (KEY, "multipart/form-data; boundary=edge", (body + "--edge--\r\n").encode())
        status, headers, answer = await loop.run_in_executor(None, post, f"{base}/realtime/calls", *arguments)
        expect(status == 201, f"{status}: {answer}")
        expect("max-message-size" not in answer, "the service does not say how long a message may be")
        self.location = headers["location"] if "location" in headers else headers["Location"]
        expect(self.location.rsplit("/", 1)[1].startswith("rtc_"), self.location)
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    async def until(self, kind, more=lambda event: True, after=0):
        """The place of the first event of that kind from `after` on."""

        def find():
            places = range(after, len(self.events))
            return next((i for i in places if self.events[i]["type"] == kind and more(self.events[i])), None)

        async def wait():
            async with self.arrival:
                await self.arrival.wait_for(lambda: find() is not None)
            return find()

        try:
            return await asyncio.wait_for(wait(), PATIENCE_S)
        except asyncio.TimeoutError:
            raise AssertionError(f"{kind} never came after {[e['type'] for e in self.events[after:]]}") from None

    def send(self, **event):
        self.channel.send(json.dumps(event))

    def kinds(self, begin, end=None):
        return [e["type"] for e in self.events[begin:end]]


async def talk(base, clips, form):
    call = Call()
    await call.connect(base, form)
    created = await call.until("session.created")
    expect(call.events[created]["session"]["tools"][0]["name"] == "get_weather", "the session is the one that was asked for")

    call.mouth.say(clips / "question1.wav")
    started = await call.until("input_audio_buffer.speech_started")
    heard = await call.until("conversation.item.input_audio_transcription.completed", after=started)
    expect("lighthouse" in call.events[heard]["transcript"], call.events[heard])
    speaks = await call.until("output_audio_buffer.started", after=started)
    expect("response.content_part.added" in call.kinds(started, speaks), "it comes after the part")
    before = call.loud_frames
    while call.loud_frames < before + 25:
        await asyncio.sleep(0.02)

    call.mouth.say(clips / "question2.wav")
    cut = await call.until("output_audio_buffer.cleared", after=speaks)
    expect("input_audio_buffer.speech_started" in call.kinds(speaks, cut), "somebody spoke up")
    truncated = await call.until("conversation.item.truncated", after=cut)
    sent_ms = call.events[truncated]["audio_end_ms"]
    expect(400 <= sent_ms, f"{sent_ms} ms were sent")
    answer = await call.until("output_audio_buffer.started", after=cut)
    stopped = await call.until("output_audio_buffer.stopped", after=answer)
    expect("response.done" in call.kinds(answer, stopped), "sound ends after generation")

    call.mouth.say(clips / "question3.wav")
    done = await call.until("response.function_call_arguments.done", after=stopped)
    asked = call.events[done]
    expect(json.loads(asked["arguments"]) == {"city": "Paris"}, asked)
    await call.until("response.done", after=done)
    output = {"type": "function_call_output", "call_id": asked["call_id"], "output": '{"sky": "sunny"}'}
    call.send(type="conversation.item.create", item=output)
    call.send(type="response.create")
    spoken = await call.until("output_audio_buffer.started", after=done)
    ended = await call.until("output_audio_buffer.stopped", after=spoken)
    expect(not any("audio.delta" in kind for kind in call.kinds(0)), "sound is no event")
    expect(not call.defects, call.defects)
    expect(call.loud_frames > 100, f"{call.loud_frames} frames were heard")

    loop = asyncio.get_running_loop()
    url = base.removesuffix("/v1") + call.location + "/hangup"
    status, _, text = await loop.run_in_executor(None, post, url, KEY, "application/json", b"")
    expect(status == 200, text)
    await call.pc.close()
    return {"events": ended, "loud_frames": call.loud_frames, "cut_at_ms": sent_ms}


async def main():
    base, clips, form = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    try:
        print(json.dumps({"part": form, "ok": True, **await talk(base, clips, form)}))
    except AssertionError as wrong:
        print(json.dumps({"part": form, "ok": False, "wrong": str(wrong)}))
        sys.exit(1)


asyncio.run(main())
