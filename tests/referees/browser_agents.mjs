// The vendor's agents SDK in Chromium, over its WebRTC transport: node browser_agents.mjs BASE_URL CLIPS
//
// BASE_URL is ".../v1", CLIPS the folder with the spoken clips. The microphone hears the three questions of the bundled
// scenario: the first is answered, the second is asked into that answer, whose own answer the app cuts, and the third needs
// the tool. One JSON line at the end; exits 1 when anything is not as it should be.
import { ALLOWED, browse, expect, figures, Log, report, serveApp } from "./browser.mjs";

const [base, clips] = process.argv.slice(2);
// As in browser_talk.mjs; the second answer is cut and needs no time to end.
const said = [4000, "question1", 3500, "question2", 6000, "question3"];

async function talk(page, complaints, origin) {
  const log = await Log.of(page);
  await page.goto(origin);
  await page.waitForFunction("window.ready");
  const call = await page.evaluate((calls) => window.begin(calls), `${base}/realtime/calls`);
  expect(/^rtc_\w+$/.test(call), `the SDK has found the call's id: ${call}`);
  await log.until("sdk.connected");

  const asked = await log.until("input_audio_buffer.speech_started");
  const speaks = await log.until("output_audio_buffer.started", asked);
  const first = await figures(page, (f) => f.energy > 0.001 && f.packets > 25);

  // By voice.
  const again = await log.until("input_audio_buffer.speech_started", speaks);
  const cleared = await log.until("output_audio_buffer.cleared", again);
  expect(!log.kinds(speaks, cleared).includes("output_audio_buffer.stopped"), "the answer was still being sent");
  const cut = await log.until("conversation.item.truncated", cleared);
  const truncated = log.events[cut];
  expect(truncated.audio_end_ms >= 400, `${truncated.audio_end_ms} ms were sent`);
  // The SDK fetches the item again once it is cut.
  await log.until("conversation.item.retrieved", cut, ({ item }) => item.id === truncated.item_id);

  // By the app, once something of the second answer was heard.
  const answers = await log.until("output_audio_buffer.started", cleared);
  await figures(page, (f) => f.level > 0.01);
  await page.evaluate(() => window.session.interrupt());
  const stopped = await log.until("output_audio_buffer.cleared", answers);
  const other = log.events[await log.until("conversation.item.truncated", stopped)];
  expect(other.item_id !== truncated.item_id, "it is another item");

  const used = await log.until("sdk.agent_tool_end", stopped);
  expect(log.events[used].result === "The sky over Paris is clear.", log.events[used]);
  const speaksAgain = await log.until("output_audio_buffer.started", used);
  const last = await log.until("output_audio_buffer.stopped", speaksAgain);
  await log.until("sdk.agent_end", used);

  const whole = await log.until("sdk.history_updated", speaksAgain, ({ history }) => {
    const kinds = history.map((item) => item.role ?? item.type).join();
    return kinds === "user,assistant,user,assistant,user,function_call,assistant";
  });
  const { history } = log.events[whole];
  expect(/lighthouse/.test(history[0].content[0].transcript), history[0]);
  const kinds = log.kinds();
  expect(!kinds.some((kind) => ["error", "sdk.error"].includes(kind)), log.events.filter((e) => /error/.test(e.type)));
  const heard = await figures(page);
  expect(heard.energy > first.energy && heard.sent > 500, heard);
  await page.evaluate(() => window.session.close());
  await log.until("sdk.disconnected");
  expect(complaints.length === 0, complaints);
  return { events: last, ...heard, cut_at_ms: [truncated.audio_end_ms, other.audio_end_ms] };
}

await report(() =>
  serveApp("browser_agents.html", base, (origin) => browse(clips, said, (page, complaints) => talk(page, complaints, origin), ALLOWED)),
);
