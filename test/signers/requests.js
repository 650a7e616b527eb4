// The requests that every signer here signs: all pairs of the paths and queries of
// parts.json, each with some of its headers and bodies.
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";

const parts = JSON.parse(readFileSync(path.join(import.meta.dirname, "parts.json"), "utf8"));

export const credentials = { accessKeyId: "111111111111", secretAccessKey: "test" };

export function requests() {
  return parts.paths.flatMap((p, i) =>
    parts.queries.map((query, j) => ({
      path: p,
      query,
      headers: parts.headers[(i + j) % parts.headers.length],
      body: parts.bodies[(3 * i + j) % parts.bodies.length],
    })),
  );
}

// escape is RFC 3986's.
export function escape(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
}

export function target({ path, query }) {
  const parameters = query.map(([name, value]) => `${escape(name)}=${escape(value)}`).join("&");
  return parameters ? `${path}?${parameters}` : path;
}

// send sends what was signed, byte for byte, and returns the status and the answer.
export function send(endpoint, agent, { method, path, headers, body }) {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent, setHost: false }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode, answer: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}
