// Segment's client for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { Analytics } = require("@segment/analytics-node");

const told = JSON.parse(process.argv[2]);
const errors = [];
const client = new Analytics({
  writeKey: told.key,
  host: told.host,
  path: "/v1/batch",
  flushAt: 10,
  flushInterval: 200,
  maxRetries: 6,
  httpRequestTimeout: told.timeoutSeconds * 1000,
});
client.on("error", (error) => errors.push(`${error.code}: ${error.reason}`));

const userId = "user-1";
client.page({
  userId,
  anonymousId: "anonymous-1",
  name: "Pricing",
  properties: { ...told.page, plan: "pro" },
  context: { campaign: { source: "mail" }, locale: "pt-BR" },
  timestamp: new Date(told.at),
});
for (let number = 0; number < told.events; number += 1) {
  client.track({ userId, event: `event-${number}`, properties: { number } });
}
client.identify({ userId, traits: { email: "user@shop.example" } });
client.group({ userId, groupId: "group-1", traits: { name: "Company" } });
client.alias({ userId, previousId: "anonymous-1" });
client.screen({ userId, name: "Home" });
await client.closeAndFlush();
console.log(JSON.stringify({ errors }));
