// The CloudEvents project's client for JavaScript: each event in the mode that is asked for.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { CloudEvent, emitterFor, httpTransport, Mode } = require("cloudevents");

const told = JSON.parse(process.argv[2]);
const emit = emitterFor(httpTransport(`${told.host}/event`), { mode: Mode[told.mode.toUpperCase()] });
const statuses = [];
for (let number = 0; number < told.events; number += 1) {
  const event = new CloudEvent({
    id: `id-${number}`,
    type: `event-${number}`,
    source: "/shop",
    subject: "/product/42",
    time: told.at,
    userid: "user-1",
    data: { number, text: "ä" },
  });
  const answer = await emit(event, { headers: { Authorization: `Bearer ${told.key}` } });
  statuses.push(answer.body);
}
console.log(JSON.stringify({ answers: statuses }));
