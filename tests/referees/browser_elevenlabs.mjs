// ElevenLabs' own client talks with the simulator's agent in Chromium: node browser_elevenlabs.mjs BASE_URL CLIPS
//
// BASE_URL is "http://HOST:PORT" of a simulator with the bundled scenario whose agent does not greet and is private, CLIPS
// the folder with the spoken clips. The app's server asks for a signed URL, the page dials it, and the client's own audio
// worklets take the microphone and play the answers. The microphone hears the three questions: the first is answered, the
// second is asked into that answer, the third needs a tool. One JSON line at the end; exits 1 when anything is not as it
// should be.
import { ALLOWED, browse, expect, Log, PATIENCE_MS, report, serveApp } from "./browser.mjs";

const [base, clips] = process.argv.slice(2);
// The conversation has begun within the first pause; the first answer takes nine seconds, the second four.
const said = [3000, "question1", 3500, "question2", 7500, "question3"];

/** Waits until the speaker is as loud as wanted. */
async function loud(page, wanted) {
  const latest = Date.now() + PATIENCE_MS;
  for (;;) {
    const loudness = await page.evaluate(() => window.loudness());
    if (wanted(loudness)) return loudness;
    expect(Date.now() < latest, `${wanted} is never true of ${loudness}`);
    await new Promise((again) => setTimeout(again, 20));
  }
}

async function talk(page, complaints, origin) {
  const log = await Log.of(page);
  await page.goto(origin);
  const id = await page.evaluate(() => window.begin());
  expect(/^conv_/.test(id), id);

  const heard = await log.until("user_transcript");
  expect(/lighthouse/.test(log.events[heard].user_transcription_event.user_transcript), log.events[heard]);
  const speaks = await log.until("app.speaking", heard);
  const volume = await loud(page, (loudness) => loudness > 0.01);

  // The person speaks up: the answer falls silent, and nothing of it comes any more.
  const cut = await log.until("interruption", speaks);
  const number = log.events[cut].interruption_event.event_id;
  expect(!log.kinds(speaks, cut).includes("app.listening"), "the answer was still being played");
  await log.until("app.listening", cut);
  await loud(page, (loudness) => loudness < 0.01);
  const second = await log.until("user_transcript", cut);
  expect(/how tall/.test(log.events[second].user_transcription_event.user_transcript), log.events[second]);
  const answer = await log.until("agent_response", second);
  expect(/thirty three metres/.test(log.events[answer].agent_response_event.agent_response), log.events[answer]);

  const called = await log.until("app.tool", second);
  expect(log.events[called].parameters.city === "Paris", log.events[called]);
  const last = await log.until("agent_response", called);
  expect(/eighteen degrees/.test(log.events[last].agent_response_event.agent_response), log.events[last]);
  // It is played to its end.
  await log.until("app.listening", await log.until("app.speaking", called));
  const stale = log.events.slice(cut).filter((event) => event.type === "audio" && event.event_id <= number);
  expect(stale.length === 0, stale);

  await page.evaluate(() => window.end());
  const over = await log.until("app.over");
  expect(log.events[over].reason === "user", log.events[over]);
  expect(!log.kinds().includes("app.error"), log.events.filter((event) => event.type === "app.error"));
  expect(complaints.length === 0, complaints);
  return { volume, interrupted: number, corrected: log.kinds(cut).includes("agent_response_correction") };
}

await report(() => {
  const app = (origin) => browse(clips, said, (page, complaints) => talk(page, complaints, origin), ALLOWED);
  return serveApp("browser_elevenlabs.html", base, app);
});
