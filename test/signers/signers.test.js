// Signers that others have made as judges of which signatures are accepted: those of
// the AWS SDK for JavaScript, of aws4 and of botocore. Each signs some hundreds of
// requests with odd paths, queries, headers and bodies.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";
import aws4 from "aws4";

import { start } from "../js/server.js";
import { credentials, requests, send, target } from "./requests.js";

const jsonType = "application/x-amz-json-1.1";
const operation = "Logs_20140328.DescribeLogGroups";

let server;
let host;
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });

before(async () => {
  server = await start();
  host = new URL(server.endpoint).host;
});
after(async () => {
  agent.destroy();
  await server?.stop();
});

class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", secret) : createHash("sha256");
  }
  update(data) {
    this.hash.update(data);
  }
  digest() {
    return Promise.resolve(new Uint8Array(this.hash.digest()));
  }
}

const smithy = new SignatureV4({ credentials, region: "us-east-1", service: "logs", sha256: Sha256 });

// signBySmithy signs as the AWS SDK for JavaScript does. It takes a query as a map, so
// values of one name are a list.
async function signBySmithy(request) {
  const query = {};
  for (const [name, value] of request.query) {
    query[name] = name in query ? [query[name], value].flat() : value;
  }
  const signed = await smithy.sign({
    method: "POST",
    protocol: "http:",
    hostname: host,
    path: request.path,
    query,
    headers: { ...request.headers, Host: host, "Content-Type": jsonType, "X-Amz-Target": operation },
    body: request.body,
  });
  return { method: "POST", path: target(request), headers: signed.headers, body: request.body };
}

function signByAWS4(request) {
  const signed = aws4.sign(
    {
      host,
      method: "POST",
      service: "logs",
      region: "us-east-1",
      path: target(request),
      headers: { ...request.headers, Host: host, "Content-Type": jsonType, "X-Amz-Target": operation },
      body: request.body,
    },
    credentials,
  );
  return { method: "POST", path: signed.path, headers: signed.headers, body: request.body };
}

for (const [name, sign] of Object.entries({ "@smithy/signature-v4": signBySmithy, aws4: signByAWS4 })) {
  test(`${name}: every request is accepted`, async () => {
    const all = requests();
    assert.ok(all.length >= 300, `${all.length} requests`);
    const refused = [];
    for (const request of all) {
      const { status, answer } = await send(server.endpoint, agent, await sign(request));
      if (status !== 200) refused.push({ ...request, status, answer });
    }
    assert.deepEqual(refused, []);
  });

  test(`${name}: none is accepted after a change`, async () => {
    const accepted = [];
    for (const request of requests()) {
      const signed = await sign(request);
      signed.body += " ";
      if ("Content-Length" in signed.headers) signed.headers["Content-Length"] = Buffer.byteLength(signed.body);
      const { status, answer } = await send(server.endpoint, agent, signed);
      if (status !== 400 || !answer.includes("InvalidSignatureException")) accepted.push({ ...request, status, answer });
    }
    assert.deepEqual(accepted, []);
  });
}

test("@smithy/signature-v4: a presigned query is accepted while it lasts", async () => {
  const sts = new SignatureV4({ credentials, region: "us-east-1", service: "sts", sha256: Sha256 });
  const get = (query) => ({ method: "GET", protocol: "http:", hostname: host, path: "/", query, headers: { host } });
  for (const [age, want] of [[0, 200], [50, 200], [120, 403]]) {
    const signed = await sts.presign(get({ Action: "GetCallerIdentity", Version: "2011-06-15" }), {
      expiresIn: 60,
      signingDate: new Date(Date.now() - age * 1000),
    });
    const query = Object.entries(signed.query);
    const { status, answer } = await send(server.endpoint, agent, { method: "GET", path: target({ path: "/", query }), headers: signed.headers });
    assert.equal(status, want, answer);
  }
});

// python is a Python that has botocore: one of our own or that of Debian's AWS CLI.
function python() {
  for (const program of ["python3", "/usr/bin/python3"]) {
    try {
      execFileSync(program, ["-c", "import botocore"], { stdio: "ignore" });
      return program;
    } catch {
      continue;
    }
  }
  return null;
}

test("botocore: every request is accepted", (t) => {
  const program = python();
  if (!program) {
    assert.notEqual(process.env.CI, "true", "no Python has botocore");
    t.skip("no Python has botocore");
    return;
  }
  const report = execFileSync(program, [path.join(import.meta.dirname, "botocore_signer.py"), host], { encoding: "utf8" });
  const { sent, refused } = JSON.parse(report);
  assert.ok(sent >= 300, `${sent} requests`);
  assert.deepEqual(refused, []);
});
