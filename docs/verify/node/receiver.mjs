// A small receiver behind your TLS proxy:
//   SIGNING_SECRET=whsec_... node receiver.mjs 8081
import { createServer } from "node:http";
import { verify } from "./verify.mjs";

const seen = new Set(); // in production a table with the ids of the last days

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts);
    if (!verify(process.env.SIGNING_SECRET, request.headers, body)) {
      response.writeHead(401).end();
      return;
    }
    // Answer at once and work afterwards: Carillon waits 15 s and never sends again.
    response.writeHead(204).end();
    const id = request.headers["webhook-id"];
    if (seen.has(id)) return;
    seen.add(id);
    const change = JSON.parse(body);
    console.log(`${change.type} ${change.event}: ${change.ids.join(", ")}`);
  });
}).listen(Number(process.argv[2] ?? 8081), "127.0.0.1", function () {
  console.log(`receiving on http://127.0.0.1:${this.address().port}`);
});
