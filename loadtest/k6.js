// The load test for those who use k6: it sends, then asks /stats where the events are.
//
//   k6 run -e URL=http://localhost:8000 -e INGEST_KEY=... -e READ_KEY=... loadtest/k6.js
//
// RATE (events a second, 200), SECONDS (20) and BATCH (events a request, 1) change the load.

import http from "k6/http";
import { check, fail, sleep } from "k6";
import { Counter } from "k6/metrics";

const url = (__ENV.URL || "http://localhost:8000").replace(/\/$/, "");
const rate = Number(__ENV.RATE || 200);
const seconds = Number(__ENV.SECONDS || 20);
const batch = Number(__ENV.BATCH || 1);
const settleSeconds = 60;

const accepted = new Counter("events_accepted");
const refused = new Counter("events_refused");

export const options = {
  scenarios: {
    events: {
      executor: "constant-arrival-rate",
      rate: Math.max(1, Math.round(rate / batch)),
      timeUnit: "1s",
      duration: `${seconds}s`,
      preAllocatedVUs: 32,
      maxVUs: 256,
    },
  },
  teardownTimeout: "120s",
  thresholds: {
    events_refused: ["count==0"],
    // Every event was accepted and every accepted event is counted, once.
    checks: ["rate==1"],
  },
};

export function setup() {
  const started = new Date(Date.now() - 600000);
  return { run: `k6-${uuid()}`, start: started.toISOString() };
}

export default function (data) {
  const events = Array.from({ length: batch }, () => ({
    eventId: uuid(),
    path: `/loadtest/${Math.floor(Math.random() * 50)}`,
    userId: `loadtest-${Math.floor(Math.random() * 1000)}`,
    sessionId: data.run,
  }));
  const target = batch === 1 ? "/event" : "/events";
  const body = JSON.stringify(batch === 1 ? events[0] : events);
  const headers = { "Content-Type": "application/json", ...bearer(__ENV.INGEST_KEY) };
  const answer = http.post(url + target, body, { headers });
  const isAccepted = answer.status === 202;
  (isAccepted ? accepted : refused).add(batch);
  check(answer, { "accepted": () => isAccepted });
}

// k6 does not hand its counters to the end of a run, so the count is printed for the reader to
// compare with `events_accepted`; that it has stopped growing is checked here.
export function teardown(data) {
  const query = `start=${data.start}&limit=1&filter=${encodeURIComponent(`sessionId:is:${data.run}`)}`;
  let stored = -1;
  for (let waited = 0; waited < settleSeconds; waited += 2) {
    const answer = http.get(`${url}/stats?${query}`, { headers: bearer(__ENV.READ_KEY) });
    if (answer.status !== 200) fail(`/stats answered ${answer.status} ${answer.body}`);
    const count = answer.json("totalViews");
    if (count === stored && count > 0) break;
    stored = count;
    sleep(2);
  }
  console.log(`/stats counts ${stored} events of this run; it must equal events_accepted`);
}

function bearer(key) {
  return { Authorization: `Bearer ${key}` };
}

function uuid() {
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () =>
    Math.floor(Math.random() * 16).toString(16)
  );
}
