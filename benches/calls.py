#!/usr/bin/env python3
"""What a call over WebRTC costs, beside aiortc doing the same work in the same run: `make calls`.

Both call the simulator, whose scenario echoes: they speak a tone all the time and decode what comes back. Run with the
Python of the referees (tests/referees/setup.sh). Rounds are interleaved; the best CPU and the medians of the rest are
printed. `calls.py PROGRAM EXAMPLE [SECONDS]`: the program `duologue` and the example `calls`, both optimised.
"""

import array
import asyncio
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

LOUD = 6000
ROUNDS = 3


def resident_kib():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# --- aiortc, in a process of its own --------------------------------------------------------------


def aiortc(url, what, *numbers):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "referees"))
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc_media import RATE, STEP, Microphone, samples, tone

    say = tone(440)

    class Call:
        """A call, and how much of its sound came."""

        def __init__(self, click=None, heard=None):
            self.pc = RTCPeerConnection()
            self.heard, self.told, self.tasks = 0, heard, []
            self.channel = self.pc.createDataChannel("oai-events")
            self.opened = asyncio.Event()
            self.channel.on("open", self.opened.set)
            self.pc.addTrack(Microphone(click or say))

            @self.pc.on("track")
            def track(track):
                self.tasks.append(asyncio.ensure_future(self.listen(track)))

        async def listen(self, track):
            while True:
                frame = await track.recv()
                self.heard += frame.samples
                if self.told:
                    self.told(samples(frame))

        async def dial(self):
            await self.pc.setLocalDescription(await self.pc.createOffer())
            form = (
                '--b\r\nContent-Disposition: form-data; name="sdp"\r\nContent-Type: application/sdp\r\n\r\n'
                f"{self.pc.localDescription.sdp}\r\n"
                '--b\r\nContent-Disposition: form-data; name="session"\r\nContent-Type: application/json\r\n\r\n'
                '{"type": "realtime", "model": "gpt-realtime-2.1"}\r\n--b--\r\n'
            )
            headers = {"Authorization": "Bearer sk-simulated", "Content-Type": "multipart/form-data; boundary=b"}
            request = urllib.request.Request(f"{url}/calls", data=form.encode(), headers=headers, method="POST")

            def post():
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return answer.read().decode()

            sdp = await asyncio.get_running_loop().run_in_executor(None, post)
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
            await asyncio.wait_for(self.opened.wait(), 20)
            return self

        async def end(self):
            for task in self.tasks:
                task.cancel()
            await self.pc.close()

    async def connect(times):
        took = []
        for _ in range(times):
            begun = time.monotonic()
            call = await Call().dial()
            took.append((time.monotonic() - begun) * 1000)
            await call.end()
        return {"connect_ms": took}

    async def hold(calls, seconds):
        before = resident_kib()
        held = [await Call().dial() for _ in range(calls)]
        await asyncio.sleep(2)
        heard, cpu = sum(call.heard for call in held), cpu_s()
        await asyncio.sleep(seconds)
        told = {
            "cpu_s": cpu_s() - cpu,
            "call_s": calls * seconds,
            "heard_s": (sum(call.heard for call in held) - heard) / RATE,
            "kib_before": before,
            "kib": resident_kib(),
        }
        for call in held:
            await call.end()
        return told

    async def latency(clicks):
        loud = array.array("h", ([20_000] * 48 + [-20_000] * 48) * (STEP // 96)).tobytes()
        state = {"sent": None, "quiet": 0}
        took, done = [], asyncio.Event()

        def click(_):
            if state["quiet"] > RATE // 2 and state["sent"] is None:
                state["sent"] = time.monotonic()
                return loud
            return bytes(2 * STEP)

        def heard(piece):
            at = next((i for i, sample in enumerate(piece) if abs(sample) > LOUD), None)
            if at is None:
                state["quiet"] += len(piece)
                return
            state["quiet"] = 0
            if state["sent"] is not None:
                took.append((time.monotonic() - state["sent"]) * 1000 + at * 1000 / RATE)
                state["sent"] = None
                if len(took) >= clicks:
                    done.set()

        call = await Call(click, heard).dial()
        await asyncio.wait_for(done.wait(), 120)
        await call.end()
        return {"latency_ms": took}

    work = {"connect": connect, "hold": hold, "latency": latency}[what]
    print(json.dumps(asyncio.run(work(*map(int, numbers)))))


# --- both, one after the other --------------------------------------------------------------------


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stderr}")
    return json.loads(done.stdout)


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def campaign(url, example, seconds):
    peers = {
        "duologue": lambda *work: run([example, url, *work]),
        "aiortc": lambda *work: run([sys.executable, __file__, "aiortc", url.replace("ws", "http", 1), *work]),
    }
    found = {name: {"cpu": [], "connect": [], "latency": []} for name in peers}
    for _ in range(ROUNDS):
        for name, peer in peers.items():
            held = peer("hold", "1", str(seconds))
            share = held["heard_s"] / seconds
            if not 0.97 < share < 1.03:
                print(f"{name} heard {share:.0%} of what there was", file=sys.stderr)
            found[name]["cpu"].append(1000 * held["cpu_s"] / held["call_s"])
            found[name]["connect"] += peer("connect", "10")["connect_ms"]
            found[name]["latency"] += peer("latency", "12")["latency_ms"]
    print("| | duologue | aiortc |\n|---|--:|--:|")
    row = lambda what, figure: print(f"| {what} | {figure('duologue')} | {figure('aiortc')} |")
    row("CPU ms per second of a call, speaking and hearing", lambda n: f"{min(found[n]['cpu']):.1f}")
    for figure in ("connect", "latency"):
        words = {"connect": "dial to open call", "latency": "click to its echo"}[figure]
        row(
            f"{words}, ms, median / p95",
            lambda n: f"{statistics.median(found[n][figure]):.0f} / {quantile(found[n][figure], 0.95):.0f}",
        )
    for name in found:
        found[name]["one"], found[name]["many"] = (peers[name]("hold", calls, "2")["kib"] for calls in ("1", "11"))
    row("memory with one call, KiB", lambda n: found[n]["one"])
    row("each further call, KiB", lambda n: (found[n]["many"] - found[n]["one"]) // 10)


def main():
    if sys.argv[1:2] == ["aiortc"]:
        return aiortc(*sys.argv[2:])
    program, example, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        scenario = os.path.join(folder, "echo.json")
        with open(scenario, "w", encoding="utf-8") as file:
            json.dump({"name": "echo", "turns": [], "delivery": {"echo": True}}, file)
        command = [program, "simulate", "--scenario", scenario, "--until-stdin-closes"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as simulator:
            try:
                url = simulator.stdout.readline().removeprefix("listening ").strip()
                campaign(url, example, int(rest[0]) if rest else 15)
            finally:
                simulator.stdin.close()


main()
