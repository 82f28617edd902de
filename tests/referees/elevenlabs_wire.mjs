// Holds JSON messages of an ElevenLabs Agents client against the types of `@elevenlabs/types`, with TypeScript's own
// compiler, which refuses what a literal has and its type has not.
//
// Reads JSON lines on stdin, prints one line per defect, then the count, and exits 1 when there was any defect or nothing to
// look at.
//
//     node elevenlabs_wire.mjs < messages.jsonl     check
//     node elevenlabs_wire.mjs --self-test          correct examples must pass, planted defects must be caught
//
// DUOLOGUE_REFEREES names the folder that setup.sh filled.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const modules = join(process.env.DUOLOGUE_REFEREES, "node");
const ts = createRequire(join(modules, "package.json"))("typescript");
const declared = join(modules, "node_modules/@elevenlabs/types/dist/generated/types/asyncapi-types.d.ts");

const TYPES = {
  undefined: "UserAudio",
  pong: "Pong",
  user_message: "UserMessage",
  user_activity: "UserActivity",
  feedback: "UserFeedback",
  client_tool_result: "ClientToolResult",
  mcp_tool_approval_result: "McpToolApprovalResult",
  contextual_update: "ContextualUpdate",
  conversation_initiation_client_data: "ConversationInitiation",
  multimodal_message: "MultimodalMessage",
};

// null is a member of the types where it means something; nowhere else it may be sent.
function defects(messages) {
  const lines = [`import type * as wire from ${JSON.stringify(declared.replace(/\.d\.ts$/, ".js"))};`];
  const found = [];
  for (const [i, message] of messages.entries()) {
    const type = TYPES[message?.type];
    if (type === undefined || message === null || Array.isArray(message)) {
      found.push(`${i}: no client message is of type ${JSON.stringify(message?.type)}`);
      lines.push("");
      continue;
    }
    lines.push(`export const m${i}: wire.${type} = ${JSON.stringify(message)};`);
  }
  const file = join(modules, "messages.ts");
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const text = lines.join("\n");
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target) =>
    name === file ? ts.createSourceFile(name, text, target) : read(name, target);
  const exists = host.fileExists.bind(host);
  host.fileExists = (name) => name === file || exists(name);
  for (const problem of ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))) {
    const at = problem.file?.fileName === file ? problem.file.getLineAndCharacterOfPosition(problem.start).line - 1 : "-";
    found.push(`${at}: ${ts.flattenDiagnosticMessageText(problem.messageText, " ")}`);
  }
  return found;
}

const GOOD = [
  { user_audio_chunk: "AAA=" },
  { type: "pong", event_id: 1 },
  { type: "user_message", text: "hi" },
  { type: "feedback", event_id: 1, score: null },
  { type: "client_tool_result", tool_call_id: "t", result: "r", is_error: false },
  {
    type: "conversation_initiation_client_data",
    conversation_config_override: { agent: { prompt: { prompt: "p" } }, conversation: { text_only: true } },
  },
];
const BAD = [
  {},
  { type: "user_mesage", text: "hi" },
  { user_audio_chunk: "AAA=", more: 1 },
  { type: "pong" },
  { type: "pong", event_id: "1" },
  { type: "client_tool_result", tool_call_id: "t", result: { a: 1 }, is_error: false },
  { type: "client_tool_result", tool_call_id: "t", result: "r" },
  { type: "contextual_update", text: "t", contextId: "c" },
  { type: "conversation_initiation_client_data", conversation_config_override: { agent: { promt: { prompt: "p" } } } },
  { type: "conversation_initiation_client_data", conversation_config_override: { tts: { voice_id: null } } },
];

function selfTest() {
  const wrong = defects(GOOD).map((defect) => `a correct message: ${defect}`);
  for (const message of BAD) {
    if (defects([message]).length === 0) wrong.push(`not caught: ${JSON.stringify(message)}`);
  }
  return wrong;
}

const lines = process.argv[2] === "--self-test" ? null : readFileSync(0, "utf8").split("\n").filter(Boolean);
const found = lines ? defects(lines.map((line) => JSON.parse(line))) : selfTest();
for (const defect of found) console.log(defect);
const count = lines ? lines.length : GOOD.length + BAD.length;
console.log(`${count} messages, ${found.length} defects`);
process.exit(found.length > 0 || count === 0 ? 1 : 0);
