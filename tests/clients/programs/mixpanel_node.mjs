// Mixpanel's client for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const Mixpanel = require("mixpanel");

const told = JSON.parse(process.argv[2]);
const { hostname, port } = new URL(told.host);
const client = Mixpanel.init(told.key, {
  host: `${hostname}:${port}`,
  protocol: "http",
  keepAlive: false,
  verbose: true,
  geolocate: true,
});
const errors = [];
const call = (act) => new Promise((done) => act((error) => done(error && errors.push(String(error)))));

await call((done) =>
  client.track(
    "$mp_web_page_view",
    { distinct_id: "user-1", $current_url: "https://shop.example/product/42?utm_source=mail", plan: "pro" },
    done,
  ),
);
for (let number = 0; number < told.events; number += 1) {
  await call((done) => client.track(`event-${number}`, { distinct_id: "user-1", number }, done));
}
await call((done) =>
  client.track_batch([0, 1].map((n) => ({ event: `batched-${n}`, properties: { distinct_id: "user-1", n } })), done),
);
await call((done) => client.people.set("user-1", { email: "user@shop.example" }, done));
console.log(JSON.stringify({ errors }));
