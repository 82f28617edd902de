// The spoken clips: 24 kHz, mono, 16 bit.
import { readFileSync, writeFileSync } from "node:fs";

const RATE = 24_000;
export const BYTES_PER_MS = (RATE / 1000) * 2;

export function expect(condition, what) {
  if (!condition) throw new Error(typeof what === "string" ? what : JSON.stringify(what));
}

/** The samples of a WAV file. */
export function pcmOf(path) {
  const file = readFileSync(path);
  expect(file.toString("latin1", 0, 4) === "RIFF" && file.toString("latin1", 8, 12) === "WAVE", `${path} is no WAV file`);
  for (let at = 12; at + 8 <= file.length; ) {
    const name = file.toString("latin1", at, at + 4);
    const length = file.readUInt32LE(at + 4);
    if (name === "fmt ") {
      const shape = [file.readUInt32LE(at + 12), file.readUInt16LE(at + 10), file.readUInt16LE(at + 22)];
      expect(shape.join() === `${RATE},1,16`, `${path} is ${shape}, wanted ${RATE},1,16`);
    }
    if (name === "data") return file.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length % 2);
  }
  throw new Error(`${path} holds no samples`);
}

/** Milliseconds of silence. */
export const silence = (ms) => Buffer.alloc(ms * BYTES_PER_MS);

/** Writes pieces of sound one after the other. */
export function writeWav(path, pieces) {
  const samples = Buffer.concat(pieces);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(samples.length, 40);
  writeFileSync(path, Buffer.concat([head, samples]));
}
