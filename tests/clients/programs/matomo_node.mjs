// The client of Matomo for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const MatomoTracker = require("matomo-tracker");

const told = JSON.parse(process.argv[2]);
const tracker = new MatomoTracker(told.site, `${told.host}/matomo.php`, true);
const errors = [];
tracker.on("error", (error) => errors.push(String(error)));

const url = "https://shop.example/product/42?utm_source=mail";
const requests = [
  { url, action_name: "Product 42", urlref: "https://www.google.com/", res: "1920x1080", lang: "pt-br", uid: "user-1" },
];
for (let number = 0; number < told.events; number += 1) {
  requests.push({ url, e_c: "shop", e_a: `event-${number}`, e_n: "name", e_v: number, uid: "user-1" });
}
if (told.bulk) {
  await new Promise((done) => tracker.trackBulk(requests, done));
} else {
  for (const request of requests) tracker.track(request);
}
await new Promise((done) => setTimeout(done, told.wait ?? 1000));
console.log(JSON.stringify({ errors }));
process.exit(0); // it reads no answer to its end, and so no connection ends
