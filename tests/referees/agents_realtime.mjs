// Drives the simulator with the vendor's agents SDK: agents_realtime.mjs WS_URL CLIPS [PART...]
//
// WS_URL is "ws://.../v1/realtime", CLIPS the folder with the spoken clips, PART one of text, spoken,
// tool and interruption (all of them if none is named); the packages are looked for in
// $DUOLOGUE_REFEREES/node (default: .deps/node of the repository). One JSON line of results for each
// conversation; exits 1 when any of them fails. Everything waits for events, bounded.

import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BYTES_PER_MS, expect, pcmOf, silence } from "./clips.mjs";

const deps = process.env.DUOLOGUE_REFEREES ?? fileURLToPath(new URL("../../.deps", import.meta.url));
const packages = createRequire(join(deps, "node", "package.json"));
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);
const { RealtimeAgent, RealtimeSession, OpenAIRealtimeWebSocket, tool } = await load("@openai/agents-realtime");
const { z } = await load("zod");

const MODEL = "gpt-realtime-2.1";
const PATIENCE_MS = 20_000;

// The bundled scenario: typed words about the weather ask for the tool, all else takes its turns.
const TEXT_QUESTION = "Hello, who are you?";
const TOOL_QUESTION = "What is the weather in Paris?";
const SPOKEN_CLIP = "question1.wav";
const INTERRUPTING_CLIP = "question2.wav";

/** One session of the SDK: what it emitted and what crossed the wire, in order. */
class Conversation {
  constructor(url, agent, config = {}) {
    this.log = [];
    this.waiting = new Set();
    const transport = new OpenAIRealtimeWebSocket({ url: `${url}?model=${MODEL}` });
    this.session = new RealtimeSession(agent, { transport, model: MODEL, config });
    const sendEvent = transport.sendEvent.bind(transport);
    transport.sendEvent = (event) => {
      this.note("sent", event);
      return sendEvent(event);
    };
    transport.on("*", (event) => this.note("received", event));
    for (const name of ["audio", "audio_interrupted", "audio_start", "audio_stopped", "agent_start", "agent_tool_start"])
      this.session.on(name, () => this.note("emitted", { type: name }));
    this.session.on("agent_end", (_context, _agent, output) => this.note("emitted", { type: "agent_end", output }));
    this.session.on("agent_tool_end", (_context, _agent, _tool, result) => this.note("emitted", { type: "agent_tool_end", result }));
    this.session.on("history_updated", (history) => this.note("emitted", { type: "history_updated", history }));
    this.session.on("error", (error) => this.note("error", { type: "error", error: describe(error) }));
  }

  note(side, event) {
    this.log.push({ side, event });
    for (const check of [...this.waiting]) check();
  }

  async connect() {
    await this.session.connect({ apiKey: "sk-c4n4ry-key" });
    await this.wait("received", "session.updated");
  }

  /** The place in the log of the first such event at or after `since`. */
  wait(side, type, since = 0, where = () => true) {
    return new Promise((resolve, reject) => {
      const settle = (done) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        done();
      };
      const check = () => {
        const failure = this.log.find((entry) => entry.side === "error");
        if (failure) return settle(() => reject(new Error(`the SDK reports ${failure.event.error}`)));
        const index = this.log.findIndex((e, i) => i >= since && e.side === side && e.event.type === type && where(e.event));
        if (index >= 0) settle(() => resolve(index));
      };
      const timer = setTimeout(() => {
        const tail = this.log.slice(since).slice(-12).map((e) => `${e.side} ${e.event.type}`);
        settle(() => reject(new Error(`no ${side} ${type} within ${PATIENCE_MS} ms; last: ${tail.join(", ")}`)));
      }, PATIENCE_MS);
      this.waiting.add(check);
      check();
    });
  }

  all(side, type, first = 0, last = undefined) {
    return this.log.slice(first, last).filter((e) => e.side === side && e.event.type === type).map((e) => e.event);
  }

  /** A clip, then the silence that ends the turn, as fast as the socket takes it. */
  say(clip, silenceMs = 1500) {
    const samples = Buffer.concat([clip, silence(silenceMs)]);
    for (let at = 0; at < samples.length; at += 40 * BYTES_PER_MS)
      this.session.sendAudio(new Uint8Array(samples.subarray(at, at + 40 * BYTES_PER_MS)).buffer);
  }

  /** Waits until the whole reply is there; returns what the SDK makes of it. */
  async reply(since) {
    const started = await this.wait("emitted", "agent_start", since);
    const ended = await this.wait("emitted", "agent_end", started);
    const done = this.all("received", "response.done", started, ended).at(-1).response;
    return { ended, done, words: this.log[ended].event.output };
  }

  close() {
    this.session.close();
  }
}

function describe(error) {
  const inner = error?.error?.error ?? error?.error ?? error;
  return inner instanceof Error ? inner.stack : JSON.stringify(inner);
}

const agent = (tools = []) => new RealtimeAgent({ name: "referee", instructions: "Be brief.", tools });
const listening = {
  audio: {
    input: {
      transcription: { model: "gpt-transcribe" },
      turnDetection: { type: "server_vad", silenceDurationMs: 500, createResponse: true, interruptResponse: true },
    },
    output: { voice: "marin" },
  },
};
const audioMs = (events) => events.reduce((sum, e) => sum + Buffer.from(e.delta, "base64").length, 0) / BYTES_PER_MS;

async function textTurn(talk) {
  await talk.connect();
  const since = talk.log.length;
  talk.session.sendMessage(TEXT_QUESTION);
  const { words, done } = await talk.reply(since);
  expect(done.status === "completed", `the response is ${done.status}`);
  expect(words, "the reply has words");
  await talk.wait("emitted", "history_updated", since, ({ history }) => {
    const [question, answer] = history.filter((item) => item.type === "message");
    return question?.role === "user" && answer?.role === "assistant" && answer.status === "completed";
  });
  return { words };
}

async function spokenTurn(talk, clips) {
  await talk.connect();
  const since = talk.log.length;
  talk.say(pcmOf(join(clips, SPOKEN_CLIP)));
  const { words, done, ended } = await talk.reply(since);
  expect(done.status === "completed", `the response is ${done.status}`);
  const replyMs = audioMs(talk.all("received", "response.output_audio.delta", since, ended));
  expect(words && replyMs > 200, `a reply of ${replyMs} ms: ${words}`);
  for (const name of ["audio_start", "audio", "audio_stopped"])
    expect(talk.all("emitted", name, since).length > 0, `the SDK emits ${name}`);
  const transcribed = await talk.wait("received", "conversation.item.input_audio_transcription.completed", since);
  const { item_id, transcript } = talk.log[transcribed].event;
  // The SDK fetches the item again once it is transcribed.
  await talk.wait("received", "conversation.item.retrieved", transcribed, (event) => event.item.id === item_id);
  await talk.wait("emitted", "history_updated", transcribed, ({ history }) => {
    const messages = history.filter((item) => item.type === "message");
    return messages[0]?.itemId === item_id && messages[0].content[0].transcript === transcript && messages[1]?.role === "assistant";
  });
  return { heard: transcript, words, reply_ms: Math.round(replyMs) };
}

const calls = [];
const weather = tool({
  name: "get_weather",
  description: "Tells the current weather of a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    calls.push(city);
    return `The sky over ${city} is clear, 21 degrees.`;
  },
});

async function toolCall(talk) {
  await talk.connect();
  const since = talk.log.length;
  talk.session.sendMessage(TOOL_QUESTION);
  const used = await talk.wait("emitted", "agent_tool_end", since);
  expect(calls.length === 1 && calls[0], `the tool ran for ${JSON.stringify(calls)}`);
  const placed = await talk.wait("received", "conversation.item.added", since, (e) => e.item.type === "function_call_output");
  const first = talk.all("received", "response.done", since)[0].response;
  const call = first.output.find((item) => item.type === "function_call");
  const output = talk.log[placed].event.item;
  expect(output.call_id === call.call_id, "the output names its call");
  expect(output.output === talk.log[used].event.result, "the output is the tool's result");
  const { words, done } = await talk.reply(placed);
  expect(done.status === "completed" && words, `the follow-up is ${done.status}: ${words}`);
  const requests = talk.all("received", "response.created", since).length;
  expect(requests === 2, `${requests} responses, wanted the call and its follow-up`);
  return { city: calls[0], result: output.output, words };
}

async function interruption(talk, clips) {
  const question = pcmOf(join(clips, SPOKEN_CLIP));
  const objection = pcmOf(join(clips, INTERRUPTING_CLIP));
  await talk.connect();
  talk.say(question);
  // The first second of the reply has arrived when the user speaks up.
  let audible = await talk.wait("received", "response.output_audio.delta");
  while (audioMs(talk.all("received", "response.output_audio.delta")) < 1000)
    audible = await talk.wait("received", "response.output_audio.delta", audible + 1);
  const { item_id, response_id } = talk.log[audible].event;
  talk.say(objection, 0);
  const started = await talk.wait("received", "input_audio_buffer.speech_started", audible);
  await talk.wait("emitted", "audio_interrupted", started);
  const cut = talk.all("sent", "conversation.item.truncate", started).at(-1);
  expect(talk.all("received", "response.done", audible, started).length === 0, "the reply is still being sent");
  expect(cut?.item_id === item_id && Number.isInteger(cut.audio_end_ms), `the SDK sends ${JSON.stringify(cut)}`);
  const truncated = await talk.wait("received", "conversation.item.truncated", started, (e) => e.item_id === item_id);
  expect(talk.log[truncated].event.audio_end_ms === cut.audio_end_ms, "the item is cut where the SDK says");
  const over = await talk.wait("received", "response.done", started);
  const { response } = talk.log[over].event;
  expect(response.id === response_id && response.status === "cancelled", `${response.id} is ${response.status}`);
  expect(response.status_details.reason === "turn_detected", `its details are ${JSON.stringify(response.status_details)}`);
  expect(talk.all("sent", "response.cancel").length === 0, "the SDK leaves the cancelling to the server");
  // The SDK fetches the item again once it is cut.
  await talk.wait("received", "conversation.item.retrieved", truncated, (event) => event.item.id === item_id);
  talk.say(Buffer.alloc(0));
  const next = await talk.wait("received", "response.created", over);
  const { words, done } = await talk.reply(next);
  expect(done.status === "completed" && words, `the answer to the interruption is ${done.status}: ${words}`);
  return { audio_end_ms: cut.audio_end_ms, words };
}

const parts = {
  text: [textTurn, agent(), {}],
  spoken: [spokenTurn, agent(), listening],
  tool: [toolCall, agent([weather]), {}],
  interruption: [interruption, agent(), listening],
};
const [url, clips, ...wanted] = process.argv.slice(2);
if (!url || !clips || wanted.some((part) => !(part in parts))) {
  console.error("usage: agents_realtime.mjs WS_URL CLIPS [text|spoken|tool|interruption ...]");
  process.exit(2);
}
let failures = 0;
for (const part of wanted.length ? wanted : Object.keys(parts)) {
  const [run, who, config] = parts[part];
  const talk = new Conversation(url, who, config);
  let result;
  try {
    result = { ok: true, ...(await run(talk, clips)) };
  } catch (error) {
    failures += 1;
    result = { ok: false, error: String(error?.message ?? error) };
    console.error(error);
  } finally {
    talk.close();
  }
  console.log(JSON.stringify({ referee: "agents-realtime", part, ...result }));
}
process.exit(failures ? 1 : 0);
