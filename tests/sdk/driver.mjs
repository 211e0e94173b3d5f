// Drives the official JavaScript SDK for tests written in Python.
//
// Reads one JSON object a line, {"origin": …, "key": …, "method": …, "args": […]}: where the server is,
// the API key, and what to call. Answers each with one line:
// {"ok": true, "value": …} or {"ok": false, "status": …, "body": …, "error": …}, where status and body
// are there when the server answered. A value that JSON cannot hold as it is, a Date, arrives as text; in
// args {"$date": "2026-01-31"} becomes one.
// Besides the SDK's methods there are parseWebhook(object), verifySignature(key, body, signature) and
// parse(name, value): the value as the SDK's exported schema of that name reads it.

import { createInterface } from "node:readline";
import sdk from "@metriport/api-sdk";

const own = {
  parse: (name, value) => sdk[name].parse(value),
  parseWebhook: (body) => sdk.MetriportMedicalApi.parseWebhookResponse(body),
  verifySignature: (secret, body, signature) =>
    sdk.MetriportMedicalApi.verifyWebhookSignature(secret, body, signature),
};

function build(value) {
  if (Array.isArray(value)) return value.map(build);
  if (value === null || typeof value !== "object") return value;
  if (value.$date) return new Date(value.$date);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, build(item)]));
}

async function call({ origin, key, method, args }) {
  if (own[method]) return own[method](...args);
  const api = new sdk.MetriportMedicalApi(key, { baseAddress: origin });
  if (typeof api[method] !== "function") throw new Error(`the SDK has no method ${method}`);
  const value = await api[method](...args.map(build));
  return method === "createPatientConsolidated" ? { ...value, lastRequestId: api.lastRequestId } : value;
}

function failure(error) {
  const cause = error.cause ? `: ${error.cause.message}` : "";
  return { ok: false, status: error.response?.status, body: error.response?.data, error: error.message + cause };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const value = await call(JSON.parse(line));
    answer = { ok: true, value: value ?? null };
  } catch (error) {
    answer = failure(error);
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
