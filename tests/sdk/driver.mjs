// Drives the official JavaScript SDK for tests written in Python.
//
// Reads one JSON object a line, {"origin": …, "key": …, "method": …, "args": […]}: where the server is,
// the API key, and what to call. Answers each with one line:
// {"ok": true, "value": …} or {"ok": false, "status": …, "body": …, "error": …}, where status and body
// are there when the server answered. A value that JSON cannot hold as it is, a Date, arrives as text.
// Besides the SDK's methods there are parseWebhook(object) and verifySignature(key, body, signature).

import { createInterface } from "node:readline";
import sdk from "@metriport/api-sdk";

const own = {
  parseWebhook: (body) => sdk.MetriportMedicalApi.parseWebhookResponse(body),
  verifySignature: (secret, body, signature) =>
    sdk.MetriportMedicalApi.verifyWebhookSignature(secret, body, signature),
};

async function call({ origin, key, method, args }) {
  if (own[method]) return own[method](...args);
  const api = new sdk.MetriportMedicalApi(key, { baseAddress: origin });
  if (typeof api[method] !== "function") throw new Error(`the SDK has no method ${method}`);
  return api[method](...args);
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
