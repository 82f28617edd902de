// Chromium calls the simulator as a browser app does: node browser_talk.mjs BASE_URL CLIPS FORM [PORT]
//
// BASE_URL is ".../v1", CLIPS the folder with the spoken clips. FORM is `secret` (the app's server mints a client secret, and
// the page posts its offer to the simulator, another origin for it) or `form` (the app's server posts the offer and the
// session as a form), or `proxy`: BASE_URL is that of `duologue serve`, which gets the page's offer as it is with the token of
// DUOLOGUE_AUTH_TOKEN, and pages of another origin than that of PORT on 127.0.0.1 may not ask. The microphone hears the three questions of the bundled scenario: the first is answered, the second
// is asked into that answer, the third needs a tool. One JSON line at the end; exits 1 when anything is not as it should be.
import { ALLOWED, browse, expect, figures, Log, report, serveApp } from "./browser.mjs";

const [base, clips, form, port] = process.argv.slice(2);
const proxy = form === "proxy";
const calls = proxy ? `${base}/calls` : `${base}/realtime/calls`;
const token = process.env.DUOLOGUE_AUTH_TOKEN;
// The call is there within the first pause; the first answer takes nine seconds, the second four.
const said = [3000, "question1", 3500, "question2", 7500, "question3"];

/** The browser keeps the answer from a page of another origin. */
async function refused(page, complaints, origin) {
  const post = ([to, key]) => {
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/sdp" };
    return fetch(to, { method: "POST", headers, body: "v=0" }).then(({ status }) => status, String);
  };
  await page.goto(origin.replace("127.0.0.1", "localhost"));
  const foreign = await page.evaluate(post, [calls, token]);
  expect(/Failed to fetch/.test(foreign), `the page of another origin was answered: ${foreign}`);
  complaints.length = 0;
}

async function talk(page, complaints, origin) {
  const log = await Log.of(page);
  if (proxy) await refused(page, complaints, origin);
  await page.goto(origin);
  const begun = ([how, to, key]) => window.begin(how, to, key);
  const { status, location, sdp } = await page.evaluate(begun, [form, calls, proxy ? token : null]);
  expect(status === 201, `${status}: ${sdp}`);
  expect(/\/rtc_\w+$/.test(location), `the call is at ${location}`);
  const created = log.events[await log.until("session.created")];
  expect(created.session.tools[0].name === "get_weather", "the session is the one that was asked for");

  const asked = await log.until("input_audio_buffer.speech_started");
  const heard = await log.until("conversation.item.input_audio_transcription.completed", asked);
  expect(/lighthouse/.test(log.events[heard].transcript), log.events[heard]);
  const speaks = await log.until("output_audio_buffer.started", asked);
  expect(log.kinds(asked, speaks).includes("response.content_part.added"), "the sound comes after its part");
  const first = await figures(page, (f) => f.energy > 0.001 && f.packets > 25);
  expect(first.to === "127.0.0.1", first);

  // The person speaks up: the answer falls silent before there is another.
  const again = await log.until("input_audio_buffer.speech_started", speaks);
  const cleared = await log.until("output_audio_buffer.cleared", again);
  expect(!log.kinds(speaks, cleared).includes("output_audio_buffer.stopped"), "the answer was still being sent");
  await figures(page, (f) => f.level < 0.01);
  expect(!log.kinds(cleared).includes("output_audio_buffer.started"), "it fell silent before the next answer");
  const truncated = log.events[await log.until("conversation.item.truncated", cleared)];
  expect(truncated.audio_end_ms >= 400, `${truncated.audio_end_ms} ms were sent`);
  const second = await log.until("conversation.item.input_audio_transcription.completed", cleared);
  expect(/how tall/.test(log.events[second].transcript), log.events[second]);
  const answers = await log.until("output_audio_buffer.started", cleared);
  const stopped = await log.until("output_audio_buffer.stopped", answers);
  expect(log.kinds(answers, stopped).includes("response.done"), "sound ends after generation");

  const called = log.events[await log.until("response.function_call_arguments.done", stopped)];
  expect(JSON.parse(called.arguments).city === "Paris", called);
  const done = await log.until("response.done", stopped, (e) => e.response.output[0]?.type === "function_call");
  const item = { type: "function_call_output", call_id: called.call_id, output: '{"sky": "sunny"}' };
  await page.evaluate((event) => window.send(event), { type: "conversation.item.create", item });
  await page.evaluate((event) => window.send(event), { type: "response.create" });
  const speaksAgain = await log.until("output_audio_buffer.started", done);
  const last = await log.until("output_audio_buffer.stopped", speaksAgain);

  const kinds = log.kinds();
  expect(!kinds.includes("error") && !kinds.some((kind) => kind.includes("audio.delta")), kinds);
  const heardIn = await figures(page);
  expect(heardIn.energy > first.energy && heardIn.lost <= heardIn.packets / 20 && heardIn.sent > 500, heardIn);
  await page.evaluate(() => window.end());
  expect(complaints.length === 0, complaints);
  return { events: last, ...heardIn, cut_at_ms: truncated.audio_end_ms };
}

await report(() => {
  const app = (origin) => browse(clips, said, (page, complaints) => talk(page, complaints, origin), ALLOWED);
  return serveApp("browser_app.html", base, app, port);
});
