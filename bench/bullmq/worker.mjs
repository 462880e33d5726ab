// A BullMQ worker that makes webhooks' POSTs, as its users write it: the yardstick of the row "queue".
//
//   node worker.mjs add     puts COUNT jobs into the queue, 100 at a time
//   node worker.mjs work    makes their POSTs; says "ready", and "done" when COUNT have ended
//
// The environment names REDIS_SOCKET, URL, CA_FILE, COUNT, CONCURRENCY.
import { readFileSync } from "node:fs";
import https from "node:https";
import { Queue, Worker } from "bullmq";

const batch = 100;
const count = Number(process.env.COUNT);
const connection = { path: process.env.REDIS_SOCKET, maxRetriesPerRequest: null };

function body(number) {
  return JSON.stringify({
    ids: [number],
    type: "person",
    event: "update",
    subscription_id: 64,
    updated_attributes: {
      name: ["Ada Lovelace", `Ada King, ${number}`],
      title: ["Analyst", "Countess of Lovelace"],
      email: ["ada@example.com", `ada.${number}@example.org`],
      phone: ["+1 415 555 0100", "+1 415 555 0199"],
      custom_fields: { 100764: [17, number] },
    },
    timestamp: new Date().toISOString(),
  });
}

async function add() {
  const queue = new Queue("webhooks", { connection });
  for (let number = 1; number <= count; ) {
    const jobs = [];
    for (; jobs.length < batch && number <= count; ++number) {
      // The job's own number is the id that the sink tells doubles by.
      const opts = { jobId: `msg-${number}`, attempts: 1, removeOnComplete: true };
      jobs.push({ name: "post", data: { body: body(number) }, opts });
    }
    await queue.addBulk(jobs);
  }
  await queue.close();
}

const agent = new https.Agent({
  keepAlive: true,
  maxSockets: Number(process.env.CONCURRENCY),
  ca: process.env.CA_FILE && readFileSync(process.env.CA_FILE),
});

function post(job) {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(job.data.body),
      "webhook-id": job.id,
    };
    const request = https.request(process.env.URL, { method: "POST", agent, headers, timeout: 15000 }, (response) => {
      response.resume();
      response.on("end", () =>
        response.statusCode < 300 ? resolve(response.statusCode) : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", reject);
    request.end(job.data.body);
  });
}

async function work() {
  let ended = 0;
  const worker = new Worker("webhooks", post, {
    connection,
    concurrency: Number(process.env.CONCURRENCY),
    autorun: false,
  });
  await worker.waitUntilReady();
  console.log("ready");
  const all = new Promise((resolve) => {
    const end = () => ++ended === count && resolve();
    worker.on("completed", end);
    worker.on("failed", end);
  });
  worker.run();
  await all;
  console.log("done");
  // Until it is killed: its CPU time is read from outside.
  await new Promise(() => setInterval(() => {}, 1000));
}

await (process.argv[2] === "add" ? add() : work());
process.exit(0);
