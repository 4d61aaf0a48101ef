// Prints the requests that the JavaScript SDK makes of the events, as JSON: see `make sdks`.
import { readFileSync } from "node:fs";
import { validateHeaderValue } from "node:http";
import process from "node:process";
import { CloudEvent, HTTP } from "cloudevents";

const required = {
  specversion: "1.0",
  source: "/sdks",
  type: "com.example.shop.customer.registered.v1",
  time: "2026-11-24T09:30:00Z",
};
const { version } = JSON.parse(
  readFileSync(new URL("package-lock.json", import.meta.url)),
).packages["node_modules/cloudevents"];

function request({ name, attributes, json, text, base64 }, mode) {
  const entry = { event: name, mode };
  try {
    const data = base64 === undefined ? (json ?? text) : new Uint8Array(Buffer.from(base64, "base64"));
    const event = new CloudEvent({ ...required, id: `${name}-${mode}`, ...attributes, data });
    const { headers, body } = HTTP[mode](event);
    entry.headers = {};
    for (const [header, value] of Object.entries(headers)) {
      validateHeaderValue(header, `${value}`); // as Node.js does when it sends one
      entry.headers[header] = `${value}`;
    }
    entry.body_base64 = Buffer.from(body ?? "").toString("base64");
  } catch (error) {
    return { event: name, mode, fails: error.code ?? error.name };
  }
  return entry;
}

const events = JSON.parse(readFileSync(new URL("events.json", import.meta.url)));
const requests = events.flatMap((event) =>
  ["structured", "binary"].map((mode) => request(event, mode)),
);
process.stdout.write(JSON.stringify({ sdk: `JavaScript ${version}`, requests }, null, 1));
