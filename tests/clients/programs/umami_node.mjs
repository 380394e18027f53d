// Umami's client for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { Umami } = require("@umami/node");

const told = JSON.parse(process.argv[2]);
const umami = new Umami({ hostUrl: told.host, websiteId: told.website });
const statuses = [];

async function send(call) {
  try {
    const answer = await call;
    statuses.push(answer.status);
  } catch {
    statuses.push(null);
  }
}

await send(
  umami.track({
    hostname: "shop.example",
    url: "/product/42?utm_source=mail",
    referrer: "https://www.google.com/",
    title: "Product 42",
    language: "pt-BR",
    screen: "1920x1080",
  }),
);
for (let number = 0; number < told.events; number += 1) {
  const url = `/page/${number}`;
  await send(umami.track({ hostname: "shop.example", url, name: `event-${number}`, data: { number } }));
}
await send(umami.track("signup", { plan: "pro" }));
await send(umami.identify({ email: "user@shop.example" }));
console.log(JSON.stringify({ statuses }));
