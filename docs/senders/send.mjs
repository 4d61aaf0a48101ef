// Sends CloudEvents: in batches, again while that helps, with a result for each event.
//
//     EVENTING_URL=https://... EVENTING_KEY=... node send.mjs < events.jsonl
//
// Reads one event a line in its JSON format, prints one result a line in the same order, and exits with 1 when
// an event was refused. Needs Node.js 20 and nothing else.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

// Limits of the endpoint (docs/generated/limits.md); a body of a fourth of its limit is sent sooner.
const MAX_BATCH = 100;
const MAX_BODY_BYTES = 1024 * 1024;
// The endpoint answers within 29 s.
const TIMEOUT_SECONDS = 35;
const PATIENCE_SECONDS = 300;
// What may go well the next time. 0 stands for no answer at all.
const SEND_AGAIN = [0, 429, 500, 502, 503, 504];

/**
 * Sends events, each the text of a CloudEvent in JSON; yields a result for each, in the same order.
 *
 * A result's `status` is "accepted", "duplicate", or the number of a problem (RFC 9457), which is final: what
 * could be sent again was, for as long as PATIENCE_SECONDS.
 */
export async function* send(events, { url, key }) {
  for (const batch of batches(events)) yield* await sendBatch(batch, url, key);
}

function* batches(events) {
  let batch = [];
  let size = 0;
  for (const event of events) {
    const more = Buffer.byteLength(event) + 1;
    if (batch.length && (batch.length === MAX_BATCH || size + more > MAX_BODY_BYTES)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(event);
    size += more;
  }
  if (batch.length) yield batch;
}

async function sendBatch(events, url, key) {
  const results = [];
  let waiting = [...events.keys()];
  const deadline = performance.now() / 1000 + PATIENCE_SECONDS;
  for (let attempt = 0; ; attempt++) {
    // Always the same text: an event that is spelled otherwise is another event.
    const body = `[${waiting.map((number) => events[number]).join(",")}]`;
    const { answered, retryAfter } = await post(body, waiting.length, url, key);
    waiting.forEach((number, index) => (results[number] = answered[index]));
    waiting = waiting.filter((number) => SEND_AGAIN.includes(results[number].status));
    // Longer each time, and never at the same moment as other senders.
    const pause = Math.max(retryAfter, Math.min(60, 2 ** attempt / 2)) * (1 + Math.random() / 2);
    if (!waiting.length || performance.now() / 1000 + pause > deadline) return results;
    await sleep(pause * 1000);
  }
}

/** A result for each event of the body, and the seconds after which to send again. */
async function post(body, count, url, key) {
  let response, text;
  try {
    response = await fetch(`${url}/events`, {
      method: "POST",
      body,
      headers: { "content-type": "application/cloudevents-batch+json", "x-api-key": key },
      signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
    });
    text = await response.text();
  } catch (error) {
    const title = `no answer: ${error.cause?.code ?? error.message}`;
    return { answered: Array(count).fill({ status: 0, title }), retryAfter: 0 };
  }
  const answer = object(text);
  // A request that was refused as a whole has one problem, which is that of each event.
  const answered = answer.results ?? Array(count).fill({ ...answer, status: response.status });
  return { answered, retryAfter: Number(response.headers.get("retry-after")) || 0 };
}

function object(text) {
  try {
    const answer = JSON.parse(text);
    if (answer instanceof Object && !Array.isArray(answer)) return answer;
  } catch {
    // Of something on the way that is no part of the endpoint.
  }
  return { title: "an answer that is no JSON object" };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const events = readFileSync(0, "utf8").split("\n").map((line) => line.trim()).filter(Boolean);
  const { EVENTING_URL: url, EVENTING_KEY: key } = process.env;
  for await (const result of send(events, { url, key })) {
    console.log(JSON.stringify(result));
    if (!["accepted", "duplicate"].includes(result.status)) process.exitCode = 1;
  }
}
