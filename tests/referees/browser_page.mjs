// The simulator's own page in Chromium: node browser_page.mjs URL CLIPS PICTURES
//
// URL is where the page is, CLIPS the folder with the spoken clips, PICTURES one for screenshots. A conversation: the second
// question is asked into the first answer, and the second answer is cut with the button; the page shows both sides in
// order, how loud they are, and where they were cut. Then with a microphone that is refused, with none, and when the
// simulator refuses the call. One JSON line at the end; exits 1 when anything is not as it should be.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ALLOWED, browse, expect, report } from "./browser.mjs";

const [url, clips, pictures] = process.argv.slice(2);
const picture = (name) => ({ path: join(pictures, `${name}.png`) });
mkdirSync(pictures, { recursive: true });

const state = (page, text) => page.waitForFunction((t) => document.querySelector("#state").textContent === t, text, { polling: 50 });
const loud = (page, meter) => page.waitForFunction((id) => document.getElementById(id).value > 0.1, meter, { polling: 50 });
const lines = (page) => page.$$eval("#words li", (all) => all.map((entry) => entry.innerText.replace(/\s+/g, " ")));

async function looks(page) {
  await page.screenshot(picture("light"));
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot(picture("dark"));
  const size = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  await page.screenshot(picture("phone"));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide <= 360, `nothing is cut off on a telephone: ${wide}`);
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: "light" });
}

async function conversation(page, complaints) {
  await page.goto(url);
  const call = page.getByRole("button", { name: "Call" });
  const interrupt = page.getByRole("button", { name: "Interrupt" });
  expect(await interrupt.isDisabled(), "there is nothing to interrupt");
  await call.click();
  await state(page, "you are speaking");
  await loud(page, "mine");
  await state(page, "speaking");
  await loud(page, "its");
  await page.waitForSelector("li.user:has-text('lighthouse')");
  await looks(page);

  // The second question cuts the first answer, and is answered.
  await page.waitForSelector("li.assistant em:has-text('interrupted after')");
  await page.waitForSelector("li.user:has-text('how tall')");
  await state(page, "speaking");
  await loud(page, "its");
  await interrupt.click();
  await page.waitForSelector("li.assistant:nth-of-type(4) em:has-text('interrupted after')");
  await state(page, "listening");
  await page.waitForFunction(() => document.querySelector("#its").value < 0.05, undefined, { polling: 50 });
  const shown = await lines(page);
  expect(shown.map((text) => text.split(" ")[0]).join() === "You,Assistant,You,Assistant", shown);
  expect(/lighthouse/.test(shown[0]) && /fires on hills/.test(shown[1]) && /tallest/.test(shown[3]), shown);
  expect(!(await page.getByRole("alert").isVisible()), "nothing is wrong");

  // The third needs the tool.
  await page.waitForSelector("li.tool:has-text('Paris')");
  await page.waitForSelector("li.assistant:has-text('eighteen degrees')");
  await state(page, "speaking");
  await page.screenshot(picture("end"));
  await page.getByRole("button", { name: "Hang up" }).click();
  await state(page, "not connected");
  expect(await interrupt.isDisabled(), "there is nothing to interrupt any more");
  expect(complaints.length === 0, complaints);
  return lines(page);
}

/** Calls with the keyboard, and returns what the page says is wrong. */
async function complains(page, about, name) {
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const alert = page.getByRole("alert").filter({ hasText: about });
  await alert.waitFor();
  await page.screenshot(picture(name));
  await state(page, "not connected");
  expect(await page.getByRole("button", { name: "Call" }).isEnabled(), "one can try again");
  return alert.innerText();
}

await report(async () => {
  const said = [3000, "question1", 3500, "question2", 6500, "question3"];
  const told = await browse(clips, said, conversation, ALLOWED);
  const refused = await browse(
    clips,
    [100],
    async (page) => {
      await page.goto(url);
      return complains(page, "The microphone was refused", "refused");
    },
    ["--deny-permission-prompts"],
  );
  const rest = await browse(clips, [100], async (page) => {
    await page.route("**/calls", (route) => route.fulfill({ status: 429, json: { error: { message: "Slow down." } } }));
    await page.goto(url);
    const busy = await complains(page, "Slow down", "busy");
    return { busy };
  }, ALLOWED);
  const none = await browse(clips, undefined, async (page) => {
    await page.goto(url);
    return complains(page, "There is no microphone", "none");
  }, ALLOWED);
  return { told, refused, none, ...rest };
});
