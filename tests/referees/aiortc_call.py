"""Answers calls with aiortc, as the service does: POST /MODE/v1/realtime/calls with an offer.

MODE says what is special about the answer: `good`, `silent` (no max-message-size), `small` (1000 bytes), `html`,
`garbage`, `empty`, `page` (a web page with an error status), `refused` (401), `busy` (429), `impostor` (another fingerprint),
`nameless` (no Location), `deaf` (nobody listens at its addresses), `blind` (the addresses in the offer are not seen, and
the status is 200), `session` (a session is begun, and what it is told confirmed).

Prints a line of JSON for its address and for each thing that happens. Messages of the data channel are sent back, but
`{"type":"report"}`, which is answered with what was heard, `{"type":"flood"}`, which is answered with bytes, nothing, 5000
numbers and a word, and `{"type":"giant"}`, with a message of a mebibyte. A tone of 440 Hz is sent.
"""

import array
import asyncio
import json
import re
import sys
from email import message_from_bytes

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc_media import RATE, Microphone, samples, tone

HZ = 440


def say(**what):
    print(json.dumps(what), flush=True)


class Heard:
    """How much came, how loud it was at most, and the pitch of the last half second."""

    def __init__(self):
        self.frames = 0
        self.samples = array.array("h")
        self.loudest = 0

    def take(self, frame):
        self.frames += 1
        piece = samples(frame)
        self.loudest = max(self.loudest, max(piece), -min(piece))
        self.samples = (self.samples + piece)[-RATE // 2 :]

    def report(self):
        rising = sum(a < 0 <= b for a, b in zip(self.samples, self.samples[1:]))
        seconds = len(self.samples) / RATE
        return {
            "type": "report",
            "frames": self.frames,
            "loudest": self.loudest,
            "hz": round(rising / seconds) if seconds else 0,
        }


def confirmed(event):
    """What a service says to it."""
    if event["type"] == "session.update":
        yield {"type": "session.updated", "session": event["session"]}
    if event["type"] == "conversation.item.create":
        say(event="told", item=event["item"])
        for what in ("added", "done"):
            yield {"type": f"conversation.item.{what}", "previous_item_id": None, "item": event["item"]}


class Calls:
    def __init__(self):
        self.calls = {}
        self.count = 0

    async def answer(self, mode, offer, form):
        self.count += 1
        name = f"rtc_{self.count}"
        pc = RTCPeerConnection()
        self.calls[name] = pc
        heard = Heard()
        tasks = set()

        @pc.on("datachannel")
        def opened(channel):
            say(event="channel", call=name, label=channel.label, ordered=channel.ordered)
            if mode == "session":
                channel.send(json.dumps({"type": "session.created", "session": {"type": "realtime", "id": f"sess_{name}"}}))

            @channel.on("message")
            def message(text):
                if mode == "session":
                    for event in confirmed(json.loads(text)):
                        channel.send(json.dumps(event))
                    return
                if text == '{"type":"report"}':
                    text = json.dumps(heard.report())
                if text == '{"type":"flood"}':
                    channel.send(bytes(range(256)))
                    channel.send("")
                    for number in range(5000):
                        channel.send(str(number))
                    text = "over"
                if text == '{"type":"giant"}':
                    # It keeps to what the offer says; who does not is what is tried.
                    channel.transport._remote_max_message_size = 0
                    text = "x" * 2**20
                channel.send(text)

            @channel.on("close")
            def closed():
                say(event="channel_closed", call=name)

        @pc.on("track")
        def track(track):
            async def listen():
                try:
                    while True:
                        heard.take(await track.recv())
                except Exception:  # the end of the stream
                    pass

            task = asyncio.ensure_future(listen())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        @pc.on("connectionstatechange")
        async def state():
            say(event="state", call=name, state=pc.connectionState, heard=heard.frames)
            if pc.connectionState in ("failed", "closed"):
                await self.end(name)

        if mode == "blind":
            # Without any candidate aioice gives up before the first check of ours comes: one that leads nowhere.
            first, *_ = re.findall(r"a=candidate:.*\r\n", offer)
            nowhere = re.sub(r"(a=candidate:\S+ \d+ \S+ \d+ )\S+ \d+", r"\g<1>127.0.0.1 9", first)
            offer = re.sub(r"a=candidate:.*\r\n", "", offer).replace("a=ice-ufrag", f"{nowhere}a=ice-ufrag", 1)
        await pc.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        pc.addTrack(Microphone(tone(HZ)))
        await pc.setLocalDescription(await pc.createAnswer())
        sdp = pc.localDescription.sdp
        if mode == "silent":
            sdp = re.sub(r"a=max-message-size:.*\r\n", "", sdp)
        if mode == "small":
            sdp = re.sub(r"a=max-message-size:.*\r\n", "a=max-message-size:1000\r\n", sdp)
        if mode == "impostor":
            flip = lambda m: m.group(1) + ("00" if m.group(2) != "00" else "11")
            sdp = re.sub(r"(a=fingerprint:sha-\d+ )(..)", flip, sdp)
        if mode == "deaf":
            # Nobody listens there, and nobody looks for a path from this side either.
            await self.end(name)
        say(event="call", call=name, form=form, setup=re.findall(r"a=setup:(\w+)", sdp))
        return name, sdp

    async def end(self, name):
        pc = self.calls.pop(name, None)
        if pc is not None:
            await pc.close()


def parts(content_type, body):
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return {
        part.get_param("name", header="content-disposition"): (part.get_content_type(), part.get_payload(decode=True))
        for part in message.get_payload()
    }


async def serve(calls, reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    path = first.split(" ")[1]
    status, extra, answer = await respond(calls, path, headers, body)
    text = answer.encode()
    writer.write(
        f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\n".encode()
        + "".join(f"{k}: {v}\r\n" for k, v in extra.items()).encode()
        + b"\r\n"
        + text
    )
    await writer.drain()
    writer.close()


async def respond(calls, path, headers, body):
    mode, rest = path.lstrip("/").split("/", 1)
    hang_up = re.fullmatch(r"v1/realtime/calls/(\w+)/hangup", rest)
    if hang_up:
        say(event="hangup", call=hang_up.group(1))
        await calls.end(hang_up.group(1))
        return "200 OK", {}, ""
    if rest != "v1/realtime/calls":
        return "404 Not Found", {}, ""
    canned = {
        "html": ("200 OK", {"content-type": "text/html"}, "<html>Sign in to the network</html>"),
        "page": ("502 Bad Gateway", {"content-type": "text/html"}, "<html>Bad gateway</html>"),
        "garbage": ("201 Created", {"content-type": "application/sdp"}, "v=0\r\nthis is none\r\n"),
        "empty": ("201 Created", {"content-type": "application/sdp"}, ""),
        "refused": ("401 Unauthorized", {}, '{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}'),
        "busy": ("429 Too Many Requests", {"retry-after": "7"}, '{"error":{"message":"Slow down","code":"rate_limit"}}'),
    }
    if mode in canned:
        return canned[mode]
    content_type = headers.get("content-type", "")
    if content_type == "application/sdp":
        form, offer = "sdp", body.decode()
    else:
        fields = parts(content_type, body)
        assert fields["sdp"][0] == "application/sdp" and fields["session"][0] == "application/json", fields
        form, offer = json.loads(fields["session"][1]), fields["sdp"][1].decode()
    try:
        name, sdp = await calls.answer(mode, offer, form)
    except Exception as error:
        say(event="invalid_offer", error=repr(error))
        return "400 Bad Request", {}, '{"error":{"message":"not an offer","code":"invalid_offer"}}'
    extra = {"content-type": "application/sdp"}
    if mode != "nameless":
        extra["location"] = f"/{mode}/v1/realtime/calls/{name}"
    return "200 OK" if mode == "blind" else "201 Created", extra, sdp


async def main():
    calls = Calls()
    server = await asyncio.start_server(lambda r, w: serve(calls, r, w), "127.0.0.1", 0)
    say(event="serving", port=server.sockets[0].getsockname()[1])
    # The test closes our input when it has enough.
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    for name in list(calls.calls):
        await calls.end(name)


asyncio.run(main())
