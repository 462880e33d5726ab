// Verifies what Carillon sends, with Node's own crypto. Works for every sender of Standard Webhooks.
import { createHmac, timingSafeEqual } from "node:crypto";

// headers: as Node gives them, names in lower case. body: the bytes as they came, before any JSON parsing.
export function verify(secret, headers, body, toleranceSeconds = 300, now = Date.now() / 1000) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > toleranceSeconds) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is being rotated there are two signatures; one that fits is enough.
  return (headers["webhook-signature"] ?? "").split(" ").some((entry) => {
    const given = Buffer.from(entry.replace(/^v1,/, ""), "base64");
    return entry.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected);
  });
}
