// Snowplow's client for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { newTracker, buildPageView, buildStructEvent, buildSelfDescribingEvent } = require("@snowplow/node-tracker");

const told = JSON.parse(process.argv[2]);
let sent = 0;
const tracker = newTracker(
  { namespace: "shop", appId: told.app, encodeBase64: told.base64 !== false },
  {
    endpoint: told.host,
    eventMethod: told.method ?? "post",
    bufferSize: 5,
    onRequestSuccess: (batch) => (sent += batch.length),
  },
);
tracker.setUserId("user-1");
const pageUrl = "https://shop.example/product/42?utm_source=mail";
tracker.track(buildPageView({ pageUrl, pageTitle: "Product 42", referrer: "https://www.google.com/" }));
for (let number = 0; number < told.events; number += 1) {
  tracker.track(buildStructEvent({ category: "shop", action: `event-${number}`, label: "a", property: "b", value: number }));
}
tracker.track(
  buildSelfDescribingEvent({
    event: { schema: "iglu:com.shop/signup/jsonschema/1-0-0", data: { plan: "pro" } },
  }),
  [{ schema: "iglu:com.shop/user/jsonschema/1-0-0", data: { age: "old" } }],
);
// What failed goes out with the next flush.
for (let tries = 0; sent < told.events + 2 && tries < 100; tries += 1) {
  tracker.flush();
  await new Promise((done) => setTimeout(done, 200));
}
console.log(JSON.stringify({ sent }));
process.exit(0);
