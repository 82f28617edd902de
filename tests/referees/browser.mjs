// What the browser referees share: Chromium with a WAV file as microphone, the server of an app, a log to wait in.
//
// Playwright's core is looked for in $DUOLOGUE_REFEREES/node (default: .deps/node of the repository); CHROMIUM names
// another browser than Debian's.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, pcmOf, silence, writeWav } from "./clips.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const deps = process.env.DUOLOGUE_REFEREES ?? join(here, "../../.deps");
const { chromium } = createRequire(join(deps, "node", "package.json"))("playwright-core");

/** Nothing here takes so long on a machine that works. */
export const PATIENCE_MS = 40_000;
/** The folder of the vendor's SDK as it comes for browsers. */
export const SDK = join(deps, "node/node_modules/@openai/agents-realtime/dist/bundle");

/** That of ElevenLabs, in one file. */
const ELEVENLABS = join(deps, "node/node_modules/@elevenlabs/client/dist/lib.iife.js");

/** The session an app asks for. */
export const SESSION = {
  type: "realtime",
  model: "gpt-realtime-2.1",
  audio: { input: { transcription: { model: "gpt-transcribe" } } },
  tools: [
    {
      type: "function",
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  ],
};

/**
 * Runs `work` with a browser whose microphone hears `said`: names of clips, and numbers for milliseconds of silence.
 * Without `said` the browser has no microphone. It is closed however that ends.
 */
export async function browse(clips, said, work, switches = []) {
  const folder = mkdtempSync(join(tmpdir(), "referee-"));
  const args = [
    "--allow-loopback-in-peer-connection",
    // It reaches nobody but this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ...switches,
  ];
  // Chromium's sandbox is not to be had as root.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  if (said) {
    const wav = join(folder, "microphone.wav");
    writeWav(wav, said.map((piece) => (typeof piece === "number" ? silence(piece) : pcmOf(join(clips, `${piece}.wav`)))));
    args.push("--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${wav}%noloop`);
  }
  let browser;
  try {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
    const page = await browser.newPage({ viewport: { width: 800, height: 640 } });
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    return await work(page, complaints);
  } finally {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For pages that shall get the microphone without a question. */
export const ALLOWED = ["--use-fake-ui-for-media-stream"];

/** What happened in a page, in order, and waiting for what will. Pages tell with `note(event)`. */
export class Log {
  constructor() {
    this.events = [];
    this.waiting = new Set();
  }

  static async of(page) {
    const log = new Log();
    await page.exposeFunction("note", (event) => log.note(event));
    return log;
  }

  note(event) {
    this.events.push(event);
    for (const look of [...this.waiting]) look();
  }

  kinds(from = 0, to = undefined) {
    return this.events.slice(from, to).map((event) => event.type);
  }

  /** The place of the first such event from `from` on. */
  until(type, from = 0, where = () => true) {
    return new Promise((resolve, reject) => {
      const done = (settle) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        settle();
      };
      const look = () => {
        const place = this.events.findIndex((event, i) => i >= from && event.type === type && where(event));
        if (place >= 0) done(() => resolve(place));
      };
      const late = () => done(() => reject(new Error(`${type} never came after ${this.kinds(from).join(", ")}`)));
      const timer = setTimeout(late, PATIENCE_MS);
      this.waiting.add(look);
      look();
    });
  }
}

/**
 * The server of an app, which has the key: it serves its page (a file beside this one) and the vendor's SDK, mints client
 * secrets (`/token`), has URLs signed (`/signed`) and passes offers on as a form (`/session`). It lives as long as `work`, on `port` or any free one.
 */
export async function serveApp(file, base, work, port = 0) {
  const key = { Authorization: "Bearer sk-c4n4ry-browser" };
  const handle = async (request, response) => {
    const path = new URL(request.url, base).pathname;
    const send = (status, kind, body) => response.writeHead(status, { "Content-Type": kind }).end(body);
    if (path === "/") return send(200, "text/html; charset=utf-8", readFileSync(join(here, file)));
    if (path === "/favicon.ico") return send(204, "text/plain");
    if (/^\/sdk\/[\w-]+\.mjs$/.test(path)) return send(200, "text/javascript", readFileSync(join(SDK, path.slice(5))));
    if (path === "/sdk/elevenlabs.js") return send(200, "text/javascript", readFileSync(ELEVENLABS));
    if (path === "/signed") {
      const signed = `${base}/v1/convai/conversation/get-signed-url?agent_id=agent_referee`;
      const answer = await fetch(signed, { headers: { "xi-api-key": "sk-c4n4ry-browser" } });
      return send(answer.status, "application/json", await answer.text());
    }
    if (path === "/token") {
      const headers = { ...key, "Content-Type": "application/json" };
      const body = JSON.stringify({ session: SESSION });
      const minted = await fetch(`${base}/realtime/client_secrets`, { method: "POST", headers, body });
      return send(minted.status, "application/json", await minted.text());
    }
    if (path === "/session" && request.method === "POST") {
      let sdp = "";
      for await (const piece of request.setEncoding("utf8")) sdp += piece;
      const body = new FormData();
      body.set("sdp", sdp);
      body.set("session", JSON.stringify(SESSION));
      const answer = await fetch(`${base}/realtime/calls`, { method: "POST", headers: key, body });
      response.setHeader("Location", answer.headers.get("Location") ?? "");
      return send(answer.status, answer.headers.get("Content-Type"), await answer.text());
    }
    return send(404, "text/plain", "not found");
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  try {
    return await work(`http://127.0.0.1:${server.address().port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Waits until `wanted` is true of what the page's connection counts; returns that. */
export async function figures(page, wanted = () => true) {
  const look = async () => {
    const all = [...(await window.connection.getStats()).values()];
    const one = (type, kind) => all.find((s) => s.type === type && s.kind === kind) ?? {};
    const pair = all.find((s) => s.type === "candidate-pair" && s.nominated) ?? {};
    const heard = one("inbound-rtp", "audio");
    return {
      packets: heard.packetsReceived ?? 0,
      lost: heard.packetsLost ?? 0,
      energy: heard.totalAudioEnergy ?? 0,
      level: heard.audioLevel ?? 0,
      sent: one("outbound-rtp", "audio").packetsSent ?? 0,
      to: all.find((s) => s.id === pair.remoteCandidateId)?.address,
    };
  };
  const latest = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await page.evaluate(look);
    if (wanted(found)) return found;
    expect(Date.now() < latest, `${wanted} is never true of ${JSON.stringify(found)}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}

/** Runs a referee: one JSON line, and 1 as exit code when anything is not as it should be. */
export async function report(work) {
  try {
    console.log(JSON.stringify({ ok: true, ...(await work()) }));
  } catch (error) {
    console.log(JSON.stringify({ ok: false, wrong: String(error?.stack ?? error) }));
    process.exitCode = 1;
  }
}

export { expect };
