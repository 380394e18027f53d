// PostHog's client for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { PostHog } = require("posthog-node");

const told = JSON.parse(process.argv[2]);
const errors = [];
const client = new PostHog(told.key, {
  host: told.host,
  flushAt: 10,
  flushInterval: 200,
  fetchRetryCount: 6,
  fetchRetryDelay: 300,
  requestTimeout: told.timeout,
  disableCompression: !told.packed,
});
client.on("error", (error) => errors.push(String(error)));

client.capture({
  distinctId: "user-1",
  event: "$pageview",
  properties: {
    $current_url: "https://shop.example/product/42?utm_source=mail",
    $session_id: "session-1",
    plan: "pro",
  },
  timestamp: new Date(told.at),
});
for (let number = 0; number < told.events; number += 1) {
  client.capture({ distinctId: "user-1", event: `event-${number}`, properties: { number } });
}
client.identify({ distinctId: "user-1", properties: { email: "user@shop.example" } });
client.alias({ distinctId: "user-1", alias: "anonymous-1" });
client.groupIdentify({ groupType: "company", groupKey: "company-1", properties: { name: "Company" } });
await client.shutdown();
console.log(JSON.stringify({ errors }));
