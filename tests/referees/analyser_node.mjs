// What Chromium's own AnalyserNode says of a sound: node analyser_node.mjs <<< JOB
//
// JOB is JSON: samples (16-bit), rate, options of the node, and after how many frames it is asked (multiples of 128). One
// JSON line: for each look the frequency bytes, decibels (null is minus infinity) and the waveform's bytes and floats.
import { readFileSync } from "node:fs";
import { browse, expect } from "./browser.mjs";

const job = JSON.parse(readFileSync(0, "utf8"));
const looks = await browse("", undefined, async (page, complaints) => {
  const seen = await page.evaluate(async ({ samples, rate, options, looks }) => {
    const context = new OfflineAudioContext(1, samples.length, rate);
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    const analyser = new AnalyserNode(context, options);
    source.connect(analyser).connect(context.destination);
    source.start();
    const bins = analyser.frequencyBinCount;
    const seen = [];
    for (const frames of looks) {
      // It stops at the next whole block.
      context.suspend((frames - 64) / rate).then(() => {
        const [bytes, decibels] = [new Uint8Array(bins), new Float32Array(bins)];
        const [wave, floats] = [new Uint8Array(options.fftSize), new Float32Array(options.fftSize)];
        analyser.getByteFrequencyData(bytes);
        analyser.getFloatFrequencyData(decibels);
        analyser.getByteTimeDomainData(wave);
        analyser.getFloatTimeDomainData(floats);
        seen.push([bytes, decibels, wave, floats].map((values) => [...values].map((v) => (isFinite(v) ? v : null))));
        context.resume();
      });
    }
    await context.startRendering();
    return seen;
  }, job);
  expect(complaints.length === 0, complaints);
  return seen;
});
expect(looks.length === job.looks.length, looks.length);
console.log(JSON.stringify(looks));
