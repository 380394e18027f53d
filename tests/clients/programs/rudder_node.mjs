// RudderStack's client for Node.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const loaded = require("@rudderstack/rudder-sdk-node");
const Analytics = loaded.default ?? loaded;

const told = JSON.parse(process.argv[2]);
const errors = [];
const client = new Analytics(told.key, {
  dataPlaneUrl: told.host,
  flushAt: 10,
  flushInterval: 200,
  retryCount: 6,
  gzip: told.packed,
  logLevel: "error",
  axiosConfig: { timeout: told.timeoutSeconds * 1000 },
  axiosRetryConfig: { shouldResetTimeout: true }, // else its tries have one timeout together
  errorHandler: (error) => errors.push(String(error)),
});

const userId = "user-1";
const calls = [
  ["page", {
    userId,
    anonymousId: "anonymous-1",
    name: "Pricing",
    properties: { ...told.page, plan: "pro" },
    context: { campaign: { source: "mail" }, locale: "pt-BR" },
    timestamp: new Date(told.at),
  }],
  ...Array.from({ length: told.events }, (_, number) => [
    "track",
    { userId, event: `event-${number}`, properties: { number } },
  ]),
  ["identify", { userId, traits: { email: "user@shop.example" } }],
  ["group", { userId, groupId: "group-1", traits: { name: "Company" } }],
  ["alias", { userId, previousId: "anonymous-1" }],
  ["screen", { userId, name: "Home" }],
];
// Each of them tells when its batch has been sent, or given up.
await Promise.all(calls.map(([call, message]) => new Promise((done) => client[call](message, done))));
console.log(JSON.stringify({ errors }));
process.exit(0);
