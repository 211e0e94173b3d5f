// Converts with @medplum/ccda what benchmarks/convert.py asks for, in one warm process.
//
// Each line of standard input is the path of a C-CDA document. Each line of standard output answers one:
// the milliseconds from its bytes (already in memory) to serialised JSON, or "error" where it throws.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

// The library names WebSocket when it is loaded, which Node 20 does not have and no conversion uses.
globalThis.WebSocket ??= class {};
// What it logs of a document would stand among the answers, and cost it time.
console.log = console.warn = console.error = () => {};
const { convertCcdaToFhir, convertXmlToCcda } = await import('@medplum/ccda');

const contents = new Map();

function bytesOf(path) {
  if (!contents.has(path)) {
    contents.set(path, readFileSync(path));
  }
  return contents.get(path);
}

function milliseconds(bytes) {
  const began = process.hrtime.bigint();
  const bundle = convertCcdaToFhir(convertXmlToCcda(bytes.toString('utf8')), { ignoreUnsupportedSections: true });
  const json = JSON.stringify(bundle);
  const taken = Number(process.hrtime.bigint() - began) / 1e6;
  return json.length > 2 ? taken : NaN;
}

for await (const path of createInterface({ input: process.stdin })) {
  const bytes = bytesOf(path);
  let answer = 'error';
  try {
    answer = String(milliseconds(bytes));
  } catch {
    // What it throws on is counted by the script that asks.
  }
  process.stdout.write(`${answer}\n`);
}
