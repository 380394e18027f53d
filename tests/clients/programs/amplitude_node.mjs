// Amplitude's client for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const amplitude = require("@amplitude/analytics-node");

const told = JSON.parse(process.argv[2]);
amplitude.init(told.key, {
  serverUrl: `${told.host}/2/httpapi`,
  flushQueueSize: 10,
  flushIntervalMillis: 200,
  logLevel: 0,
});
const sent = [];
sent.push(
  amplitude.track(
    "[Amplitude] Page Viewed",
    { "[Amplitude] Page URL": "https://shop.example/product/42?utm_source=mail", plan: "pro" },
    { user_id: "user-1", session_id: Date.parse(told.at), time: Date.parse(told.at) },
  ).promise,
);
for (let number = 0; number < told.events; number += 1) {
  sent.push(amplitude.track(`event-${number}`, { number }, { user_id: "user-1" }).promise);
}
const identify = new amplitude.Identify().set("email", "user@shop.example");
sent.push(amplitude.identify(identify, { user_id: "user-1" }).promise);
const results = await Promise.all(sent);
await amplitude.flush().promise;
console.log(JSON.stringify({ codes: results.map((result) => result.code) }));
