// Drives the simulator with ElevenLabs' own JavaScript client, in writing: elevenlabs_client.mjs WS_URL [PART...]
//
// WS_URL is "ws://HOST:PORT" of a simulator with the scenario of tests/elevenlabs_referee.rs, PART one of written, tool,
// approval, file, signed, refusal and end (all of them if none is named); the packages are looked for in
// $DUOLOGUE_REFEREES/node (default: .deps/node of the repository). One JSON line of results for each conversation; exits
// 1 when any of them fails. Everything waits for events, bounded.

import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "./clips.mjs";

const deps = process.env.DUOLOGUE_REFEREES ?? fileURLToPath(new URL("../../.deps", import.meta.url));
const packages = createRequire(join(deps, "node", "package.json"));
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);
const { default: WebSocket } = await load("ws");
// As in a browser, where every message is a task of its own: the client changes its listeners between two of them.
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { allowSynchronousEvents: false });
  }
};
const root = join(deps, "node", "node_modules", "@elevenlabs", "client", "dist", "index.js");
const { Conversation } = await import(pathToFileURL(root).href);

const PATIENCE_MS = 30_000;
const AGENT = "agent_referee";
const PNG = Buffer.from("89504e470d0a1a0a0000000d4948445200000001000000020802000000", "hex");

/** One conversation: everything that came, and everything the package made of it, in order. */
class Talk {
  log = [];
  waiting = new Set();

  static async begin(url, options = {}) {
    const talk = new Talk();
    await talk.start(url, options);
    return talk;
  }

  async start(url, options) {
    const where = options.signedUrl ? {} : { agentId: AGENT };
    this.conversation = await Conversation.startSession({
      ...where,
      origin: url,
      textOnly: true,
      connectionType: "websocket",
      onIncomingEvent: (event) => this.note(event.type, event),
      onMessage: (message) => this.note("message", message),
      onAgentChatResponsePart: (part) => this.note("part", part),
      onError: (message) => this.note("trouble", message),
      onDisconnect: (details) => this.note("over", details),
      ...options,
    });
  }

  note(kind, value) {
    this.log.push([kind, value]);
    for (const check of [...this.waiting]) check();
  }

  all(kind, since = 0) {
    return this.log.slice(since).filter(([name]) => name === kind).map(([, value]) => value);
  }

  /** The first value of this kind at or after `since`, and where it is. */
  wait(kind, since = 0) {
    return new Promise((resolve, reject) => {
      const settle = (done) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        done();
      };
      const check = () => {
        const at = this.log.findIndex(([name], i) => i >= since && name === kind);
        if (at >= 0) settle(() => resolve({ at, value: this.log[at][1] }));
      };
      const timer = setTimeout(() => {
        const last = this.log.slice(-6).map(([name]) => name);
        settle(() => reject(new Error(`no ${kind} within ${PATIENCE_MS} ms; last: ${last.join(", ")}`)));
      }, PATIENCE_MS);
      this.waiting.add(check);
      check();
    });
  }

  /** Types something; the words of the reply, and where it ends. */
  async ask(text) {
    const since = this.log.length;
    this.conversation.sendUserMessage(text);
    return this.reply(since);
  }

  async reply(since) {
    const { at } = await this.wait("agent_response_complete", since);
    expect(this.all("trouble").length === 0, this.all("trouble"));
    return { at, words: this.all("message", since).map((message) => message.message).join(" "), since };
  }

  end() {
    return this.conversation.endSession();
  }
}

async function written(url) {
  const talk = await Talk.begin(url);
  talk.conversation.sendContextualUpdate("The user likes ships.", { contextId: "mood" });
  talk.conversation.sendUserActivity();
  const { words } = await talk.ask("Well, hello!");
  expect(words === "Good day to you.", words);
  const parts = talk.all("part");
  expect(parts[0].type === "start" && parts.at(-1).type === "stop", parts);
  expect(parts.map((part) => part.text).join("") === words, parts);
  expect(talk.all("audio").length === 0, "nothing is spoken");
  talk.conversation.sendFeedback(true);
  // A ping is answered by the package; the server counts it.
  await talk.wait("ping");
  await talk.end();
  expect((await talk.wait("over")).value.reason === "user", talk.all("over"));
  return { parts: parts.length };
}

async function tool(url) {
  const asked = [];
  const clientTools = {
    get_weather: (parameters) => {
      asked.push(parameters);
      return { degrees: 18 };
    },
  };
  const talk = await Talk.begin(url, { clientTools });
  const { words } = await talk.ask("What is the weather?");
  expect(words === "It has eighteen degrees.", words);
  expect(JSON.stringify(asked) === '[{"city":"Paris"}]', asked);
  await talk.end();
  return { asked };
}

async function approval(url) {
  const states = {};
  for (const approved of [true, false]) {
    const talk = await Talk.begin(url, { onMCPToolApprovalRequest: async () => approved });
    const { words } = await talk.ask("Please search.");
    expect(words === "That was all.", words);
    states[approved] = talk.all("mcp_tool_call").map((event) => event.mcp_tool_call.state);
    await talk.end();
  }
  expect(states[true].join() === "awaiting_approval,loading,success", states);
  expect(states[false].join() === "awaiting_approval,failure", states);
  return states;
}

async function file(url) {
  const talk = await Talk.begin(url);
  const { fileId } = await talk.conversation.uploadFile(new Blob([PNG], { type: "image/png" }));
  const since = talk.log.length;
  talk.conversation.sendMultimodalMessage({ text: "What is this?", fileIds: [fileId] });
  const { words } = await talk.reply(since);
  expect(words === "I see a PNG image of 1 by 2 pixels.", words);
  await talk.end();
  return { words };
}

async function signed(url) {
  const origin = url.replace(/^ws/, "http");
  const path = `/v1/convai/conversation/get-signed-url?agent_id=${AGENT}`;
  const answer = await fetch(origin + path, { headers: { "xi-api-key": "any" } });
  const signedUrl = (await answer.json()).signed_url;
  expect(typeof signedUrl === "string", answer.status);
  const talk = await Talk.begin(url, { signedUrl });
  const { words } = await talk.ask("Well, hello!");
  expect(words === "Good day to you.", words);
  await talk.end();
  return {};
}

async function refusal(url) {
  const overrides = { agent: { language: "en" } };
  const error = await Talk.begin(url, { overrides }).then(
    () => undefined,
    (error) => error,
  );
  expect(error?.closeCode === 1008 && error.closeReason.includes("language"), String(error));
  return { reason: error.closeReason };
}

async function end(url) {
  const talk = await Talk.begin(url);
  talk.conversation.sendUserMessage("Well, bye!");
  const { value } = await talk.wait("over");
  expect(value.reason === "agent" && value.context.type === "end_call", value);
  return { reason: value.context.reason };
}

const PARTS = { written, tool, approval, file, signed, refusal, end };

async function run(name, url) {
  try {
    return { part: name, ok: true, ...(await PARTS[name](url)) };
  } catch (error) {
    console.error(error);
    return { part: name, ok: false, error: String(error) };
  }
}

const [url, ...parts] = process.argv.slice(2);
const results = await Promise.all((parts.length ? parts : Object.keys(PARTS)).map((name) => run(name, url)));
for (const result of results) console.log(JSON.stringify(result));
process.exit(results.every((result) => result.ok) ? 0 : 1);
